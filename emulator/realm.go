package emulator

import (
	"net"
	"strings"
)

// realm is the part of Salesforce that a host or a path prefix stands for.
type realm struct {
	kind   realmKind
	orgID  string // of a My Domain, 15 characters
	site   *Site  // of a My Domain, when the path leads to one
	prefix string // "/acme" or "/acme/partners"

	movedTo, former string // of a My Domain that has been renamed
}

type realmKind int

const (
	anyHost        realmKind = iota // a plain address: every org, both pools
	productionPool                  // login.…
	sandboxPool                     // test.…
	myDomain                        // acme.…, or /acme/…
	apiHost                         // api.…
)

// holds reports whether who can log in here: external users at their site only, where internal users can too.
func (r realm) holds(who *account) bool {
	if who.user.Site != "" && (r.site == nil || r.site.Prefix != who.user.Site) {
		return false
	}
	if r.left(&who.org) {
		return false
	}
	switch r.kind {
	case productionPool:
		return !who.org.Sandbox
	case sandboxPool:
		return who.org.Sandbox
	case myDomain:
		return id15(who.org.ID) == r.orgID
	}
	return true
}

// reaches is holds for requests that name a user rather than log one in: an external user's org answers for it too.
func (r realm) reaches(who *account) bool {
	if r.site == nil {
		internal := *who
		internal.user.Site = ""
		return r.holds(&internal)
	}
	return r.holds(who)
}

// realmOf reads the realm from the first path segment, else from the host name, which is in lower case and has no port; then
// the site from the next segment.
func (s *Server) realmOf(host, path string) realm {
	first, rest, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	found := realm{}
	if orgID, ok := s.dir.byDomain[first]; ok {
		found = realm{kind: myDomain, orgID: orgID, prefix: "/" + first}
		first, _, _ = strings.Cut(rest, "/")
	} else if now, moved := s.dir.moved[first]; moved {
		return realm{kind: myDomain, orgID: s.dir.byDomain[now], prefix: "/" + first, movedTo: now, former: first}
	} else if found = s.dir.realmOfHost(host); found.movedTo != "" {
		return found
	}
	if org := s.dir.org(found.orgID); org != nil && first != "" {
		if found.site = org.site(first); found.site != nil {
			found.prefix += "/" + first
		}
	}
	return found
}

func (d *directory) realmOfHost(host string) realm {
	label, _, dotted := strings.Cut(host, ".")
	if !dotted || net.ParseIP(host) != nil {
		return realm{}
	}
	longest := ""
	for domain := range d.byDomain {
		if strings.HasPrefix(host, strings.ToLower(domain)+".") && len(domain) > len(longest) {
			longest = domain
		}
	}
	for former, now := range d.moved {
		if strings.HasPrefix(host, strings.ToLower(former)+".") && len(former) > len(longest) {
			return realm{kind: myDomain, orgID: d.byDomain[now], movedTo: now, former: former}
		}
	}
	switch {
	case longest != "":
		return realm{kind: myDomain, orgID: d.byDomain[longest]}
	case label == "login":
		return realm{kind: productionPool}
	case label == "test":
		return realm{kind: sandboxPool}
	case label == "api":
		return realm{kind: apiHost}
	}
	return realm{}
}

// org finds an org by its id of 15 characters; nil if there is none.
func (d *directory) org(id string) *Org {
	for i := range d.orgs {
		if id != "" && id15(d.orgs[i].ID) == id {
			return &d.orgs[i]
		}
	}
	return nil
}

// orgBase is the address of org's My Domain, as c's client can reach it.
func (c *call) orgBase(org *Org) string {
	if c.realm.kind == myDomain && c.realm.orgID == id15(org.ID) {
		if c.realm.site != nil {
			return strings.TrimSuffix(c.base, "/"+c.realm.site.Prefix)
		}
		return c.base
	}
	return c.root + "/" + org.MyDomain
}
