package sftoken

import (
	"context"
	"net/url"
)

const tokenPath = "/services/oauth2/token"

// Exchange spends the code of an attempt. It asks the host that the attempt was made for, with the attempt's redirect
// URI and verifier. It sends no scope, which Salesforce refuses here (observed: "scope parameter not supported").
//
// An ID token in the answer is not verified: see [Client.VerifyIDToken].
func (c *Client) Exchange(ctx context.Context, a *Attempt, code Secret) (*Token, error) {
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	switch {
	case a.ClientID != c.App.ClientID || a.Host != c.App.Host:
		return nil, &AppError{"login", "it was begun with another app or at another host", "attempt-other-app"}
	case code.IsZero() || a.Verifier.IsZero():
		return nil, &AppError{"login", "its code or its verifier is missing", "attempt-incomplete"}
	}
	return c.token(ctx, url.Values{
		"grant_type":    {grantCode},
		"code":          {code.Reveal()},
		"redirect_uri":  {a.RedirectURI},
		"code_verifier": {a.Verifier.Reveal()},
	})
}

// token posts form, with the client's credentials added, to the token endpoint and reads the answer.
func (c *Client) token(ctx context.Context, form url.Values) (*Token, error) {
	c.authenticate(form)
	got, err := c.post(ctx, "token", c.App.Host, tokenPath, form)
	if err != nil {
		return nil, err
	}
	return c.readToken(got)
}

// authenticate adds client_id, and client_secret only when there is one: a public client sends none, not even an empty
// one (Salesforce, "Secure your connected apps and external client apps").
func (c *Client) authenticate(form url.Values) {
	form.Set("client_id", c.App.ClientID)
	if !c.App.ClientSecret.IsZero() {
		form.Set("client_secret", c.App.ClientSecret.Reveal())
	}
}
