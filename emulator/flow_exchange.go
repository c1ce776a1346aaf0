package emulator

import (
	"slices"
	"strings"
	"time"
)

const (
	tokenExchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	tokenTypePrefix    = "urn:ietf:params:oauth:token-type:"
)

// exchangeToken is RFC 8693 as Salesforce has it: a handler of the org says whose the subject token is. Like every flow
// without a person it needs an earlier approval. issued_token_type is RFC 8693's; that Salesforce answers it is believed.
func (s *Server) exchangeToken(c *call, app *App, now time.Time) (*issued, *refusal) {
	switch {
	case c.realm.kind != myDomain:
		return nil, refusedDomain
	case !app.TokenExchange:
		return nil, refusedNoExchange
	}
	s.mu.Lock()
	org := s.dir.org(c.realm.orgID).clone()
	s.mu.Unlock()
	handler := org.tokenHandler(c.form.Get("token_handler"), app)
	username := ""
	if handler != nil {
		username = handler.accept(c.form.Get("subject_token_type"), c.form.Get("subject_token"), s.clock())
	}
	if username == "" {
		return nil, refusedHandler
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.find(username)
	if who == nil || !c.realm.reaches(who) {
		return nil, refusedHandler
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
	if wanted := c.form.Get("scope"); wanted != "" {
		if scopes, no = (&App{Scopes: scopes}).grantable(wanted); no != nil {
			return nil, no
		}
	}
	given, no := s.exchanged(c, app, who, scopes, now)
	if no == nil {
		given.extra = fields{{"issued_token_type", tokenTypePrefix + "access_token"}}
	}
	return given, no
}

// exchanged gives a refresh token too where the request names the scope for it: that makes a new approval. s.mu is held.
func (s *Server) exchanged(c *call, app *App, who *account, scopes []string, now time.Time) (*issued, *refusal) {
	if !c.form.Has("scope") || !slices.Contains(scopes, "refresh_token") {
		return s.mintFor(app, who, scopes, now)
	}
	if !s.dir.count(who, now) {
		return nil, refusedRate
	}
	g := s.approve(app.ClientID, who, scopes, now)
	a := s.openSession(g, app, now)
	return &issued{who: who, scopes: scopes, session: a, accessToken: a.token, refreshToken: g.refreshToken, at: now}, nil
}

// tokenHandler finds a handler by name, or app's default one.
func (o *Org) tokenHandler(name string, app *App) *TokenHandler {
	for i, handler := range o.TokenHandlers {
		if name != "" && handler.Name == name || name == "" && slices.Contains(handler.Apps, app.ClientID) {
			return &o.TokenHandlers[i]
		}
	}
	return nil
}

// accept returns whose the subject token is; "" refuses it.
func (h *TokenHandler) accept(tokenType, token string, now time.Time) string {
	kind, known := strings.CutPrefix(tokenType, tokenTypePrefix)
	if strings.EqualFold(kind, "jwt") {
		kind = "JWT"
	}
	if !known || !slices.Contains(subjectTypes, kind) || len(h.Types) > 0 && !slices.Contains(h.Types, kind) {
		return ""
	}
	if username := h.Tokens[token]; username != "" {
		return username
	}
	parsed := parseAssertion(token)
	if parsed == nil || !parsed.signedBy(h.Certificate) || !parsed.claims.Expires.after(now) {
		return ""
	}
	return parsed.username()
}
