package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
)

// refuse says why a request may not pass, or nil. Nothing is said of the org before the caller is known.
func (o Options) refuse(r *http.Request) *refusal {
	switch {
	case o.Hosts != nil && !slices.Contains(o.Hosts, strings.ToLower(r.Host)):
		return &refusal{http.StatusMisdirectedRequest, "PROXY_HOST_REFUSED", "the proxy is not called by the name in Host"}
	case fromBrowser(r):
		return &refusal{http.StatusForbidden, "PROXY_BROWSER_REFUSED", "the proxy is not for browsers"}
	case !slices.Contains(methods, r.Method):
		return &refusal{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP method not allowed: the proxy passes on " + strings.Join(methods, ", ")}
	case !o.Token.IsZero() && !o.Token.Equal(sentToken(r)):
		return &refusal{http.StatusUnauthorized, "PROXY_TOKEN_REFUSED", "send the token that the proxy printed at its start as Authorization: Bearer"}
	case !isAPI(r.URL.Path):
		return &refusal{http.StatusForbidden, "PROXY_PATH_REFUSED", "the proxy passes on what is below /services and /id, except for /services/oauth2; of that only userinfo"}
	}
	return nil
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// fromBrowser reports what no script on a page can leave out or forge (Fetch standard, forbidden request headers).
func fromBrowser(r *http.Request) bool {
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Access-Control-Request-Method"} {
		if len(r.Header.Values(name)) > 0 {
			return true
		}
	}
	return false
}

// sentToken takes the token from where clients of the data API put it: Bearer, or OAuth as older ones say.
func sentToken(r *http.Request) sftoken.Secret {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth") {
		return sftoken.NewSecret(strings.TrimSpace(token))
	}
	return sftoken.Secret{}
}

// isAPI reports whether path is one of the org's API. What is compared is the path as a server may come to see it: without
// empty segments and without what follows a semicolon. Steps upwards are in no client's requests.
func isAPI(path string) bool {
	var segments []string
	for segment := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		segment, _, _ = strings.Cut(strings.ToLower(segment), ";")
		switch segment {
		case "":
			continue
		case ".", "..":
			return false
		}
		segments = append(segments, segment)
	}
	switch {
	case len(segments) < 2:
		return false
	case segments[0] == "id":
		return true
	case segments[0] == "services" && segments[1] == "oauth2":
		return slices.Equal(segments[2:], []string{"userinfo"})
	}
	return segments[0] == "services"
}
