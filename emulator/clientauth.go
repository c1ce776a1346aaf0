package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// authenticate finds the app that calls and checks that it is the app: by its secret in the form or in a Basic header, by an
// assertion, or not at all (E-06). An empty client_secret counts as none, because clients send it for public apps. A secret
// that is sent is checked even where it is optional, and keeps an assertion from being looked at. secretOptional says whether
// this request may come without either.
func (s *Server) authenticate(c *call, secretOptional func(*App) bool) (*App, *refusal) {
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	if sendsBasic(c.r) {
		basicID, basicSecret, no := basicAuth(c)
		if no != nil {
			return nil, no
		}
		if secret != "" || (id != "" && id != basicID) {
			return nil, refusedSecret // RFC 6749 section 2.3: one method a request
		}
		id, secret = basicID, basicSecret
	}
	if assertion := c.form.Get("client_assertion"); secret == "" && assertion != "" {
		return s.authenticateByKey(c, id, assertion)
	}
	app := s.app(id)
	switch {
	case app == nil:
		return nil, refusedClientID
	case secret != "" && !sameSecret(secret, app.ClientSecret):
		return nil, refusedSecret
	case secret == "" && app.ClientSecret != "" && !secretOptional(app):
		return nil, refusedSecret
	}
	c.proved = secret != ""
	return app, nil
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticateByKey is private_key_jwt: an RS256 JWT whose iss and sub are the client id and whose jti comes once only. The
// error code bad_jti_claim is documented; which claims Salesforce wants is believed (RFC 7523 section 3).
func (s *Server) authenticateByKey(c *call, id, assertion string) (*App, *refusal) {
	token := parseAssertion(assertion)
	if token == nil || c.form.Get("client_assertion_type") != assertionType || (id != "" && id != token.claims.Issuer) {
		return nil, refusedSecret
	}
	app := s.app(token.claims.Issuer)
	switch {
	case app == nil:
		return nil, refusedClientID
	case !token.signedBy(app.Certificate), token.claims.Subject != app.ClientID, !token.claims.Expires.after(s.clock()):
		return nil, refusedSecret
	case !slices.ContainsFunc(token.claims.Audience, func(name string) bool { _, ok := s.audience(c, name); return ok }):
		return nil, refusedSecret
	case !s.firstUse(app.ClientID, token.claims.ID, token.claims.Expires.time()):
		return nil, refusedJTI
	}
	c.proved = true
	return app, nil
}

// firstUse notes a jti until the assertion has ended, and reports whether it is new. An assertion without one is let through.
func (s *Server) firstUse(clientID, jti string, until time.Time) bool {
	if jti == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if len(s.usedJTIs) >= maxUnclaimed {
		deleteFunc(s.usedJTIs, func(until time.Time) bool { return !until.After(now) })
	}
	if len(s.usedJTIs) >= maxUnclaimed {
		clear(s.usedJTIs)
	}
	key := clientID + " " + jti
	if s.usedJTIs[key].After(now) {
		return false
	}
	s.usedJTIs[key] = until
	return true
}

// sendsBasic reports whether the request has a Basic header. Other schemes say nothing about the app: nforce signs its token
// requests as OAuth 1.0 by accident, and is in use (observed).
func sendsBasic(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Basic")
}

// basicAuth decodes both parts as form values, as RFC 6749 section 2.3.1 wants.
func basicAuth(c *call) (id, secret string, no *refusal) {
	id, secret, ok := c.r.BasicAuth()
	if !ok {
		return "", "", refusedBasic
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil {
		return "", "", refusedBasic
	}
	return id, secret, nil
}

// sameSecret compares in constant time, lengths included.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
