package sftoken

import (
	"context"
	"encoding/json"
)

// Discovery is the login host's openid-configuration document. The package itself works without it: Salesforce's paths
// are fixed.
type Discovery struct {
	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string
	RevocationEndpoint    string
	IntrospectionEndpoint string
	UserinfoEndpoint      string
	JWKSURI               string
	ScopesSupported       []string
	Extra                 map[string]json.RawMessage
}

// Discover fetches the document and checks its issuer: the login host itself, or a login pool where the login host is a
// My Domain (RFC 8414 section 3.3 with that one exception). Its endpoints must be hosts that may have a token.
func (c *Client) Discover(ctx context.Context) (*Discovery, error) {
	if c.App.Host.IsZero() {
		return nil, &AppError{"login host", "none was given", "host-empty"}
	}
	got, err := c.get(ctx, "discovery", c.App.Host.Endpoint("/.well-known/openid-configuration"), Secret{})
	if err != nil {
		return nil, err
	}
	f, err := got.read()
	if err != nil {
		return nil, err
	}
	d := &Discovery{
		Issuer:                f.text("issuer"),
		AuthorizationEndpoint: f.text("authorization_endpoint"),
		TokenEndpoint:         f.text("token_endpoint"),
		RevocationEndpoint:    f.text("revocation_endpoint"),
		IntrospectionEndpoint: f.text("introspection_endpoint"),
		UserinfoEndpoint:      f.text("userinfo_endpoint"),
		JWKSURI:               f.text("jwks_uri"),
		ScopesSupported:       f.words("scopes_supported"),
		Extra:                 f,
	}
	if !trustsIssuer(c.App.Host, d.Issuer) {
		return nil, got.unexpected("answer-issuer", "its issuer is another server")
	}
	for _, endpoint := range []string{
		d.AuthorizationEndpoint, d.TokenEndpoint, d.RevocationEndpoint, d.IntrospectionEndpoint, d.UserinfoEndpoint, d.JWKSURI,
	} {
		if endpoint == "" {
			continue
		}
		if err := c.Hosts.Trusts(c.App.Host, endpoint); err != nil {
			refused := got.unexpected("answer-untrusted", err.Error())
			refused.Err = err
			return nil, refused
		}
	}
	return d, nil
}
