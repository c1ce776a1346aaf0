package flow

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
)

func TestWebServer(t *testing.T) {
	t.Parallel()
	server := start(t)
	secret, key := client(t, server, ""), withKey(client(t, server, ""), own())
	public := client(t, server, "")
	public.App.ClientID, public.App.ClientSecret = emulator.ClientIDPublic, sftoken.Secret{}
	for name, c := range map[string]*sftoken.Client{"secret": secret, "private key": key, "PKCE only": public} {
		token, err := exchange(t, server, c, sftoken.AuthorizeOptions{})
		works(t, name, c, token, err, true)
		if err != nil {
			continue
		}
		again, err := c.Refresh(t.Context(), token.RefreshToken)
		works(t, name+", refreshed", c, again, err, false)
	}
	if info, err := key.Introspect(t.Context(), sftoken.NewSecret("00D!unknown"), sftoken.AccessTokenHint); err != nil || info.Active {
		t.Errorf("introspect by private key: %+v, %v", info, err)
	}
	wrong := withKey(client(t, server, ""), foreign())
	_, err := exchange(t, server, wrong, sftoken.AuthorizeOptions{})
	refused(t, "another key", err, "invalid_client", "invalid client credentials")
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := withKey(client(t, server, ""), own())
	as := sftoken.JWTBearerOptions{Subject: emulator.Username}
	_, err := c.JWTBearer(t.Context(), as)
	refused(t, "nobody has approved the app", err, "invalid_grant", "user hasn't approved this consumer")
	if !errors.Is(err, sftoken.ErrBlocked) {
		t.Errorf("%v is not ErrBlocked", err)
	}
	if _, err := server.Emulator().Approve(emulator.ClientIDConfidential, emulator.Username, "api", "refresh_token"); err != nil {
		t.Fatal(err)
	}
	token, err := c.JWTBearer(t.Context(), as)
	works(t, "right", c, token, err, false)
	my := withKey(client(t, server, "/acme"), own())
	token, err = my.JWTBearer(t.Context(), as)
	works(t, "at the org", my, token, err, false)

	_, err = c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{Subject: emulator.Username, Audience: "https://elsewhere.example"})
	refused(t, "another audience", err, "invalid_grant", "audience")
	_, err = withKey(client(t, server, ""), foreign()).JWTBearer(t.Context(), as)
	if e, ok := errors.AsType[*sftoken.Error](err); !ok || e.Code != "invalid_client" && e.Code != "invalid_grant" {
		t.Errorf("another key: %v", err)
	}
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	server := start(t)
	for name, c := range map[string]*sftoken.Client{"secret": client(t, server, "/acme"), "private key": withKey(client(t, server, "/acme"), own())} {
		token, err := c.ClientCredentials(t.Context())
		works(t, name, c, token, err, false)
	}
	_, err := client(t, server, "").ClientCredentials(t.Context())
	refused(t, "at a login pool", err, "invalid_grant", "not supported on this domain")
	change(t, server, func(app *emulator.App) { app.ClientCredentials = false })
	_, err = client(t, server, "/acme").ClientCredentials(t.Context())
	refused(t, "switched off", err, "invalid_grant", "not enabled")
}

func TestDevice(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "")
	begin := func() *sftoken.DeviceLogin {
		t.Helper()
		d, err := c.StartDevice(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Interval = 0 // a second: the person is done before the first question
		return d
	}
	d := begin()
	if _, err := server.NewBrowser(emulator.Username).Visit(d.CompleteURI()); err != nil {
		t.Fatal(err)
	}
	token, err := c.AwaitDevice(t.Context(), d)
	works(t, "right", c, token, err, true)

	d = begin()
	no := server.NewBrowser(emulator.Username)
	no.Deny = true
	if _, err := no.Visit(d.CompleteURI()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AwaitDevice(t.Context(), d); !errors.Is(err, sftoken.ErrDenied) {
		t.Errorf("the person says no: %v", err)
	}
	change(t, server, func(app *emulator.App) { app.DeviceFlow = false })
	if _, err := c.StartDevice(t.Context(), nil); err == nil {
		t.Error("switched off, and yet a code came")
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "")
	if err := server.Emulator().UpdateUser(emulator.Username, func(u *emulator.User) { u.SecurityToken = "ByMail" }); err != nil {
		t.Fatal(err)
	}
	o := sftoken.PasswordOptions{Username: emulator.Username, Password: sftoken.NewSecret(emulator.Password), SecurityToken: sftoken.NewSecret("ByMail")}
	token, err := c.Password(t.Context(), o)
	works(t, "right", c, token, err, false)
	o.SecurityToken = sftoken.Secret{}
	_, err = c.Password(t.Context(), o)
	refused(t, "without the security token", err, "invalid_grant", "authentication failure")
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "")
	attempt, end := login(t, server, c, sftoken.AuthorizeOptions{Flow: sftoken.FlowUserAgent, Scopes: []string{"api", "openid"}})
	token, err := c.AcceptTokenPasted(attempt, end.String())
	works(t, "right", c, token, err, false)
	if err == nil {
		id, err := c.VerifyIDToken(t.Context(), token.IDToken, attempt.Nonce)
		if err == nil {
			err = id.VerifyAccessToken(token.AccessToken)
		}
		if err != nil {
			t.Errorf("ID token: %v", err)
		}
	}
	c.App.RedirectURI = server.URL + "/services/oauth2/success"
	attempt, end = login(t, server, c, sftoken.AuthorizeOptions{Flow: sftoken.FlowUserAgent})
	token, err = c.AcceptTokenPasted(attempt, end.String())
	works(t, "at Salesforce's own page", c, token, err, true)

	if err := server.Emulator().UpdateOrg("acme", func(o *emulator.Org) { o.BlockUserAgent = true }); err != nil {
		t.Fatal(err)
	}
	attempt, end = login(t, server, c, sftoken.AuthorizeOptions{Flow: sftoken.FlowUserAgent})
	if _, err := c.AcceptTokenPasted(attempt, end.String()); err == nil {
		t.Error("blocked, and yet a token came")
	}
}

func TestHybrid(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "")
	token, err := exchange(t, server, c, sftoken.AuthorizeOptions{Flow: sftoken.FlowHybrid, Scopes: []string{"api", "web", "refresh_token", "lightning"}})
	works(t, "right", c, token, err, true)
	if err != nil {
		return
	}
	if token.Hybrid == nil || token.Hybrid.LightningSID.IsZero() || token.Hybrid.LightningDomain == "" {
		t.Errorf("no session for Lightning: %+v", token.Hybrid)
	}
	again, err := c.RefreshHybrid(t.Context(), token.RefreshToken)
	works(t, "refreshed", c, again, err, false)
	if err := c.Revoke(t.Context(), token.RefreshToken); err != nil {
		t.Fatal(err)
	}
	_, err = c.RefreshHybrid(t.Context(), token.RefreshToken)
	refused(t, "revoked", err, "invalid_grant", "expired access/refresh token")
}

func TestSAMLIsRefused(t *testing.T) {
	t.Parallel()
	server := start(t)
	unsigned := sftoken.NewSecret(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Issuer>` +
		emulator.ClientIDConfidential + `</saml:Issuer></saml:Assertion>`)
	for name, send := range map[string]func(context.Context, sftoken.Secret) (*sftoken.Token, error){
		"bearer": client(t, server, "").SAMLBearer, "assertion": client(t, server, "/acme").SAMLAssertion,
	} {
		if _, err := send(t.Context(), unsigned); !is(err, "invalid_grant") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokenExchange(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "/acme")
	if _, err := server.Emulator().Approve(emulator.ClientIDConfidential, emulator.Username, "api", "refresh_token"); err != nil {
		t.Fatal(err)
	}
	o := sftoken.TokenExchangeOptions{SubjectToken: sftoken.NewSecret("theirs"), SubjectType: sftoken.AccessTokenType, Scopes: []string{"api"}}
	token, err := c.TokenExchange(t.Context(), o)
	works(t, "right", c, token, err, false)
	o.Scopes = []string{"api", "refresh_token"}
	token, err = c.TokenExchange(t.Context(), o)
	works(t, "with a refresh token", c, token, err, true)
	o.SubjectToken = sftoken.NewSecret("nobody's")
	_, err = c.TokenExchange(t.Context(), o)
	if e, ok := errors.AsType[*sftoken.Error](err); !ok || !strings.Contains(e.Description, "token handler validation failed") {
		t.Errorf("a token that the handler does not know: %v", err)
	}
}

func TestCodeAndCredentials(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "/acme")
	o := sftoken.CredentialsOptions{Username: emulator.Username, Password: sftoken.NewSecret(emulator.Password)}
	token, err := c.CodeAndCredentials(t.Context(), o)
	works(t, "right", c, token, err, true)
	o.PostOnly = true
	token, err = c.CodeAndCredentials(t.Context(), o)
	works(t, "in the body", c, token, err, true)
	wrong := o
	wrong.Password = sftoken.NewSecret("wrong-password")
	if _, err := c.CodeAndCredentials(t.Context(), wrong); err == nil || errors.Is(err, sftoken.ErrTemporary) {
		t.Errorf("the wrong password: %v", err)
	}
	change(t, server, func(app *emulator.App) { app.CodeCredentials = false })
	_, err = c.CodeAndCredentials(t.Context(), o)
	if e, ok := errors.AsType[*sftoken.UnexpectedError](err); !ok || e.ID != "answer-headless" {
		t.Errorf("switched off: %v", err)
	}
}

func TestAssetToken(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := client(t, server, "")
	user, err := exchange(t, server, c, sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := sftoken.AssetTokenOptions{AccessToken: user.AccessToken, ActorToken: own().sign(t, `{"did":"device-1"}`)}
	token, err := c.AssetToken(t.Context(), o)
	if err != nil || token.ExpiresIn == 0 || token.IssuedTokenType == "" || !token.RefreshToken.IsZero() {
		t.Errorf("right: %+v, %v", token, err)
	}
	o.AccessToken = sftoken.NewSecret("00D!unknown")
	if _, err := c.AssetToken(t.Context(), o); !is(err, "invalid_grant") {
		t.Errorf("an access token that is none: %v", err)
	}
}
