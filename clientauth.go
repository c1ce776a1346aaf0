package sftoken

import (
	"net/url"
	"time"
)

const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate adds client_id and what proves it: client_secret, or else a JWT signed with the private key (OpenID Connect
// Core section 9, private_key_jwt), which Salesforce looks at only when there is no secret (help, "OAuth 2.0 web server
// flow"). A public client sends neither, not even an empty one ("Secure your connected apps and external client apps").
func (c *Client) authenticate(form url.Values) error {
	form.Set("client_id", c.App.ClientID)
	switch {
	case !c.App.ClientSecret.IsZero():
		form.Set("client_secret", c.App.ClientSecret.Reveal())
	case !c.App.PrivateKey.IsZero():
		assertion, err := c.clientAssertion()
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", clientAssertionType)
		form.Set("client_assertion", assertion.Reveal())
	}
	return nil
}

// clientAssertion is made anew for each request, with a jti of its own (C-59). Its audience is the URL of the token
// endpoint, as OpenID Connect Core section 9 has it, also where another endpoint is asked; what else Salesforce would take
// is not documented.
func (c *Client) clientAssertion() (Secret, error) {
	return c.App.signJWT(map[string]any{
		"iss": c.App.ClientID,
		"sub": c.App.ClientID,
		"aud": c.App.Host.Endpoint(tokenPath),
		"iat": time.Now().Unix(),
		"jti": randomText(16),
	})
}
