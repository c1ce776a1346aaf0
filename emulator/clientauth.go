package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/url"
)

// authenticate finds the app that calls and checks its secret: in the form, in a Basic header, or none (E-06). An empty
// client_secret counts as none, because clients send it for public apps. A secret that is sent is checked even where it is
// optional. secretOptional says whether this request may come without.
func (s *Server) authenticate(c *call, secretOptional func(*App) bool) (*App, *refusal) {
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	if c.r.Header.Get("Authorization") != "" {
		basicID, basicSecret, no := basicAuth(c)
		if no != nil {
			return nil, no
		}
		if secret != "" || (id != "" && id != basicID) {
			return nil, refusedSecret // RFC 6749 section 2.3: one method a request
		}
		id, secret = basicID, basicSecret
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
	return app, nil
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
