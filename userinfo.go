package sftoken

import (
	"context"
	"encoding/json"
)

// UserInfo is the answer of the userinfo endpoint.
type UserInfo struct {
	UserID            string
	OrganizationID    string
	PreferredUsername string // most often the login name, but not always
	Name              string
	Email             string
	Nickname          string
	Zoneinfo          string
	Language          string
	Locale            string
	UserType          string
	Extra             map[string]json.RawMessage
}

// UserInfo asks who the token's user is, at the token's instance URL, or at the login host where it has none. A token
// that Salesforce does not accept is an *Error with the code Bad_OAuth_Token (observed, status 403).
func (c *Client) UserInfo(ctx context.Context, t *Token) (*UserInfo, error) {
	f, got, err := c.about(ctx, "userinfo", t, c.base(t)+"/services/oauth2/userinfo")
	if err != nil {
		return nil, err
	}
	u := &UserInfo{
		UserID:            f.text("user_id"),
		OrganizationID:    f.text("organization_id"),
		PreferredUsername: f.text("preferred_username"),
		Name:              f.text("name"),
		Email:             f.text("email"),
		Nickname:          f.text("nickname"),
		Zoneinfo:          f.text("zoneinfo"),
		Language:          f.text("language"),
		Locale:            f.text("locale"),
		UserType:          f.text("user_type"),
		Extra:             f,
	}
	if !isID(u.UserID) || !isID(u.OrganizationID) {
		return nil, got.unexpected("answer-incomplete", "there is no user_id or no organization_id in it")
	}
	return u, nil
}

// base is where a token's user is known: the org itself, which also answers where the login pools are out of reach.
func (c *Client) base(t *Token) string {
	if t.InstanceURL != "" {
		return t.InstanceURL
	}
	return c.App.Host.String()
}

// about asks target with t's access token and returns the object it answers.
func (c *Client) about(ctx context.Context, endpoint string, t *Token, target string) (fields, *answer, error) {
	if err := c.checkApp(); err != nil {
		return nil, nil, err
	}
	if t.AccessToken.IsZero() {
		return nil, nil, &AppError{"access token", "there is none", "token-empty"}
	}
	got, err := c.get(ctx, endpoint, target, t.AccessToken)
	if err != nil {
		return nil, nil, err
	}
	f, err := got.read()
	return f, got, err
}
