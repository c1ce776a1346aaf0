package export_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

func host(t *testing.T, text string) sftoken.Host {
	t.Helper()
	h, err := sftoken.ParseHost(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// login is made of placeholders, so that no golden file looks as if it held a token.
func login(t *testing.T) export.Login {
	t.Helper()
	return export.Login{
		Alias: "prod",
		App: sftoken.App{
			ClientID: "CID.one_two-3", ClientSecret: sftoken.NewSecret("CSEC=="), Host: host(t, "acme--uat.sandbox.my.salesforce.com"),
			RedirectURI: sftoken.DefaultRedirectURI,
		},
		RefreshToken: sftoken.NewSecret("RT._-=="), AccessToken: sftoken.NewSecret("AT!a.b_c"),
		ExpiresAt:   time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
		InstanceURL: "https://acme--uat.sandbox.my.salesforce.com",
		IdentityURL: "https://login.salesforce.com/id/00D/005", Scopes: []string{"api", "refresh_token"},
	}
}

// required are settings for the formats that cannot do without.
func required(f *export.Format) map[string]string {
	settings := map[string]string{}
	for _, s := range f.Settings {
		if s.Required {
			settings[s.Name] = s.Example
		}
	}
	return settings
}

func TestGolden(t *testing.T) {
	t.Parallel()
	templates, err := filepath.Glob("format/*.tmpl")
	if err != nil || len(templates) != len(export.Formats) {
		t.Errorf("%d templates for %d formats, %v", len(templates), len(export.Formats), err)
	}
	for _, f := range export.Formats {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for _, public := range []bool{false, true} {
				name, l := f.Name, login(t)
				if public {
					name, l.App.ClientSecret, l.App.Host = name+"-public", sftoken.Secret{}, host(t, "login.salesforce.com")
				}
				text, err := f.Text(l, required(&f))
				if public && f.NeedsSecret {
					if refused, ok := errors.AsType[*export.Error](err); !ok || refused.ID != "secret-missing" || !text.IsZero() {
						t.Errorf("without a client secret: %v, want a refusal", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", name+".golden"), text.Reveal())
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		format, name string
		change       func(*export.Login)
		settings     map[string]string
		id           string
	}{
		{"auth-url", "a slash in the refresh token", func(l *export.Login) { l.RefreshToken = sftoken.NewSecret("a/b") }, nil, "characters"},
		{"auth-url", "a colon in the client secret", func(l *export.Login) { l.App.ClientSecret = sftoken.NewSecret("a:b") }, nil, "characters"},
		{"auth-url", "three equals signs", func(l *export.Login) { l.App.ClientID = "a===" }, nil, "characters"},
		{"auth-url", "a site", func(l *export.Login) { l.App.Host = host(t, "https://acme.my.site.com/partners") }, nil, "host"},
		{"auth-url", "plain http", func(l *export.Login) { l.App.Host = host(t, "http://localhost:8080") }, nil, "host"},
		{"meltano", "no host of Salesforce's", func(l *export.Login) { l.App.Host = host(t, "https://localhost:8080") }, nil, "host"},
		{"appflow", "no host of Salesforce's", func(l *export.Login) { l.App.Host = host(t, "https://localhost:8080") }, map[string]string{"client_credentials_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"}, "host"},
		{"env", "a line break", func(l *export.Login) { l.RefreshToken = sftoken.NewSecret("a\nB=c") }, nil, "characters"},
		{"env", "a single quote", func(l *export.Login) { l.RefreshToken = sftoken.NewSecret("a'b") }, nil, "characters"},
		{"json", "a NUL", func(l *export.Login) { l.App.ClientID = "a\x00" }, nil, "characters"},
		{"json", "no UTF-8", func(l *export.Login) { l.App.ClientID = "a\xff" }, nil, "characters"},
		{"env", "a prefix that is a command", nil, map[string]string{"prefix": "X;rm"}, "setting-malformed"},
		{"snowflake", "a name that is a statement", nil, map[string]string{"expiry_time": "2027-01-01", "secret": "a; DROP"}, "setting-malformed"},
		{"snowflake", "no expiry", nil, nil, "setting-missing"},
		{"json", "a setting it has not", nil, map[string]string{"x": "y"}, "setting-unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.format+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			l := login(t)
			if tt.change != nil {
				tt.change(&l)
			}
			text, err := export.Find(tt.format).Text(l, tt.settings)
			refused, ok := errors.AsType[*export.Error](err)
			if !ok || refused.ID != tt.id || refused.Format != tt.format || !text.IsZero() {
				t.Errorf("%v, want %s", err, tt.id)
			}
			if strings.Contains(err.Error(), "a/b") {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, sandbox, domain string
		elsewhere             bool
	}{
		{"login.salesforce.com", "false", "login", false},
		{"test.salesforce.com", "true", "test", false},
		{"acme.my.salesforce.com", "false", "acme.my", true},
		{"acme--uat.sandbox.my.salesforce.com", "true", "acme--uat.sandbox.my", true},
		{"acme--uat.my.salesforce.com", "true", "acme--uat.my", true},
	} {
		l := login(t)
		l.App.Host = host(t, c.host)
		airbyte, err := export.Find("airbyte").Text(l, nil)
		if err != nil || !strings.Contains(airbyte.Reveal(), `"is_sandbox": `+c.sandbox) {
			t.Errorf("%s: %v, want is_sandbox %s", c.host, err, c.sandbox)
		}
		meltano, err := export.Find("meltano").Text(l, nil)
		if err != nil || !strings.Contains(meltano.Reveal(), "TAP_SALESFORCE_DOMAIN="+c.domain+"\n") {
			t.Errorf("%s: %v, want domain %s", c.host, err, c.domain)
		}
		if got := export.Find("airbyte").SendsElsewhere(l.App.Host); got != c.elsewhere {
			t.Errorf("%s: sends elsewhere %t", c.host, got)
		}
		if export.Find("json").SendsElsewhere(l.App.Host) {
			t.Errorf("%s: a target with a field for the host sends nothing elsewhere", c.host)
		}
	}
}
