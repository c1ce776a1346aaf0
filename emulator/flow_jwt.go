package emulator

import (
	"slices"
	"time"
)

// jwtBearer is RFC 7523's grant: an RS256 JWT that the app signs, naming itself as iss and a user as sub (or prn). The app
// sends nothing else. The answer has no refresh token, signature or issued_at (captured).
//
// exp is compared with the clock without Advance: it is the client's own time.
func (s *Server) jwtBearer(c *call, _ *App, now time.Time) (*issued, *refusal) {
	token := parseAssertion(c.form.Get("assertion"))
	if token == nil {
		return nil, refusedAssertion
	}
	app := s.app(token.claims.Issuer)
	switch {
	case app == nil:
		return nil, refusedClientID
	case !token.signedBy(app.Certificate):
		return nil, refusedSecret
	case app.Disabled:
		return nil, refusedAppDisabled
	case token.username() == "", !token.claims.Expires.after(s.clock()):
		return nil, refusedAssertion
	}
	c.proved = true
	c.entry.ClientID = app.ClientID
	var to *realm
	for _, name := range token.claims.Audience {
		if found, ok := s.audience(c, name); ok {
			to = &found
		}
	}
	if to == nil {
		return nil, refusedAudience
	}
	given, no := s.vouched(c, app, *to, token.username(), now)
	if no == nil {
		given.without = []string{"signature", "issued_at"}
	}
	return given, no
}

// vouched gives an access token for a user whom an assertion of app names. There is no person to ask, so the user must have
// approved the app before, with the scope refresh_token, or an administrator must have.
//
// An external client app answers nothing to the sandbox pool but that it is not there (quoted from users of it).
func (s *Server) vouched(c *call, app *App, to realm, username string, now time.Time) (*issued, *refusal) {
	if app.External && (to.kind == sandboxPool || c.realm.kind == sandboxPool) {
		return nil, refusedAppNotFound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.find(username)
	switch {
	case who == nil:
		return nil, refusedNotApproved // believed: an unknown user has approved nothing
	case !to.holds(who), !c.realm.reaches(who):
		return nil, refusedAudience
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
	scopes, no := s.approvedBefore(app, who, now)
	if no != nil {
		return nil, no
	}
	return s.mintFor(app, who, scopes, now)
}

// approvedBefore returns the scopes that app may have for who without asking: the app's when an administrator has approved it,
// else those of who's living approvals.
func (s *Server) approvedBefore(app *App, who *account, now time.Time) ([]string, *refusal) {
	if app.AdminApproved {
		scopes := normalScopes(app.Scopes)
		if !slices.Contains(scopes, "refresh_token") {
			return nil, refusedNoRefreshScope
		}
		return scopes, nil
	}
	var scopes []string
	for _, g := range s.approved[approval{app.ClientID, id15(who.user.ID)}] {
		if g.refreshToken != "" && g.refreshLives(app, now) {
			scopes = append(scopes, g.scopes...)
		}
	}
	if scopes == nil {
		return nil, refusedNotApproved
	}
	return normalScopes(scopes), nil
}

// mintFor opens a session that no approval stands behind, and counts it as a login. s.mu is held.
func (s *Server) mintFor(app *App, who *account, scopes []string, now time.Time) (*issued, *refusal) {
	if !s.dir.count(who, now) {
		return nil, refusedRate
	}
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == "refresh_token" })
	g := &grant{clientID: app.ClientID, who: who, scopes: scopes, created: now, used: now}
	s.record(g)
	a := s.openSession(g, app, now)
	return &issued{app: app, who: who, scopes: scopes, session: a, accessToken: a.token, at: now}, nil
}
