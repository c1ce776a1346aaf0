package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// label reports whether name can stand for an org or a site in a path.
func label(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/:?#% ") && !reservedPrefix[name]
}

// left reports whether r is a login pool that the org's users may no longer use (canOnlyLoginWithMyDomainUrl).
func (r realm) left(org *Org) bool {
	return org.LoginAtMyDomainOnly && r.kind != myDomain
}

// moveOn answers at a My Domain that the org has given up: 302 to the one it has now, path and query unchanged, whatever the
// method (observed; ForceCLI posts its form again).
func (s *Server) moveOn(c *call, r *http.Request) bool {
	if c.realm.movedTo == "" {
		return false
	}
	base := s.baseURL
	if base == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		base = scheme + "://" + r.Host
	}
	path := r.URL.Path
	if c.realm.prefix != "" {
		path = "/" + c.realm.movedTo + strings.TrimPrefix(path, c.realm.prefix)
	} else {
		scheme, host, _ := strings.Cut(base, "://")
		base = scheme + "://" + c.realm.movedTo + strings.TrimPrefix(host, c.realm.former)
	}
	target := base + (&url.URL{Path: path}).EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	c.w.Header().Set("Location", target)
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusFound)
	return true
}
