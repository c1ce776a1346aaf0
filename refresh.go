package sftoken

import (
	"context"
	"net/url"
)

// Refresh spends refreshToken once and returns what came back. Where the token's RefreshToken is not zero, the app
// rotates: the one that was sent is dead, and using it again kills the whole grant. Keep the new one durably before using
// anything else of the answer.
//
// The request cannot be repeated by net/http and carries no scope, which Salesforce refuses here. After a
// *TransportError without NotSent nobody knows whether the token was spent.
func (c *Client) Refresh(ctx context.Context, refreshToken Secret) (*Token, error) {
	return c.refresh(ctx, grantRefresh, refreshToken)
}

func (c *Client) refresh(ctx context.Context, grantType string, refreshToken Secret) (*Token, error) {
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	if refreshToken.IsZero() {
		return nil, &AppError{"refresh token", "there is none", "refresh-token-empty"}
	}
	return c.token(ctx, url.Values{
		"grant_type":    {grantType},
		"refresh_token": {refreshToken.Reveal()},
	})
}
