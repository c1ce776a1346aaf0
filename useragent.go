package sftoken

import (
	"net/http"
	"net/url"
)

// AcceptToken takes the token from the answer of a user-agent login (RFC 6749 section 4.2). It stands in the fragment of
// the address that the browser ends at, which never reaches a server: a page has to post it, or a person to paste it.
// Errors are those of [Attempt.Accept], and those of a token answer, in which nothing is believed unseen here either.
// Nothing is sent. The flow retires on 20 February 2027 (see [Flow.Facts]).
//
// A refresh token comes only if the scope was asked for and the redirect URI has a scheme of its own, is Salesforce's
// /services/oauth2/success (others quote Salesforce's help), or is at http://localhost (observed: ForceCLI). Whoever asked for openid verifies the ID token with the
// attempt's Nonce, and then [IDToken.VerifyAccessToken]: without PKCE that is what ties the token to this login.
func (c *Client) AcceptToken(a *Attempt, fragment url.Values) (*Token, error) {
	switch {
	case a.Flow != FlowUserAgent:
		return nil, &AppError{"flow", "the login was not begun with the user-agent flow", "flow-no-token"}
	case a.ClientID != c.App.ClientID || a.Host != c.App.Host:
		return nil, &AppError{"login", "it was begun with another app or at another host", "attempt-other-app"}
	}
	if err := a.acceptState(fragment); err != nil {
		return nil, err
	}
	if err := a.checkCallback(fragment); err != nil {
		return nil, err
	}
	if fragment.Get("access_token") == "" {
		return nil, &CallbackError{"there is no access token in it", "callback-no-token"}
	}
	text := url.Values{}
	for name := range fragment {
		if name != "state" {
			text.Set(name, fragment.Get(name))
		}
	}
	return c.readToken(&answer{endpoint: "authorize", status: http.StatusOK, body: []byte(text.Encode())})
}

// AcceptTokenPasted is AcceptToken for what a person pasted: the whole address or its fragment. The state has to be in it.
func (c *Client) AcceptTokenPasted(a *Attempt, text string) (*Token, error) {
	fragment, err := ParsePasted(text)
	if err != nil {
		return nil, err
	}
	return c.AcceptToken(a, fragment)
}
