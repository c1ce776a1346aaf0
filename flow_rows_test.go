package sftoken_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"testing"

	"github.com/sftoken/sftoken"
)

var jti = regexp.MustCompile(`"jti":"[0-9A-Za-z_-]{22}"`)

func verify(t *testing.T, key *rsa.PublicKey, part []string) {
	t.Helper()
	signature, err := base64.RawURLEncoding.DecodeString(part[2])
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		t.Error("the JWT is not signed with the key")
	}
}

// flowRows are the requests of every flow, by file.
func flowRows(t *testing.T) []flowRow {
	host := parseHost(t, "http://localhost:8080")
	public := sftoken.App{ClientID: "key", Host: host, RedirectURI: "http://localhost:1717/OauthRedirect"}
	confidential, keyed := public, public
	confidential.ClientSecret = sftoken.NewSecret("s3cr3t")
	keyed.PrivateKey = testKeyPEM()

	type run = func(context.Context, *sftoken.Client) (*sftoken.Token, error)
	exchange := func(flow sftoken.Flow) run {
		return func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
			a := &sftoken.Attempt{Flow: flow, ClientID: "key", Host: host, RedirectURI: public.RedirectURI, Verifier: sftoken.NewSecret("ver")}
			return c.Exchange(ctx, a, sftoken.NewSecret("aPrx=="))
		}
	}
	again := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.Refresh(ctx, sftoken.NewSecret("5Aep"))
	}
	hybridAgain := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.RefreshHybrid(ctx, sftoken.NewSecret("5Aep"))
	}
	jwt := func(audience string) run {
		return func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
			return c.JWTBearer(ctx, sftoken.JWTBearerOptions{Subject: "amelia@acme.example", Audience: audience})
		}
	}
	clientCredentials := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) { return c.ClientCredentials(ctx) }
	device := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		d, err := c.StartDevice(ctx, nil)
		if err != nil {
			return nil, err
		}
		return c.AwaitDevice(ctx, d)
	}
	password := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.Password(ctx, sftoken.PasswordOptions{
			Username: "amelia@acme.example", Password: sftoken.NewSecret("p&ss wörd"), SecurityToken: sftoken.NewSecret("TokenByMail"),
		})
	}
	saml := sftoken.NewSecret(`<saml:Assertion ID="a?>"/>`)
	samlBearer := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) { return c.SAMLBearer(ctx, saml) }
	samlAssertion := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.SAMLAssertion(ctx, saml)
	}
	tokenExchange := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.TokenExchange(ctx, sftoken.TokenExchangeOptions{
			SubjectToken: sftoken.NewSecret("theirs"), SubjectType: sftoken.JWTType, Handler: "OktaHandler", Scopes: []string{"api", "refresh_token"},
		})
	}
	assetToken := func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
		return c.AssetToken(ctx, sftoken.AssetTokenOptions{AccessToken: sftoken.NewSecret("00D!at"), ActorToken: sftoken.NewSecret("asset")})
	}
	headless := func(post bool) run {
		return func(ctx context.Context, c *sftoken.Client) (*sftoken.Token, error) {
			return c.CodeAndCredentials(ctx, sftoken.CredentialsOptions{Username: "amelia", Password: sftoken.NewSecret("pässword"), PostOnly: post})
		}
	}
	const (
		deviceStarted = "200 OK\n" + `{"device_code":"dev1ce","user_code":"X1D9SEET","verification_uri":"http://localhost:8080/setup/connect","interval":5}`
		headlessCode  = "200 OK\n" + `{"code":"aPrx==","sfdc_community_url":"http://localhost:8080","sfdc_community_id":"0DB000000000001"}`
	)
	return []flowRow{
		{"web-server", "with a secret", confidential, exchange(""), []string{flowBoth}},
		{"web-server", "with PKCE only", public, exchange(""), []string{flowBoth}},
		{"web-server", "with a private key", keyed, exchange(""), []string{flowBoth}},
		{"web-server", "refused: the code is too old", public, exchange(""), []string{refusal("invalid_grant", "expired authorization code")}},
		{"web-server", "refused: the key is not the app's", keyed, exchange(""), []string{refusal("invalid_client", "invalid client credentials")}},
		{"web-server", "refresh with a private key", keyed, again, []string{flowToken}},

		{"jwt-bearer", "right", keyed, jwt(""), []string{flowToken}},
		{"jwt-bearer", "with another audience", keyed, jwt("https://login.salesforce.com"), []string{flowToken}},
		{"jwt-bearer", "refused: nobody has approved the app", keyed, jwt(""), []string{refusal("invalid_grant", "user hasn't approved this consumer")}},
		{"jwt-bearer", "refused: the audience", keyed, jwt("x"), []string{refusal("invalid_grant", "audience is invalid")}},

		{"client-credentials", "right", confidential, clientCredentials, []string{flowToken}},
		{"client-credentials", "with a private key", keyed, clientCredentials, []string{flowToken}},
		{"client-credentials", "refused: no run-as user", confidential, clientCredentials, []string{refusal("invalid_grant", "no client credentials user enabled")}},

		{"device", "right", confidential, device, []string{
			deviceStarted, refusal("authorization_pending", "pending"), refusal("slow_down", "too fast"), "503 Service Unavailable\n<html>", flowBoth,
		}},
		{"device", "refused: switched off", public, device, []string{refusal("invalid_grant", "device flow not enabled")}},
		{"device", "refused: the person said no", public, device, []string{deviceStarted, refusal("access_denied", "end-user denied authorization")}},
		{"device", "refused: the code is too old", public, device, []string{deviceStarted, refusal("invalid_grant", "expired device code")}},

		{"username-password", "right", confidential, password, []string{flowToken}},
		{"username-password", "refused", confidential, password, []string{refusal("invalid_grant", "authentication failure for p&ss wörd")}},

		{"hybrid", "right", public, exchange(sftoken.FlowHybrid), []string{flowBoth}},
		{"hybrid", "refused", public, exchange(sftoken.FlowHybrid), []string{refusal("invalid_grant", "expired authorization code")}},
		{"hybrid", "refresh", public, hybridAgain, []string{flowBoth}},
		{"hybrid", "refresh refused", public, hybridAgain, []string{refusal("invalid_grant", "expired access/refresh token")}},

		{"saml-bearer", "right", public, samlBearer, []string{flowToken}},
		{"saml-bearer", "refused", public, samlBearer, []string{refusal("invalid_grant", "Audience validation failed")}},

		{"saml-assertion", "right", sftoken.App{Host: host}, samlAssertion, []string{flowToken}},
		{"saml-assertion", "refused", sftoken.App{Host: host}, samlAssertion, []string{refusal("invalid_grant", "invalid assertion")}},

		{"token-exchange", "right", confidential, tokenExchange, []string{flowBoth}},
		{"token-exchange", "refused", confidential, tokenExchange, []string{refusal("invalid_request", "token handler validation failed")}},

		{"asset-token", "right", confidential, assetToken, []string{
			"200 OK\n" + `{"access_token":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln","issued_token_type":"urn:ietf:params:oauth:token-type:jwt","token_type":"Bearer","expires_in":3600}`,
		}},
		{"asset-token", "refused", confidential, assetToken, []string{refusal("invalid_grant", "invalid assertion")}},

		{"code-and-credentials", "right", public, headless(false), []string{headlessCode, flowBoth}},
		{"code-and-credentials", "in the body", public, headless(true), []string{headlessCode, flowBoth}},
		{"code-and-credentials", "refused: the password", public, headless(false), []string{refusal("invalid_grant", "authentication failure")}},
		{"code-and-credentials", "refused: not taken for a headless login", public, headless(false), []string{"200 OK\n<html><title>Login</title></html>"}},
	}
}
