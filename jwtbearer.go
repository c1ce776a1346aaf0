package sftoken

import (
	"context"
	"net/url"
)

// JWTBearerOptions say for whom a token is asked.
type JWTBearerOptions struct {
	Subject  string // the user name, which looks like an email address but need not be one
	Audience string // "aud": empty is the login host, which an external client app insists on (see JWTBearer)
}

// JWTBearer gets an access token for a user by a JWT signed with the app's private key (RFC 7523 section 2.1). There is
// never a refresh token: the flow is run again instead.
//
// The app needs the key's certificate, and the user's approval: once by a login that asked for the refresh_token scope, or
// by an administrator who has the app pre-authorized for a profile or permission set. Without, Salesforce answers "user
// hasn't approved this consumer".
//
// The audience is the login host: login.salesforce.com, test.salesforce.com, a site, or the org's My Domain, which both
// kinds of app take. External client apps are reported to refuse test.salesforce.com with app_not_found. An error about the
// assertion says in ClockSkew how far this machine's clock is off, the commonest reason. Of the app, ClientID, PrivateKey
// and Host are used; no scope is sent, which Salesforce refuses here, and no secret, which it does not need.
func (c *Client) JWTBearer(ctx context.Context, o JWTBearerOptions) (*Token, error) {
	if err := c.checkFlow(FlowJWTBearer); err != nil {
		return nil, err
	}
	if o.Subject == "" {
		return nil, &AppError{"user name", "none was given", "username-empty"}
	}
	assertion, err := c.App.signJWT(map[string]any{
		"iss": c.App.ClientID,
		"sub": o.Subject,
		"aud": first(o.Audience, c.App.Host.String()),
	})
	if err != nil {
		return nil, err
	}
	return c.grant(ctx, url.Values{"grant_type": {grantJWTBearer}, "assertion": {assertion.Reveal()}})
}
