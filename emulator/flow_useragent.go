package emulator

import (
	"net/url"
	"slices"
	"strings"
)

// finishWithTokens ends the user-agent flow (response_type token, token id_token) and its hybrid form: every field of a token
// answer goes into the callback's fragment. There is a refresh token only where no web site reads the address: at a custom
// scheme, at the landing page /services/oauth2/success (both quoted from Salesforce's help), and at http://localhost (observed:
// ForceCLI/force 44 and 348).
func (s *Server) finishWithTokens(c *call, a *attempt, app *App, who *account) {
	now := s.now()
	scopes := a.scopes
	if !keepsFragment(a.redirectURI) {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == "refresh_token" })
	}
	s.mu.Lock()
	g := s.approve(app.ClientID, who, scopes, now)
	session := s.openSession(g, app, now)
	given := &issued{
		app: app, who: who, scopes: scopes, session: session, accessToken: session.token, refreshToken: g.refreshToken, nonce: a.nonce, at: now,
	}
	s.mu.Unlock()
	if a.response == withHybrid {
		s.addCookies(c, app, given)
	}
	answer, err := s.tokenAnswer(c, given)
	if err != nil {
		s.log.Error("sign token", "error", err)
		s.refuseBrowser(c, a, &refusal{code: "server_error", description: "token could not be signed"})
		return
	}
	c.callback(a, answer...)
}

// keepsFragment reports whether a callback may get a refresh token.
func keepsFragment(callback string) bool {
	u, err := url.Parse(callback)
	return err == nil && (u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() == "localhost") || strings.HasSuffix(u.Path, "/services/oauth2/success"))
}
