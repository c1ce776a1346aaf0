package sftoken

import (
	"context"
	"net/url"
)

// AssetTokenOptions say what gets an asset token, and by whose right.
type AssetTokenOptions struct {
	AccessToken Secret // of the user who registers the asset
	ActorToken  Secret // a JWT whose claims describe the asset, made and signed by the app; zero: none
}

// AssetToken gets a JWT that identifies a connected device to other servers. The answer has neither an instance URL nor an
// identity, and no API of the org takes it; alone of all answers it says how long it lives, in ExpiresIn.
//
// Salesforce documents the answer. The request follows RFC 8693, of which others say that Salesforce uses it here; nobody
// has shown one that worked.
func (c *Client) AssetToken(ctx context.Context, o AssetTokenOptions) (*Token, error) {
	if err := c.checkFlow(FlowAssetToken); err != nil {
		return nil, err
	}
	if o.AccessToken.IsZero() {
		return nil, &AppError{"subject token", "none was given", "subject-token-empty"}
	}
	form := url.Values{
		"grant_type":         {grantTokenExchange},
		"subject_token":      {o.AccessToken.Reveal()},
		"subject_token_type": {string(AccessTokenType)},
	}
	if !o.ActorToken.IsZero() {
		form.Set("actor_token", o.ActorToken.Reveal())
		form.Set("actor_token_type", "urn:ietf:params:oauth:token-type:jwt")
	}
	return c.token(ctx, form)
}
