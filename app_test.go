package sftoken_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

func TestAppValidate(t *testing.T) {
	t.Parallel()
	good := newClient(t, nil).App
	for _, row := range []struct {
		name   string
		change func(*sftoken.App)
		want   string // "" for none
	}{
		{"as it is", func(*sftoken.App) {}, ""},
		{"public", func(a *sftoken.App) { a.ClientSecret = sftoken.Secret{} }, ""},
		{"the Salesforce CLI's", func(a *sftoken.App) { a.ClientID, a.ClientSecret = sftoken.PlatformCLI, sftoken.Secret{} }, ""},
		{"an old secret", func(a *sftoken.App) { a.ClientSecret = sftoken.NewSecret("1234567890123456789") }, ""},
		{"only refreshes", func(a *sftoken.App) { a.RedirectURI = "" }, ""},
		{"port 80", func(a *sftoken.App) { a.RedirectURI = "http://localhost" }, ""},
		{"out of band", func(a *sftoken.App) { a.RedirectURI = "https://login.salesforce.com/services/oauth2/success" }, ""},
		{"an own scheme", func(a *sftoken.App) { a.RedirectURI = "myapp://callback" }, ""},
		{"no client id", func(a *sftoken.App) { a.ClientID = "" }, "client-id-empty"},
		{"a line break", func(a *sftoken.App) { a.ClientID += "\n" }, "client-id-malformed"},
		{"a quote", func(a *sftoken.App) { a.ClientID += `"` }, "client-id-malformed"},
		{"cut", func(a *sftoken.App) { a.ClientID = clientID[:40] }, "client-id-cut"},
		{"swapped", func(a *sftoken.App) { a.ClientID, a.ClientSecret = clientSecret, sftoken.NewSecret(clientID) }, "client-id-swapped"},
		{"the key twice", func(a *sftoken.App) { a.ClientSecret = sftoken.NewSecret(clientID) }, "client-secret-swapped"},
		{"a token for a key", func(a *sftoken.App) { a.ClientID = refreshToken }, "client-id-token"},
		{"a token for a secret", func(a *sftoken.App) { a.ClientSecret = sftoken.NewSecret(accessToken) }, "client-secret-token"},
		{"a secret with a space", func(a *sftoken.App) { a.ClientSecret = sftoken.NewSecret(clientSecret + " ") }, "client-secret-malformed"},
		{"no host", func(a *sftoken.App) { a.Host = sftoken.Host{} }, "host-empty"},
		{"a relative redirect", func(a *sftoken.App) { a.RedirectURI = "/OauthRedirect" }, "redirect-malformed"},
		{"a redirect without scheme", func(a *sftoken.App) { a.RedirectURI = "localhost/callback" }, "redirect-malformed"},
		{"a redirect with a fragment", func(a *sftoken.App) { a.RedirectURI += "#" }, "redirect-malformed"},
		{"a redirect with a space", func(a *sftoken.App) { a.RedirectURI += " " }, "redirect-malformed"},
		{"http by address", func(a *sftoken.App) { a.RedirectURI = "http://127.0.0.1:8080/callback" }, "redirect-insecure"},
		{"http elsewhere", func(a *sftoken.App) { a.RedirectURI = "http://example.com/callback" }, "redirect-insecure"},
		{"port 0", func(a *sftoken.App) { a.RedirectURI = "http://localhost:0/callback" }, "redirect-port"},
		{"scopes with commas", func(a *sftoken.App) { a.Scopes = []string{"api,refresh_token"} }, "scope-malformed"},
		{"scopes in one", func(a *sftoken.App) { a.Scopes = []string{"api refresh_token"} }, "scope-malformed"},
	} {
		app := good
		row.change(&app)
		err := app.Validate()
		var appErr *sftoken.AppError
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", row.name, err)
		case row.want != "" && (!errors.As(err, &appErr) || appErr.ErrorID() != row.want):
			t.Errorf("%s: got %v, want %s", row.name, err, row.want)
		case err != nil && (strings.Contains(err.Error(), clientSecret) || strings.Contains(err.Error(), "Planted")):
			t.Errorf("%s: the error shows a secret: %v", row.name, err)
		}
	}
}

func TestAuthURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"force://PlatformCLI::5Aep861abc@acme.my.salesforce.com",
		"force://3MVG9.x_y-z:ABCDEF==:5Aep861abc==@acme--uat.sandbox.my.salesforce.com",
		"force://id:secret:refresh@localhost:8443",
	} {
		got, err := sftoken.ParseAuthURL(" " + text + "\n")
		if err != nil {
			t.Errorf("ParseAuthURL(%q): %v", text, err)
			continue
		}
		if got.Reveal().Reveal() != text {
			t.Errorf("ParseAuthURL(%q) gives back %q", text, got.Reveal().Reveal())
		}
	}
	got, err := sftoken.ParseAuthURL("force://id:secret:refresh@acme.lightning.force.com/")
	if err != nil || got.ClientID != "id" || got.ClientSecret.Reveal() != "secret" || got.RefreshToken.Reveal() != "refresh" || got.Host.String() != acme {
		t.Errorf("got %+v, %v", got, err)
	}
	rules := sftoken.HostRules{Allow: []string{"idp.example.com"}}
	if got, err := rules.ParseAuthURL("force://id::refresh@idp.example.com:8443"); err != nil || got.Host.String() != "https://idp.example.com:8443" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{
		"", "force://", "force://planted", "force://id:planted@acme.my.salesforce.com", "force://id:planted:@acme.my.salesforce.com",
		"force://id:planted:planted@", "force://id:planted:planted@acme.my.salesforce.com/path", "https://id:planted:planted@acme.my.salesforce.com",
		"force://id:planted:planted@evil.example", "force://id:planted:planted@acme.my.salesforce.com@evil.example",
	} {
		got, err := sftoken.ParseAuthURL(text)
		if err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("ParseAuthURL(%q) = %v, %v", text, got, err)
		}
	}
}

// F-15: print and parse are inverse, and no error shows a secret.
func FuzzParseAuthURL(f *testing.F) {
	f.Add("force://PlatformCLI::5Aep861abc@acme.my.salesforce.com")
	f.Add("force://id:secret:refresh==@localhost:8443/")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := sftoken.ParseAuthURL(text)
		if err != nil {
			return
		}
		again, err := sftoken.ParseAuthURL(got.Reveal().Reveal())
		if err != nil || again.ClientID != got.ClientID || again.Host != got.Host ||
			!again.ClientSecret.Equal(got.ClientSecret) || !again.RefreshToken.Equal(got.RefreshToken) {
			t.Fatalf("%q parses as %+v, then as %+v, %v", text, got, again, err)
		}
	})
}

func TestID18(t *testing.T) {
	t.Parallel()
	for _, row := range [][2]string{
		{"00D6g000006wre4", "00D6g000006wre4EAA"}, // both forms from Salesforce's Postman collection
		{"0056g0000049jc6", "0056g0000049jc6AAA"},
		{"001A0000006Vm9r", "001A0000006Vm9rIAC"},
		{"00D6g000006wre4EAA", "00D6g000006wre4EAA"},
		{"", ""},
		{"short", "short"},
		{"00D6g000006wre!", "00D6g000006wre!"},
	} {
		if got := sftoken.ID18(row[0]); got != row[1] {
			t.Errorf("ID18(%q) = %q, want %q", row[0], got, row[1])
		}
	}
	if !sftoken.SameID("00D6g000006wre4", "00D6g000006wre4EAA") || sftoken.SameID("00D6g000006wre4", "00D6G000006wre4") || sftoken.SameID("", "") {
		t.Error("SameID is wrong")
	}
}
