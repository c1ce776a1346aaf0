package imports_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/imports"
)

const token = "5Aep861CANARY.refresh"

var sources = []struct {
	name   string
	format imports.Format // "": to be recognised
	text   string
	want   []string // client|secret|host|name|user
}{
	{"auth URL", "", "force://PlatformCLI::" + token + "@acme.my.salesforce.com\n", []string{"PlatformCLI||https://acme.my.salesforce.com||"}},
	{"auth URL with a secret", imports.AuthURL, "force://abc:CANARYSECRET:" + token + "@login.salesforce.com", []string{"abc|CANARYSECRET|https://login.salesforce.com||"}},
	{
		"what sf prints", "", `{"status":0,"result":{"sfdxAuthUrl":"force://PlatformCLI::` + token + `@acme.my.salesforce.com","username":"a@b.example","alias":"acme"}}`,
		[]string{"PlatformCLI||https://acme.my.salesforce.com|acme|a@b.example"},
	},
	{"a file for sf", imports.AuthURL, `{"sfdxAuthUrl":"force://PlatformCLI::` + token + `@acme.my.salesforce.com"}`, []string{"PlatformCLI||https://acme.my.salesforce.com||"}},
	{
		"what sftoken prints", "", `{"alias":"prod","refresh_token":"` + token + `","client_id":"abc","login_host":"https://login.salesforce.com","instance_url":"https://acme.my.salesforce.com","rotates":false}`,
		[]string{"abc||https://login.salesforce.com|prod|"},
	},
	{"camel case", "", `{"refreshToken":"` + token + `","clientId":"abc","clientSecret":"s","instanceUrl":"https://acme.my.salesforce.com"}`, []string{"abc|s|https://acme.my.salesforce.com||"}},
	{
		".env", "", "# Salesforce\nexport SF_CLIENT_ID='abc'\nSF_CLIENT_SECRET=\"s\"\r\nSF_REFRESH_TOKEN=" + token + " # old\nSF_LOGIN_URL=https://test.salesforce.com\nOTHER=1\n",
		[]string{"abc|s|https://test.salesforce.com||"},
	},
	{".env, long names", "", "SALESFORCE_REFRESH_TOKEN=" + token + "\nSALESFORCE_INSTANCE_URL=https://acme.my.salesforce.com", []string{"||https://acme.my.salesforce.com||"}},
	{".env with an auth URL", "", "SFDX_AUTH_URL=force://PlatformCLI::" + token + "@acme.my.salesforce.com", []string{"PlatformCLI||https://acme.my.salesforce.com||"}},
	{
		"ForceCLI", imports.ForceCLI, `{"access_token":"00D!x","instance_url":"https://acme.my.salesforce.com","ClientId":"abc","RefreshToken":"` + token + `","ForceEndpoint":1,"UserInfo":{"preferred_username":"a@b.example"}}`,
		[]string{"abc||https://test.salesforce.com|a@b.example|a@b.example"},
	},
	{
		"jsforce", imports.JSforce, `{"clients":{"mine":{"clientId":"abc","clientSecret":"s","loginUrl":"https://test.salesforce.com"}},"connections":{
		"two":{"client":"mine","username":"a@b.example","refreshToken":"` + token + `"},"one":{"refreshToken":"` + token + `"},"none":{"accessToken":"x"}}}`,
		[]string{"||https://login.salesforce.com|one|", "abc|s|https://test.salesforce.com|two|a@b.example"},
	},
	{"a token", "", " " + token + "\n", []string{"||||"}},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range sources {
		logins, err := imports.Read(c.format, "x", []byte(c.text), sftoken.HostRules{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, l := range logins {
			got = append(got, strings.Join([]string{l.App.ClientID, l.App.ClientSecret.Reveal(), l.App.Host.String(), l.Name, l.Username}, "|"))
			if l.RefreshToken.Reveal() != token {
				t.Errorf("%s: another refresh token", c.name)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What is wrong is told with its place and never with what stands there.
func TestWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format imports.Format
		text   string
		want   string
	}{
		{"nothing", "", " \n", "import x: it is empty"},
		{"broken JSON", "", "{\n\"refresh_token\": \"CANARY\",\n oops}", "import x:3: this is no JSON from here on"},
		{"no object", "", `["CANARY"]`, "import x:1: there is a JSON array where something else belongs"},
		{"no token", "", `{"client_id":"abc"}`, "there is no refresh token in it"},
		{"a placeholder", "", `{"result":{"sfdxAuthUrl":"[REDACTED] Use 'sf org auth show-access-token' to view"}}`, "sf org auth show-sfdx-auth-url"},
		{"no setting", imports.Env, "SF_CLIENT_ID=a\nCANARY CANARY\n", "import x:2: this is no NAME=VALUE"},
		{"an open quotation mark", imports.Env, "SF_REFRESH_TOKEN=\"CANARY\n", "import x:1: the value's quotation mark has no end"},
		{"two words for one thing", imports.Env, "SF_CLIENT_ID=a\nSALESFORCE_CLIENT_ID=b\n", "import x:2: two lines say different things of CLIENT_ID"},
		{"a token with spaces", imports.Env, "SF_REFRESH_TOKEN='CANARY CANARY'\n", "import x:1: the refresh token has characters in it that none has"},
		{"no token at all", imports.Token, "CANARY CANARY", "import x: a refresh token is one word"},
		{"somebody else's host", "", "force://PlatformCLI::CANARY@evil.example", "evil.example"},
		{"a cut auth URL", "", "force://PlatformCLI:CANARY", "force://"},
		{"nobody's connection", imports.JSforce, `{"connections":{}}`, "no connection in it has a refresh token"},
		{"no such format", "yaml", "CANARY", `there is no format "yaml"`},
	} {
		_, err := imports.Read(c.format, "x", []byte(c.text), sftoken.HostRules{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range sources {
		f.Add(string(c.format), c.text)
	}
	f.Fuzz(func(t *testing.T, format, text string) {
		logins, err := imports.Read(imports.Format(format), "x", []byte(text), sftoken.HostRules{})
		_, ours := errors.AsType[*imports.Error](err)
		_, host := errors.AsType[*sftoken.HostError](err)
		if err != nil && !ours && !host {
			t.Errorf("error %T", err)
		}
		for _, l := range logins {
			if err == nil && l.RefreshToken.IsZero() {
				t.Error("a login without a refresh token")
			}
		}
	})
}
