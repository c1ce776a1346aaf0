package emulator

import "time"

// refresh is grant_type=refresh_token. With rotation the answer has a new refresh token and the old one is dead at once;
// when a dead one comes again, the living one and every access token of the grant die with it. There is no grace time
// (Salesforce help 005316711). Without rotation the answer has no refresh token.
//
// Unknown parameters, a code_verifier among them, are tolerated: jsforce sends one.
func (s *Server) refresh(c *call, app *App, now time.Time) (*issued, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := c.form.Get("refresh_token")
	g := s.grants[sent]
	if g == nil || g.clientID != app.ClientID {
		return nil, refusedRefresh
	}
	if sent != g.refreshToken {
		g.revoke(ByReuse, now)
		return nil, refusedRefresh
	}
	if !g.refreshLives(app, now) {
		return nil, refusedRefresh
	}
	who := s.dir.current(g.who)
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := app.admits(who); no != nil {
		return nil, no
	}
	if no := s.restricted(c, app, who, byRefresh); no != nil {
		return nil, no
	}
	if !s.dir.count(who, now) {
		return nil, refusedRate
	}
	g.used = now
	g.uses++
	given := &issued{who: who, scopes: g.scopes, at: now}
	if app.Rotation {
		s.giveRefreshToken(g)
		given.refreshToken = g.refreshToken
	}
	given.session = s.openSession(g, app, now)
	given.accessToken = given.session.token
	return given, nil
}
