package sftoken

import (
	"context"
	"encoding/json"
)

// Identity is the answer of the identity URL, the "id" of a token answer.
type Identity struct {
	ID             string
	UserID         string
	OrganizationID string
	Username       string
	DisplayName    string
	Email          string
	UserType       string
	Language       string
	Locale         string
	Timezone       string
	URLs           map[string]string // API addresses; "{version}" in them stands for an API version
	Extra          map[string]json.RawMessage
}

// Identity asks the token's identity URL. The URL names a login pool even for logins elsewhere, so it is asked at the
// token's instance URL instead where that is known: some networks and orgs let nothing but the My Domain through
// (Salesforce's Mobile SDK does the same).
func (c *Client) Identity(ctx context.Context, t *Token) (*Identity, error) {
	org, user, ok := splitIdentityURL(t.IdentityURL)
	if !ok {
		return nil, &AppError{"identity URL", "the token came without one", "identity-url-empty"}
	}
	target := t.IdentityURL
	if t.InstanceURL != "" {
		target = t.InstanceURL + "/id/" + org + "/" + user
	}
	f, got, err := c.about(ctx, "identity", t, target)
	if err != nil {
		return nil, err
	}
	i := &Identity{
		ID:             f.text("id"),
		UserID:         f.text("user_id"),
		OrganizationID: f.text("organization_id"),
		Username:       f.text("username"),
		DisplayName:    f.text("display_name"),
		Email:          f.text("email"),
		UserType:       f.text("user_type"),
		Language:       f.text("language"),
		Locale:         f.text("locale"),
		Timezone:       f.text("timezone"),
	}
	_ = json.Unmarshal(f["urls"], &i.URLs) // not worth an error: nobody who asks for a name needs them
	delete(f, "urls")
	i.Extra = f
	if !SameID(i.UserID, user) || !SameID(i.OrganizationID, org) {
		return nil, got.unexpected("answer-incomplete", "it is not about the user that was asked for")
	}
	return i, nil
}
