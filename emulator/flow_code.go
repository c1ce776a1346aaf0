package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// code is an authorization code: single use, 15 minutes, bound to client, callback and challenge (E-03).
type code struct {
	clientID    string
	redirectURI string
	challenge   string
	nonce       string
	scopes      []string
	who         *account
	issued      time.Time
	grant       *grant // once used
}

// giveCode mints a code for an attempt that who has allowed. s.mu is held.
func (s *Server) giveCode(a *attempt, who *account, now time.Time) string {
	value := s.mintCode()
	s.codes[value] = &code{
		clientID: a.clientID, redirectURI: a.redirectURI, challenge: a.challenge, nonce: a.nonce, scopes: a.scopes, who: who, issued: now,
	}
	s.sweep(now)
	return value
}

// exchangeCode is grant_type=authorization_code. A code that comes a second time is refused and takes everything that was
// made from it along. A request that is refused for another reason leaves the code usable.
func (s *Server) exchangeCode(c *call, app *App, now time.Time) (*issued, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.codes[c.form.Get("code")]
	if known == nil || known.clientID != app.ClientID {
		return nil, refusedCode
	}
	if known.grant != nil {
		known.grant.revoke(ByCodeReuse, now)
		return nil, refusedCodeExpired
	}
	if now.Sub(known.issued) >= codeLife {
		return nil, refusedCodeExpired
	}
	switch redirectURI := c.form.Get("redirect_uri"); {
	case redirectURI == "":
		return nil, refusedNoRedirect
	case redirectURI != known.redirectURI:
		return nil, refusedRedirect
	}
	if no := checkVerifier(known.challenge, c.form.Get("code_verifier")); no != nil {
		return nil, no
	}
	who := s.dir.current(known.who)
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := app.admits(who); no != nil {
		return nil, no
	}
	if no := s.restricted(c, app, who, byCode); no != nil {
		return nil, no
	}
	g := s.approve(app.ClientID, who, known.scopes, now)
	known.grant = g
	a := s.openSession(g, app, now)
	return &issued{who: who, scopes: g.scopes, session: a, accessToken: a.token, refreshToken: g.refreshToken, nonce: known.nonce, at: now}, nil
}

// checkVerifier compares a PKCE verifier with its S256 challenge. The length of a verifier is not checked: jsforce sends
// 171 characters, beyond the 128 of RFC 7636, and Salesforce takes them. A verifier without a challenge is a downgrade.
func checkVerifier(challenge, verifier string) *refusal {
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge != "" && verifier == "":
		return refusedNoVerifier
	case challenge == "" || base64.RawURLEncoding.EncodeToString(sum[:]) != challenge:
		return refusedVerifier
	}
	return nil
}
