package sftoken

import (
	"context"
	"net/url"
)

// PasswordOptions are a person's own credentials.
type PasswordOptions struct {
	Username string
	Password Secret
	// SecurityToken is the one that Salesforce mails, needed from networks that the org does not trust. It is appended to
	// the password.
	SecurityToken Secret
}

// Password gets an access token by user name and password (RFC 6749 section 4.3). There is never a refresh token, and
// nothing to renew by: the password is not kept.
//
// Do not build on it. Orgs made since Summer '23 block it, external client apps do not have it, it knows no second factor,
// and it retires on 20 February 2027 (see [Flow.Facts]).
func (c *Client) Password(ctx context.Context, o PasswordOptions) (*Token, error) {
	if err := c.checkFlow(FlowUsernamePassword); err != nil {
		return nil, err
	}
	switch {
	case o.Username == "":
		return nil, &AppError{"user name", "none was given", "username-empty"}
	case o.Password.IsZero():
		return nil, &AppError{"password", "none was given", "password-empty"}
	}
	return c.token(ctx, url.Values{
		"grant_type": {grantPassword},
		"username":   {o.Username},
		"password":   {o.Password.Reveal() + o.SecurityToken.Reveal()},
	}, o.Password, o.SecurityToken)
}
