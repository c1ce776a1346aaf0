package sftoken

import (
	"context"
	"net/url"
)

const tokenPath = "/services/oauth2/token"

// Exchange spends the code of an attempt. It asks the host that the attempt was made for, with the attempt's redirect
// URI and verifier. It sends no scope, which Salesforce refuses here (observed: "scope parameter not supported").
//
// Of an attempt of the hybrid flow, the answer's Hybrid holds the session ids of the org's pages.
//
// An ID token in the answer is not verified: see [Client.VerifyIDToken].
func (c *Client) Exchange(ctx context.Context, a *Attempt, code Secret) (*Token, error) {
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	switch {
	case a.ClientID != c.App.ClientID || a.Host != c.App.Host:
		return nil, &AppError{"login", "it was begun with another app or at another host", "attempt-other-app"}
	case a.Flow == FlowUserAgent:
		return nil, &AppError{"flow", "the user-agent flow brings tokens and no code", "flow-no-code"}
	case code.IsZero() || a.Verifier.IsZero():
		return nil, &AppError{"login", "its code or its verifier is missing", "attempt-incomplete"}
	}
	grantType := grantCode
	if a.Flow == FlowHybrid {
		grantType = grantHybridCode
	}
	return c.token(ctx, url.Values{
		"grant_type":    {grantType},
		"code":          {code.Reveal()},
		"redirect_uri":  {a.RedirectURI},
		"code_verifier": {a.Verifier.Reveal()},
	})
}

// token posts form, with the client's credentials added, to the token endpoint and reads the answer.
// parts are secrets that make up a value of the form, of which an error could echo one alone.
func (c *Client) token(ctx context.Context, form url.Values, parts ...Secret) (*Token, error) {
	if err := c.authenticate(form); err != nil {
		return nil, err
	}
	return c.grant(ctx, form, parts...)
}

// grant posts form as it is.
func (c *Client) grant(ctx context.Context, form url.Values, parts ...Secret) (*Token, error) {
	got, err := c.post(ctx, "token", c.App.Host, tokenPath, form, parts...)
	if err != nil {
		return nil, err
	}
	return c.readToken(got)
}
