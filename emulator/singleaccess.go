package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// bridge is a one-time pass from an access token to a browser session: single use, 60 seconds.
type bridge struct {
	who    *account
	issued time.Time
}

// singleaccess answers with the URL that opens the org in a browser.
func (s *Server) singleaccess(c *call) {
	session := s.identified(c, "access_token")
	if session == nil {
		return
	}
	target := c.form.Get("redirect_uri")
	who := s.owner(session)
	switch {
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodPost:
		http.Error(c.w, "method not allowed", http.StatusMethodNotAllowed)
		return
	case session.grant.number == 0 || who.may(APIOnly): // a session that is no OAuth token, or a user who has no pages (O)
		c.word(http.StatusForbidden, "Bad_OAuth_Token")
		return
	case c.realm.kind == myDomain && c.realm.orgID != id15(who.org.ID):
		c.word(http.StatusForbidden, "Wrong_Org")
		return
	case c.realm.kind == myDomain && !c.realm.holds(who):
		c.word(http.StatusForbidden, "No_Access")
		return
	case !session.hasScope("web"):
		c.word(http.StatusForbidden, "Invalid_Scope")
		return
	case target != "" && !localPath(target):
		c.word(http.StatusBadRequest, "Invalid_Param")
		return
	}
	pass := s.mint(32)
	now := s.now()
	s.mu.Lock()
	s.bridges[pass] = &bridge{who: session.grant.who, issued: now}
	s.mu.Unlock()
	query := url.Values{"otp": {pass}}
	if target != "" {
		query.Set("startURL", target)
	}
	c.writeJSON(http.StatusOK, map[string]string{"frontdoor_uri": c.base + "/secur/frontdoor.jsp?" + query.Encode()})
}

// frontdoor logs a browser in with a pass, or with an access token as sid, and goes on to a path of the emulator.
func (s *Server) frontdoor(c *call) {
	who := s.takeBridge(c.form.Get("otp"))
	if who == nil {
		if session := s.useSession(c.form.Get("sid")); session != nil && session.hasScope("web") {
			who = session.grant.who
		}
	}
	target := "/"
	for _, wanted := range []string{c.form.Get("startURL"), c.form.Get("retURL")} {
		if localPath(wanted) {
			target = wanted
		}
	}
	if who != nil && c.realm.holds(who) {
		s.openBrowser(c, who)
	}
	c.redirect(c.realm.prefix + target)
}

func (s *Server) takeBridge(pass string) *account {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bridges[pass]
	delete(s.bridges, pass)
	if b == nil || now.Sub(b.issued) > bridgeLife {
		return nil
	}
	return b.who
}

// localPath accepts a path on this server only. Browsers read "//host" and "/\host" as another host.
func localPath(target string) bool {
	u, err := url.Parse(target)
	return err == nil && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") && !strings.ContainsAny(target, "\\\r\n\t") &&
		u.Host == "" && u.Scheme == ""
}
