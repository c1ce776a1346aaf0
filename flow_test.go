package sftoken_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
)

// What each flow promises beforehand: whether it can give a refresh token, how it is renewed, where it runs, when it ends.
func TestFlowFacts(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, row := range []struct {
		flow     sftoken.Flow
		refresh  bool
		renewal  sftoken.Renewal
		myDomain bool
		ends     string
	}{
		{sftoken.FlowWebServer, true, sftoken.RenewByRefreshToken, false, none},
		{sftoken.FlowJWTBearer, false, sftoken.RenewByRunning, false, none},
		{sftoken.FlowClientCredentials, false, sftoken.RenewByRunning, true, none},
		{sftoken.FlowDevice, true, sftoken.RenewByRefreshToken, false, "2026-11-30"},
		{sftoken.FlowUsernamePassword, false, sftoken.RenewByLogin, false, "2027-02-20"},
		{sftoken.FlowUserAgent, true, sftoken.RenewByRefreshToken, false, "2027-02-20"},
		{sftoken.FlowHybrid, true, sftoken.RenewByRefreshToken, false, none},
		{sftoken.FlowSAMLBearer, false, sftoken.RenewByLogin, false, none},
		{sftoken.FlowSAMLAssertion, false, sftoken.RenewByLogin, true, none},
		{sftoken.FlowTokenExchange, true, sftoken.RenewByRefreshToken, true, none},
		{sftoken.FlowAssetToken, false, sftoken.RenewByLogin, false, none},
		{sftoken.FlowCodeAndCredentials, true, sftoken.RenewByRefreshToken, true, none},
	} {
		facts := row.flow.Facts()
		ends := none
		if !facts.Ending.IsZero() {
			ends = facts.Ending.On.Format(time.DateOnly)
		}
		if facts.Flow != row.flow || facts.RefreshToken != row.refresh || facts.Renewal != row.renewal || facts.MyDomain != row.myDomain || ends != row.ends {
			t.Errorf("%s: %+v", row.flow, facts)
		}
		if ends != none && (facts.Ending.Evidence != sftoken.Quoted || facts.Ending.Source == "") {
			t.Errorf("%s: the end is told without how sure it is: %+v", row.flow, facts.Ending)
		}
		if got, err := sftoken.ParseFlow(row.flow.String()); err != nil || got != row.flow {
			t.Errorf("ParseFlow(%q) = %q, %v", row.flow, got, err)
		}
	}
	if len(sftoken.Flows()) != 12 {
		t.Errorf("%d flows", len(sftoken.Flows()))
	}
	if got, err := sftoken.ParseFlow(""); err != nil || got != sftoken.FlowWebServer || sftoken.Flow("").Facts().Flow != sftoken.FlowWebServer {
		t.Errorf("the zero flow is %q, %v; want the web server flow", got, err)
	}
	if _, err := sftoken.ParseFlow("Web-Server"); err == nil {
		t.Error("a name that is none is accepted")
	}
	sftoken.Flows()[0].Needs[0] = "changed"
	if slices.Contains(sftoken.FlowWebServer.Facts().Needs, "changed") {
		t.Error("callers can change the facts")
	}
}

// What Salesforce would refuse after the network is refused before it, each by a name of its own.
func TestFlowRefusesBeforehand(t *testing.T) {
	t.Parallel()
	my, pool := parseHost(t, acme), parseHost(t, "login")
	secret, key := sftoken.NewSecret(clientSecret), testKeyPEM()
	nothing := roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("something was sent to %s", r.URL)
		return nil, errors.New("sent")
	})
	attempt := &sftoken.Attempt{ClientID: clientID, Host: my, Verifier: sftoken.NewSecret("v")}
	browser := func(flow sftoken.Flow) func(c *sftoken.Client) error {
		return func(c *sftoken.Client) error {
			_, err := c.Authorize(sftoken.AuthorizeOptions{Flow: flow})
			return err
		}
	}
	token := func(run func(c *sftoken.Client) (*sftoken.Token, error)) func(c *sftoken.Client) error {
		return func(c *sftoken.Client) error {
			_, err := run(c)
			return err
		}
	}
	jwt := token(func(c *sftoken.Client) (*sftoken.Token, error) {
		return c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{Subject: "a@acme.example"})
	})
	clientCredentials := token(func(c *sftoken.Client) (*sftoken.Token, error) { return c.ClientCredentials(t.Context()) })
	exchange := func(o sftoken.TokenExchangeOptions) func(c *sftoken.Client) error {
		return token(func(c *sftoken.Client) (*sftoken.Token, error) { return c.TokenExchange(t.Context(), o) })
	}
	theirs := sftoken.NewSecret("theirs")
	password := func(o sftoken.PasswordOptions) func(c *sftoken.Client) error {
		return token(func(c *sftoken.Client) (*sftoken.Token, error) { return c.Password(t.Context(), o) })
	}
	headless := func(o sftoken.CredentialsOptions) func(c *sftoken.Client) error {
		return token(func(c *sftoken.Client) (*sftoken.Token, error) { return c.CodeAndCredentials(t.Context(), o) })
	}
	for _, row := range []struct {
		id  string
		app sftoken.App
		run func(c *sftoken.Client) error
	}{
		{"flow-pool-host", sftoken.App{Host: pool, ClientSecret: secret}, clientCredentials},
		{"flow-pool-host", sftoken.App{Host: parseHost(t, "test"), ClientSecret: secret}, clientCredentials},
		{"flow-pool-host", sftoken.App{Host: pool}, exchange(sftoken.TokenExchangeOptions{SubjectToken: theirs, SubjectType: sftoken.JWTType})},
		{"flow-pool-host", sftoken.App{Host: pool}, headless(sftoken.CredentialsOptions{Username: "u", Password: theirs})},
		{"flow-pool-host", sftoken.App{Host: pool}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.SAMLAssertion(t.Context(), sftoken.NewSecret("<Assertion/>"))
		})},
		{"client-secret-empty", sftoken.App{Host: my}, clientCredentials},
		{"private-key-empty", sftoken.App{Host: my, ClientSecret: secret}, jwt},
		{"username-empty", sftoken.App{Host: my, PrivateKey: key}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{})
		})},
		{"client-id-empty", sftoken.App{ClientID: "-", Host: my, PrivateKey: key}, jwt},
		{"client-secret-public", sftoken.App{ClientID: sftoken.PlatformCLI, Host: my, ClientSecret: secret}, browser("")},
		{"client-secret-public", sftoken.App{ClientID: sftoken.PlatformCLI, Host: my, ClientSecret: secret}, clientCredentials},
		{"flow-no-browser", sftoken.App{Host: my}, browser(sftoken.FlowDevice)},
		{"flow-no-browser", sftoken.App{Host: my}, browser("magic")},
		{"attempt-incomplete", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) { // PKCE
			return c.Exchange(t.Context(), &sftoken.Attempt{ClientID: clientID, Host: my}, theirs)
		})},
		{"flow-no-token", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.AcceptToken(attempt, nil)
		})},
		{"flow-no-code", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.Exchange(t.Context(), &sftoken.Attempt{Flow: sftoken.FlowUserAgent, ClientID: clientID, Host: my}, theirs)
		})},
		{"username-empty", sftoken.App{Host: my}, password(sftoken.PasswordOptions{Password: theirs})},
		{"password-empty", sftoken.App{Host: my}, password(sftoken.PasswordOptions{Username: "u"})},
		{"username-empty", sftoken.App{Host: my}, headless(sftoken.CredentialsOptions{Username: "u:v", Password: theirs})},
		{"password-empty", sftoken.App{Host: my}, headless(sftoken.CredentialsOptions{Username: "u"})},
		{"scope-malformed", sftoken.App{Host: my}, headless(sftoken.CredentialsOptions{Username: "u", Password: theirs, Scopes: []string{"a,b"}})},
		{"assertion-malformed", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.SAMLBearer(t.Context(), sftoken.NewSecret("nothing of the kind"))
		})},
		{"subject-token-empty", sftoken.App{Host: my}, exchange(sftoken.TokenExchangeOptions{SubjectType: sftoken.JWTType})},
		{"subject-token-type", sftoken.App{Host: my}, exchange(sftoken.TokenExchangeOptions{SubjectToken: theirs})},
		{"subject-token-empty", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.AssetToken(t.Context(), sftoken.AssetTokenOptions{})
		})},
		{"scope-malformed", sftoken.App{Host: my}, func(c *sftoken.Client) error {
			_, err := c.StartDevice(t.Context(), []string{"a b"})
			return err
		}},
		{"attempt-incomplete", sftoken.App{Host: my}, token(func(c *sftoken.Client) (*sftoken.Token, error) {
			return c.AwaitDevice(t.Context(), &sftoken.DeviceLogin{})
		})},
		{"flow-scopes", sftoken.App{Host: my, ClientSecret: secret, Scopes: []string{"api"}}, func(c *sftoken.Client) error {
			return sftoken.FlowClientCredentials.Validate(c.App)
		}},
		{"redirect-empty", sftoken.App{Host: my, RedirectURI: "-"}, func(c *sftoken.Client) error { return sftoken.FlowWebServer.Validate(c.App) }},
		{"client-id-swapped", sftoken.App{ClientID: clientSecret, Host: my, PrivateKey: key}, func(c *sftoken.Client) error {
			return sftoken.FlowJWTBearer.Validate(c.App)
		}},
	} {
		app := row.app
		if app.ClientID == "" {
			app.ClientID = clientID
		}
		if app.RedirectURI == "" {
			app.RedirectURI = sftoken.DefaultRedirectURI
		}
		for _, field := range []*string{&app.ClientID, &app.RedirectURI} {
			if *field == "-" {
				*field = ""
			}
		}
		err := row.run(&sftoken.Client{App: app, HTTP: &http.Client{Transport: nothing}})
		e, ok := errors.AsType[*sftoken.AppError](err)
		if !ok || e.ID != row.id {
			t.Errorf("%+v: %v, want an *AppError %s", row.app, err, row.id)
		}
	}
	if err := sftoken.FlowClientCredentials.Validate(sftoken.App{ClientID: clientID, ClientSecret: secret, Host: my}); err != nil {
		t.Errorf("an app that has all that is needed: %v", err)
	}
	if err := sftoken.FlowJWTBearer.Validate(sftoken.App{ClientID: clientID, PrivateKey: key, Host: pool}); err != nil {
		t.Errorf("JWT bearer at a login pool: %v", err)
	}
}
