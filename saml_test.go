package sftoken_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

// Whatever alphabet, padding or line length an assertion comes in, what is sent is base64url of the XML, without padding.
func TestSAMLForms(t *testing.T) {
	t.Parallel()
	const xml = `<saml2:Assertion a="???>>>~~~"></saml2:Assertion>`
	std := base64.StdEncoding.EncodeToString([]byte(xml))
	for name, given := range map[string]string{
		"XML":                    xml,
		"XML with spaces around": "\ufeff\n" + xml + "\n",
		"base64":                 std,
		"base64 in lines":        std[:20] + "\r\n" + std[20:] + "\n",
		"base64url":              base64.URLEncoding.EncodeToString([]byte(xml)),
		"base64url, no padding":  base64.RawURLEncoding.EncodeToString([]byte(xml)),
	} {
		var sent string
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = formOf(t, r).Get("assertion")
			return answer(200, "application/json", goodToken), nil
		}))
		if _, err := c.SAMLBearer(t.Context(), sftoken.NewSecret(given)); err != nil || sent != base64.RawURLEncoding.EncodeToString([]byte(xml)) {
			t.Errorf("%s: sent %q, %v", name, sent, err)
		}
	}
	for _, given := range []string{"", "<html>", base64.StdEncoding.EncodeToString([]byte("CANARY Assertion")), "CANARY !"} {
		if _, err := newClient(t, nil).SAMLAssertion(t.Context(), sftoken.NewSecret(given)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v", given, err)
		}
	}
}

func TestParseTokenType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sftoken.TokenType{
		"jwt": sftoken.JWTType, "JWT": sftoken.JWTType, "saml2": sftoken.SAML2Type, "access_token": sftoken.AccessTokenType,
		"urn:ietf:params:oauth:token-type:jwt": sftoken.JWTType, "id_token": sftoken.IDTokenType, "refresh_token": sftoken.RefreshTokenType,
	} {
		if got, err := sftoken.ParseTokenType(text); err != nil || got != want {
			t.Errorf("ParseTokenType(%q) = %q, %v", text, got, err)
		}
	}
	if _, err := sftoken.ParseTokenType("token"); err == nil {
		t.Error("a type that Salesforce does not know is accepted")
	}
}

func TestAssetTokenTellsItsLife(t *testing.T) {
	t.Parallel()
	c := newClient(t, answering(200, "application/json", `{"access_token":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln","issued_token_type":"urn:ietf:params:oauth:token-type:jwt","token_type":"Bearer","expires_in":3600}`))
	token, err := c.AssetToken(t.Context(), sftoken.AssetTokenOptions{AccessToken: sftoken.NewSecret(accessToken)})
	if err != nil || token.ExpiresIn.Seconds() != 3600 || token.IssuedTokenType == "" || token.InstanceURL != "" {
		t.Errorf("%+v, %v", token, err)
	}
}
