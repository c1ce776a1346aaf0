package emulator

import (
	"slices"
	"strings"
	"time"
)

// clientCredentials lets an app act as the one user that an administrator has chosen for it. It works at a My Domain only;
// the plain address plays a login pool, where Salesforce refuses (observed).
func (s *Server) clientCredentials(c *call, app *App, now time.Time) (*issued, *refusal) {
	switch {
	case c.realm.kind != myDomain:
		return nil, refusedDomain
	case !c.proved:
		return nil, refusedSecret
	case !app.ClientCredentials:
		return nil, refusedNoCredentialsFlow
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.find(app.ClientCredentialsUser)
	if who == nil || !c.realm.reaches(who) {
		return nil, refusedNoCredentialsUser
	}
	if who.user.Site != "" {
		return nil, refusedByUser // a portal user cannot be the one (observed)
	}
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := app.admits(who); no != nil {
		return nil, no
	}
	if no := s.restricted(c, app, who, byOther); no != nil {
		return nil, no
	}
	scopes := normalScopes(app.Scopes)
	// full alone counts for nothing (observed since Winter '26); refresh_token says when, not what.
	if !slices.ContainsFunc(scopes, func(scope string) bool { return scope != "full" && scope != "refresh_token" }) {
		return nil, refusedNoScopes
	}
	given, no := s.mintFor(app, who, scopes, now)
	if no == nil {
		given.extra = fields{{"api_instance_url", c.root}}
	}
	return given, no
}

// password is the username-password flow. Its answer has no scope and never a refresh token (captured). External client apps
// do not have it (observed), and an org can block it; then every password is a wrong one (inferred).
func (s *Server) password(c *call, app *App, now time.Time) (*issued, *refusal) {
	if app.External {
		return nil, refusedGrantType
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.find(c.form.Get("username"))
	if who == nil || !c.realm.holds(who) || who.org.BlockPassword || !who.passwordFits(c.form.Get("password")) {
		if who != nil {
			s.noteLogin(c, who, app, byOther, "Invalid Password")
		}
		return nil, refusedLogin
	}
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := app.admits(who); no != nil {
		return nil, no
	}
	if no := s.restricted(c, app, who, byOther); no != nil {
		return nil, no
	}
	given, no := s.mintFor(app, who, normalScopes(app.Scopes), now)
	if no == nil {
		given.without = []string{"scope", "id_token"}
	}
	return given, no
}

// passwordFits compares a password that comes without a page: the user's security token follows it, if there is one.
func (a *account) passwordFits(sent string) bool {
	return sameSecret(sent, a.user.Password+a.user.SecurityToken)
}

// find returns the account of a username; nil if there is none. Server.mu is held.
func (d *directory) find(username string) *account { return d.byName[strings.ToLower(username)] }
