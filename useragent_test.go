package sftoken_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

func implicit(t *testing.T, scopes ...string) (*sftoken.Client, *sftoken.Attempt, url.Values) {
	t.Helper()
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("something was sent to %s", r.URL)
		return nil, errors.New("sent")
	}))
	a, err := c.Authorize(sftoken.AuthorizeOptions{Flow: sftoken.FlowUserAgent, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	fragment := url.Values{
		"access_token": {accessToken}, "refresh_token": {refreshToken}, "instance_url": {acme}, "id": {identityURL},
		"token_type": {"Bearer"}, "issued_at": {"1700000000123"}, "scope": {"api refresh_token"}, "state": {a.State.Reveal()},
	}
	mac := hmac.New(sha256.New, []byte(clientSecret))
	mac.Write([]byte(identityURL + "1700000000123"))
	fragment.Set("signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return c, a, fragment
}

// The authorize URL of the user-agent flow has no challenge, which no code will answer; with openid it asks for an ID token
// and binds it by a nonce.
func TestUserAgentURL(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		scopes       []string
		responseType string
		nonce        bool
	}{
		{nil, "token", false},
		{[]string{"api", "openid"}, "token id_token", true},
	} {
		_, a, _ := implicit(t, row.scopes...)
		u, err := url.Parse(a.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("response_type") != row.responseType || q.Has("code_challenge") || q.Has("nonce") != row.nonce ||
			q.Get("state") != a.State.Reveal() || !a.Verifier.IsZero() || u.Path != "/services/oauth2/authorize" {
			t.Errorf("scopes %v: %s", row.scopes, strings.ReplaceAll(a.URL, a.State.Reveal(), "…"))
		}
	}
}

func TestAcceptToken(t *testing.T) {
	t.Parallel()
	c, a, fragment := implicit(t)
	for name, accept := range map[string]func() (*sftoken.Token, error){
		"posted":          func() (*sftoken.Token, error) { return c.AcceptToken(a, fragment) },
		"address pasted":  func() (*sftoken.Token, error) { return c.AcceptTokenPasted(a, a.RedirectURI+"#"+fragment.Encode()) },
		"fragment pasted": func() (*sftoken.Token, error) { return c.AcceptTokenPasted(a, "#"+fragment.Encode()) },
	} {
		token, err := accept()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if token.AccessToken.Reveal() != accessToken || token.RefreshToken.Reveal() != refreshToken || token.InstanceURL != acme ||
			len(token.Scopes) != 2 || token.Signed != sftoken.SignatureValid || token.Extra != nil {
			t.Errorf("%s: %+v", name, token)
		}
	}
}

// Nothing in a fragment is believed unseen: anybody can make a link with one.
func TestAcceptTokenRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(url.Values)
		want   string
	}{
		{"no state", func(v url.Values) { v.Del("state") }, "state does not match"},
		{"another state", func(v url.Values) { v.Set("state", "x") }, "state does not match"},
		{"two states", func(v url.Values) { v.Add("state", "x") }, "state does not match"},
		{"two tokens", func(v url.Values) { v.Add("access_token", "x") }, "more than one access_token"},
		{"no token", func(v url.Values) { v.Del("access_token") }, "neither an address"},
		{"refused", func(v url.Values) { v.Set("error", "access_denied") }, "access_denied"},
		{"another server", func(v url.Values) { v.Set("iss", "https://evil.example") }, "another server"},
		{"foreign instance", func(v url.Values) { v.Set("instance_url", "https://evil.example") }, "unexpected answer"},
		{"wrong signature", func(v url.Values) { v.Set("issued_at", "1700000000124") }, "signature"},
		{"token type", func(v url.Values) { v.Set("token_type", "mac") }, "token_type"},
	} {
		c, a, fragment := implicit(t)
		row.change(fragment)
		_, err := c.AcceptTokenPasted(a, "http://localhost/#"+fragment.Encode())
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), accessToken) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
	c, a, fragment := implicit(t)
	other := *a
	other.ClientID = "another"
	if _, err := c.AcceptToken(&other, fragment); err == nil {
		t.Error("a login of another app is accepted")
	}
	// A code flow's attempt does not take tokens, and says so as before.
	code, err := c.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fragment.Set("state", code.State.Reveal())
	var callback *sftoken.CallbackError
	if _, err := code.Accept(fragment); !errors.As(err, &callback) || callback.ID != "callback-implicit" {
		t.Errorf("a token where a code belongs: %v", err)
	}
}
