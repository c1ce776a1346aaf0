package sftoken

import (
	"context"
	"net/url"
)

// Revoke ends a token. Revoking a refresh token ends the grant with all its access tokens, revoking an access token that
// one only. Salesforce asks for no client credentials here, and any answer of status 200 means that it is done (RFC 7009
// section 2.2).
func (c *Client) Revoke(ctx context.Context, token Secret) error {
	if err := c.checkApp(); err != nil {
		return err
	}
	if token.IsZero() {
		return &AppError{"token", "there is none", "token-empty"}
	}
	got, err := c.post(ctx, "revoke", c.App.Host, "/services/oauth2/revoke", url.Values{"token": {token.Reveal()}})
	if err != nil {
		return err
	}
	if got.status < 200 || got.status > 299 {
		return got.failure()
	}
	return nil
}
