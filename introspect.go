package sftoken

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// TokenHint tells the introspection endpoint what kind of token it is given.
type TokenHint string

const (
	AccessTokenHint  TokenHint = "access_token"
	RefreshTokenHint TokenHint = "refresh_token"
)

// Introspection is what Salesforce knows of a token (RFC 7662). Of an inactive one it says nothing but that.
type Introspection struct {
	Active    bool
	Scope     []string
	ClientID  string
	Username  string
	Subject   string // the identity URL
	TokenType string // "access_token" or "refresh_token", not "Bearer"
	ExpiresAt time.Time
	IssuedAt  time.Time
	NotBefore time.Time
}

// Introspect asks whether token is alive. An inactive token is no error. Asking about a refresh token is not known to
// rotate it. Salesforce demands client authentication and answers about the app's own tokens only, unless the app may
// introspect all.
func (c *Client) Introspect(ctx context.Context, token Secret, hint TokenHint) (*Introspection, error) {
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	if token.IsZero() {
		return nil, &AppError{"token", "there is none", "token-empty"}
	}
	form := url.Values{"token": {token.Reveal()}}
	if hint != "" {
		form.Set("token_type_hint", string(hint))
	}
	if err := c.authenticate(form); err != nil {
		return nil, err
	}
	got, err := c.post(ctx, "introspect", c.App.Host, "/services/oauth2/introspect", form)
	if err != nil {
		return nil, err
	}
	f, err := got.read()
	if err != nil {
		return nil, err
	}
	i := new(Introspection)
	if json.Unmarshal(f["active"], &i.Active) != nil {
		return nil, got.unexpected("answer-incomplete", "it does not say whether the token is active")
	}
	i.Scope = f.words("scope")
	i.ClientID = f.text("client_id")
	i.Username = f.text("username")
	i.Subject = f.text("sub")
	i.TokenType = f.text("token_type")
	i.ExpiresAt = f.seconds("exp")
	i.IssuedAt = f.seconds("iat")
	i.NotBefore = f.seconds("nbf")
	return i, nil
}
