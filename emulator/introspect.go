package emulator

import (
	"net/http"
	"strings"
	"time"
)

// introspection is the answer for a living token. token_type is the kind of token, not "Bearer".
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope"`
	ClientID  string `json:"client_id"`
	Username  string `json:"username"`
	Subject   string `json:"sub"`
	TokenType string `json:"token_type"`
	ExpiresAt int64  `json:"exp,omitempty"` // absent for a refresh token without end (believed)
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
}

// introspect answers POST /services/oauth2/introspect. The app must authenticate, so that a public app
// cannot ask, unless SecretlessIntrospection lets it. An app sees its own tokens only, unless it may see all. Looking at a token
// changes nothing: it neither rotates a refresh token nor counts as its use, and a spent one kills nothing.
func (s *Server) introspect(c *call) {
	if c.r.Method != http.MethodPost {
		c.refuse(refusedMethod)
		return
	}
	app, no := s.authenticate(c, func(*App) bool { return false })
	if no != nil {
		c.refuse(no)
		return
	}
	if !c.proved && !app.SecretlessIntrospection {
		c.refuse(refusedSecret)
		return
	}
	if found := s.look(c, app, c.form.Get("token")); found != nil {
		c.writeJSON(http.StatusOK, found)
		return
	}
	c.writeJSON(http.StatusOK, map[string]bool{"active": false})
}

// look ignores token_type_hint: a wrong hint must not hide a token (RFC 7662 section 2.1).
func (s *Server) look(c *call, asker *App, token string) *introspection {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.sessions[token]; a != nil && a.lives(now) {
		return s.introspected(c, asker, a.grant, "access_token", a.issued, a.expires)
	}
	if g := s.grants[token]; g != nil && g.refreshToken == token {
		if owner := s.apps[g.clientID]; g.refreshLives(owner, now) {
			return s.introspected(c, asker, g, "refresh_token", g.created, g.refreshExpiry(owner))
		}
	}
	return nil
}

func (s *Server) introspected(c *call, asker *App, g *grant, kind string, from, until time.Time) *introspection {
	if g.clientID != asker.ClientID && !asker.IntrospectAll && !s.registeredBy(g.clientID, asker.ClientID) {
		return nil
	}
	found := &introspection{
		Active: true, Scope: strings.Join(g.scopes, " "), ClientID: g.clientID, Username: g.who.user.Username,
		Subject: identityURL(c.base, g.who), TokenType: kind, IssuedAt: from.Unix(), NotBefore: from.Unix(),
	}
	if !until.IsZero() {
		found.ExpiresAt = until.Unix()
	}
	return found
}
