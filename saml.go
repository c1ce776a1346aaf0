package sftoken

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/url"
	"strings"
)

// SAMLBearer exchanges a SAML 2.0 assertion that the app signed for an access token (RFC 7522). Its issuer is the consumer
// key, its subject the user, its audience the login host. As with [Client.JWTBearer], the app has the certificate, and user
// or administrator have approved it. There is never a refresh token.
//
// The consumer key stands in the assertion, so that of the App only Host is used. assertion is the XML, or its base64 in any
// alphabet. It is sent as it stands: making and signing it is for those who have
// a SAML library.
func (c *Client) SAMLBearer(ctx context.Context, assertion Secret) (*Token, error) {
	return c.saml(ctx, FlowSAMLBearer, assertion, url.Values{"grant_type": {grantSAMLBearer}})
}

// SAMLAssertion exchanges an assertion of the org's own identity provider, as single sign-on posts it, for an access token.
// It needs no app at all: only the App's Host, the org's My Domain or site, is used. There is never a refresh token. Where
// Salesforce could read the assertion and refuses it, Setup > Single Sign-On Settings > SAML Assertion Validator says why.
func (c *Client) SAMLAssertion(ctx context.Context, assertion Secret) (*Token, error) {
	return c.saml(ctx, FlowSAMLAssertion, assertion, url.Values{
		"grant_type":     {grantSAMLAssertion},
		"assertion_type": {"urn:oasis:names:tc:SAML:2.0:profiles:SSO:browser"},
	})
}

func (c *Client) saml(ctx context.Context, flow Flow, assertion Secret, form url.Values) (*Token, error) {
	if c.App.Host.IsZero() {
		return nil, &AppError{"login host", "none was given", "host-empty"}
	}
	if err := flow.check(c.App); err != nil {
		return nil, err
	}
	text, err := base64Assertion(assertion)
	if err != nil {
		return nil, err
	}
	form.Set("assertion", text)
	return c.grant(ctx, form)
}

// base64Assertion writes the assertion in base64url without padding or line breaks (RFC 7522 section 2.1).
func base64Assertion(assertion Secret) (string, error) {
	raw := []byte(strings.TrimSpace(strings.TrimPrefix(assertion.Reveal(), "\ufeff")))
	if len(raw) > 0 && raw[0] != '<' {
		raw = decodeBase64(string(raw))
	}
	if !bytes.HasPrefix(raw, []byte("<")) || !bytes.Contains(raw, []byte("Assertion")) {
		return "", &AppError{"assertion", "neither SAML nor the base64 of it", "assertion-malformed"}
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// decodeBase64 reads either alphabet, with or without padding and line breaks; nil if it is neither.
func decodeBase64(text string) []byte {
	text = strings.Join(strings.Fields(text), "")
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(raw)
}
