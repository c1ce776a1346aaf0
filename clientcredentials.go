package sftoken

import (
	"context"
	"net/url"
)

// ClientCredentials gets an access token for the app's own run-as user (RFC 6749 section 4.4). There is never a refresh
// token: the flow is run again instead.
//
// It runs at the org's My Domain only; a login pool is refused before anything is sent there. The app needs the flow
// switched on, in its settings and in its policies, a run-as user, and at least one scope besides full. No scope is sent,
// which Salesforce refuses here (observed: "scope parameter not supported").
func (c *Client) ClientCredentials(ctx context.Context) (*Token, error) {
	if err := c.checkFlow(FlowClientCredentials); err != nil {
		return nil, err
	}
	return c.token(ctx, url.Values{"grant_type": {grantClientCredentials}})
}
