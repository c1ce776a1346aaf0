package emulator_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	config, err := emulator.ReadConfig(strings.NewReader(`
[[org]]
id = "00D000000000001"
name = "Mine"
my_domain = "mine"
session_timeout = "15m"
[[org.user]]
id = "005000000000001AAA"
username = "a@b.c"
password = "p"
[[app]]
client_id = "key"
callbacks = ["/services/oauth2/success"]
scopes = ["api"]
refresh_policy = "specific_inactivity:30:DAYS"
pkce_required = true
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &emulator.Config{
		Orgs: []emulator.Org{{
			ID: "00D000000000001", Name: "Mine", MyDomain: "mine", SessionTimeout: 15 * time.Minute,
			Users: []emulator.User{{ID: "005000000000001AAA", Username: "a@b.c", Password: "p"}},
		}},
		Apps: []emulator.App{{
			ClientID: "key", Callbacks: []string{"/services/oauth2/success"}, Scopes: []string{"api"},
			RefreshPolicy: "specific_inactivity:30:DAYS", PKCERequired: true,
		}},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each mistake is named by what is wrong and where.
func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	const org = "[[org]]\nid = \"00D000000000001\"\nname = \"o\"\nmy_domain = \"o\"\n"
	for text, want := range map[string]string{
		"":                                   "no org",
		org + "colour = 1":                   `unknown key "org.colour"`,
		org + "[[app]]\nclient_id = \"\"":    "client_id is needed",
		org + "[[app]]\nclient_id = \"a b\"": "letters, digits",
		org + "[[app]]\nclient_id = \"a\"\nscopes = [\"aip\"]":             `scope "aip" does not exist`,
		org + "[[app]]\nclient_id = \"a\"\ncallbacks = [\"localhost\"]":    `callback "localhost"`,
		org + "[[app]]\nclient_id = \"a\"\nrefresh_policy = \"sometimes\"": `refresh_policy "sometimes"`,
		org + "[[app]]\nclient_id = \"a\"\n[[app]]\nclient_id = \"a\"":     "used twice",
		org + org: "used twice",
		org + "[[org.site]]\nprefix = \"services\"":                                                      `site prefix "services"`,
		org + "[[org.site]]\nprefix = \"p\"\nid = \"00D000000000001\"":                                   "want 0DB",
		org + "[[org.identity_provider]]\nissuer = \"i\"\ncertificate = \"x\"":                           "not a PEM certificate",
		org + "[[org.identity_provider]]\n":                                                              "issuer is needed",
		org + "[[org.token_handler]]\nname = \"h\"\ntypes = [\"saml\"]":                                  `type "saml": want one of access_token`,
		org + "[[org.token_handler]]\nname = \"h\"\ncertificate = \"x\"":                                 "certificate: not PEM",
		org + "[[org.user]]\nid = \"005000000000001\"\nusername = \"u\"\npassword = \"p\"\nsite = \"s\"": `has no site "s"`,
		org + "[[app]]\nclient_id = \"a\"\ncertificate = \"x\"":                                          "certificate: not PEM",
		org + "[[app]]\nclient_id = \"a\"\nid_token_validity = \"30s\"":                                  "want 1m to 12h",
		org + "[[app]]\nclient_id = \"a\"\nasset_validity = \"-1s\"":                                     "want a positive duration",
		strings.Replace(org, "00D000000000001", "00D1", 1):                                               `"00D1": want 00D and 12 or 15`,
		strings.Replace(org, "00D000000000001", "00D000000000001AAB", 1):                                 "want 00D000000000001EAA",
		strings.Replace(org, "my_domain = \"o\"", "my_domain = \"services\"", 1):                         `my_domain "services"`,
		org + "[[org.user]]\nid = \"005000000000001\"\nusername = \"u\"":                                 "username and password are needed",
		org + "[[org.user]]\nid = \"00D000000000002\"\nusername = \"u\"\npassword = \"p\"\n":             "want 005",
	} {
		if _, err := emulator.ReadConfig(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func TestUpdateAppRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := newHandler(t)
	if err := s.UpdateApp("unknown", func(*emulator.App) {}); err == nil {
		t.Error("no error for an unknown app")
	}
	if err := s.UpdateApp(emulator.ClientIDPublic, func(a *emulator.App) { a.Scopes[0] = "nonsense" }); err == nil {
		t.Error("no error for an unknown scope")
	}
	if app, _ := s.App(emulator.ClientIDPublic); app.Scopes[0] != "api" {
		t.Error("a refused change went through")
	}
}

// E-26: never Salesforce's own hosts.
func TestRefusesToLookLikeProduction(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"login.salesforce.com", "acme.my.salesforce.com", "ACME.MY.SALESFORCE.COM.", "x.salesforce.mil", "x.force.com", "salesforce.com:8443"} {
		if _, err := emulator.New(emulator.Options{BaseURL: "https://" + host}); err == nil {
			t.Errorf("BaseURL on %s was accepted", host)
		}
		if _, _, err := emulator.NewCertificate(t.TempDir(), host); err == nil {
			t.Errorf("a certificate for %s was made", host)
		}
	}
	for _, base := range []string{"", "http://localhost:8080", "https://notsalesforce.com", "https://salesforce.com.example"} {
		if err := emulator.CheckBaseURL(base); err != nil {
			t.Error(err)
		}
	}
	for _, base := range []string{"localhost:8080", "ftp://x", "https://", "https://u:p@x"} {
		if err := emulator.CheckBaseURL(base); err == nil {
			t.Errorf("BaseURL %q was accepted", base)
		}
	}
}

func TestNewCertificate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	first, caFile, err := emulator.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for host, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "example.com": false} {
		if _, err := first.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, want 0600", file.Name(), info.Mode())
		}
	}
	same := func(a, b tls.Certificate) bool { return a.Leaf.Equal(b.Leaf) }
	again, _, err := emulator.NewCertificate(dir)
	if err != nil || !same(first, again) {
		t.Errorf("the second call made another certificate (%v)", err)
	}
	wider, _, err := emulator.NewCertificate(dir, "localhost", "acme.localhost")
	if err != nil || same(first, wider) {
		t.Errorf("a new host got the old certificate (%v)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "emulator.key"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mended, _, err := emulator.NewCertificate(dir); err != nil || same(wider, mended) {
		t.Errorf("a damaged key was not replaced (%v)", err)
	}
}

// JSON has the keys and rules of TOML; what Config writes as JSON, ReadConfig reads.
func TestReadConfigJSON(t *testing.T) {
	t.Parallel()
	s, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := s.Config()
	want.Orgs[0].SessionTimeout = 90 * time.Second
	want.Faults = []emulator.Fault{{Endpoint: emulator.Token, Percent: 2.5, Times: -1, Delay: time.Second, Header: http.Header{"Retry-After": {"1"}}}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := emulator.ReadConfig(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		`{"org":[{"id":1}]}`:          `read emulator config: `,
		`{"orgs":[]}`:                 `read emulator config: unknown key "orgs"`,
		`{"org":[]`:                   `read emulator config: unexpected end of JSON input`,
		`{"app":[{"client_id":"x"}]}`: `check emulator config: no org`,
	} {
		if _, err := emulator.ReadConfig(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
