package foreign

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/internal/export"
	"github.com/sftoken/sftoken/test/need"
	"github.com/sftoken/sftoken/test/place"
)

// hostile are values with what the quoting of one target or another has to bear, beside what tokens are made of.
func hostile(t *testing.T) export.Login {
	t.Helper()
	host, err := sftoken.ParseHost("acme--uat.sandbox.my.salesforce.com")
	if err != nil {
		t.Fatal(err)
	}
	return export.Login{
		Alias: "prod-日本",
		App: sftoken.App{
			ClientID: `C'I"D\n;{x} $y ${y} #{y} %{z} %d=#&<é>`, ClientSecret: sftoken.NewSecret(`= SEC!'"}\;RET==`), Host: host,
			RedirectURI: sftoken.DefaultRedirectURI,
		},
		RefreshToken: sftoken.NewSecret("5Ae`p:'\"\\u0041/*--*/]]>🔑=="), AccessToken: sftoken.NewSecret(`00D!A'"\.b`),
		InstanceURL: "https://acme--uat.sandbox.my.salesforce.com", IdentityURL: "https://login.salesforce.com/id/a/b",
		Scopes: []string{"api", "refresh_token"},
	}
}

// plain are values of the characters that Salesforce uses, for targets that refuse others.
func plain(t *testing.T) export.Login {
	t.Helper()
	l := hostile(t)
	l.App.ClientID, l.App.ClientSecret, l.RefreshToken = "3MVG9.a_b-c", sftoken.NewSecret("0123ABCD=="), sftoken.NewSecret("5Aep._x-y==")
	return l
}

func exported(t *testing.T, l export.Login, format string) string {
	t.Helper()
	f := export.Find(format)
	settings := map[string]string{}
	for _, s := range f.Settings {
		if s.Required {
			settings[s.Name] = s.Example
		}
	}
	text, err := f.Text(l, settings)
	if err != nil {
		t.Fatal(err)
	}
	return text.Reveal()
}

// pick walks down an object by its keys.
func pick(t *testing.T, from any, keys ...any) string {
	t.Helper()
	at := from
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			object, _ := at.(map[string]any)
			at = object[k]
		case int:
			list, _ := at.([]any)
			if k >= len(list) {
				t.Fatalf("%v: too short", keys)
			}
			at = list[k]
		}
	}
	text, ok := at.(string)
	if !ok {
		t.Errorf("%v is %v, no text", keys, at)
	}
	return text
}

func secrets(l export.Login) []string {
	return []string{l.App.ClientID, l.App.ClientSecret.Reveal(), l.RefreshToken.Reveal()}
}

// What JavaScript's, YAML's, Terraform's and ODBC's readers make of an export is what was put in.
func TestExportsReadByNode(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dotenv", "yaml", "dot-properties", "@cdktf/hcl2json", "@tediousjs/connection-string", "@salesforce/core"} {
		need.Package(t, name)
	}
	js := startScript(t, "exports", "jsforce")
	read := func(reader, text string) map[string]any {
		t.Helper()
		var answer struct{ Read map[string]any }
		js.tell(t, reader, told{"text": text}, &answer)
		return answer.Read
	}
	bad, good := hostile(t), plain(t)
	noQuote := hostile(t)
	noQuote.App.ClientID, noQuote.App.ClientSecret = `C"D\n;{x} $y ${y} #{y} é`, sftoken.NewSecret(`= SEC!"}\;RET==`)
	noQuote.RefreshToken = sftoken.NewSecret("5Ae`p:\"🔑")
	field := func(reader, text string, keys ...[]any) (got []string) {
		t.Helper()
		object := read(reader, text)
		for _, key := range keys {
			got = append(got, pick(t, object, key...))
		}
		return got
	}
	path := func(keys ...any) []any { return keys }
	unbase64 := func(texts []string) (plain []string) {
		for _, text := range texts {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Error(err)
			}
			plain = append(plain, string(decoded))
		}
		return plain
	}
	templates := strings.NewReplacer("$${", "${", "%%{", "%{") // hcl2json leaves the escapes of templates in
	configuration := func(key string) []any {
		return path("resource", "airbyte_source_salesforce", "salesforce", 0, "configuration", key)
	}
	terraform := field("hcl", exported(t, bad, "airbyte-terraform"), configuration("client_id"), configuration("client_secret"), configuration("refresh_token"))
	for i := range terraform {
		terraform[i] = templates.Replace(terraform[i])
	}
	for _, c := range []struct {
		format    string
		want, got []string
	}{
		{"env", secrets(noQuote), field("dotenv", exported(t, noQuote, "env"), path("SALESFORCE_CLIENT_ID"), path("SALESFORCE_CLIENT_SECRET"), path("SALESFORCE_REFRESH_TOKEN"))},
		{"env, plain", secrets(good), field("dotenv", exported(t, good, "env"), path("SALESFORCE_CLIENT_ID"), path("SALESFORCE_CLIENT_SECRET"), path("SALESFORCE_REFRESH_TOKEN"))},
		{"meltano", secrets(noQuote), field("dotenv", exported(t, noQuote, "meltano"), path("TAP_SALESFORCE_CLIENT_ID"), path("TAP_SALESFORCE_CLIENT_SECRET"), path("TAP_SALESFORCE_REFRESH_TOKEN"))},
		{"mage", secrets(bad), field("yaml", exported(t, bad, "mage"), path("client_id"), path("client_secret"), path("refresh_token"))},
		{"kubernetes", secrets(bad), unbase64(field("yaml", exported(t, bad, "kubernetes"), path("data", "client_id"), path("data", "client_secret"), path("data", "refresh_token")))},
		{"camel", secrets(bad), field("properties", exported(t, bad, "camel"), path("camel.component.salesforce.client-id"), path("camel.component.salesforce.client-secret"), path("camel.component.salesforce.refresh-token"))},
		{"airbyte-terraform", secrets(bad), terraform},
		{"datadirect", secrets(bad), field("connection", exported(t, bad, "datadirect"), path("clientid"), path("clientsecret"), path("refreshtoken"))},
		{"devart", secrets(bad), field("connection", exported(t, bad, "devart"), path("client id"), path("client secret"), path("refresh token"))},
		{"componentone", secrets(bad), field("connection", exported(t, bad, "componentone"), path("oauth client id"), path("oauth client secret"), path("oauth refresh token"))},
		{"jsforce", secrets(bad), field("jsforce", exported(t, bad, "jsforce"), path("clientId"), path("clientSecret"), path("refreshToken"))},
		{"auth-url", secrets(good), field("sfdx", exported(t, good, "auth-url"), path("clientId"), path("clientSecret"), path("refreshToken"))},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +read):\n%s", c.format, diff)
		}
	}
	if got := read("sfdx", exported(t, good, "auth-url"))["loginUrl"]; got != good.App.Host.String() {
		t.Errorf("auth-url: login URL %q", got)
	}
}

// JSON, TOML and XML are read by Go's parsers.
func TestExportsReadByGo(t *testing.T) {
	t.Parallel()
	l := hostile(t)
	for format, keys := range map[string][][]any{
		"json":     {{"client_id"}, {"client_secret"}, {"refresh_token"}},
		"airbyte":  {{"client_id"}, {"client_secret"}, {"refresh_token"}},
		"singer":   {{"client_id"}, {"client_secret"}, {"refresh_token"}},
		"fivetran": {{"auth", "client_access", "client_id"}, {"auth", "client_access", "client_secret"}, {"auth", "refresh_token"}},
		"nango":    {{"oauth_client_id_override"}, {"oauth_client_secret_override"}, {"refresh_token"}},
		"postman":  {{"values", 2, "value"}, {"values", 3, "value"}, {"values", 7, "value"}},
		"appflow":  {nil, nil, {"connectorProfileCredentials", "Salesforce", "refreshToken"}},
	} {
		var object any
		if err := json.Unmarshal([]byte(exported(t, l, format)), &object); err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		for i, key := range keys {
			if key == nil {
				continue
			}
			if got := pick(t, object, key...); got != secrets(l)[i] {
				t.Errorf("%s: %v is %q", format, key, got)
			}
		}
	}
	var config struct{ ClientID, ClientSecret, RefreshToken string }
	if _, err := toml.Decode(exported(t, l, "ballerina"), &config); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(secrets(l), []string{config.ClientID, config.ClientSecret, config.RefreshToken}); diff != "" {
		t.Errorf("ballerina (-want +read):\n%s", diff)
	}
	var init struct {
		ID      string `xml:"clientId"`
		Secret  string `xml:"clientSecret"`
		Refresh string `xml:"refreshToken"`
	}
	element := strings.ReplaceAll(exported(t, l, "wso2"), "salesforcerest.init", "init")
	if err := xml.Unmarshal([]byte(element), &init); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(secrets(l), []string{init.ID, init.Secret, init.Refresh}); diff != "" {
		t.Errorf("wso2 (-want +read):\n%s", diff)
	}
}

// Shell, Ruby and Python read their literals themselves.
func TestExportsReadByInterpreters(t *testing.T) {
	t.Parallel()
	l := hostile(t)
	good := plain(t)
	for _, c := range []struct {
		format, program, debian, before, after string
		login                                  export.Login
	}{
		{"shell", "sh", "dash", "", `printf '["%s","%s","%s"]' "$(e "$SALESFORCE_CLIENT_ID")" "$(e "$SALESFORCE_CLIENT_SECRET")" "$(e "$SALESFORCE_REFRESH_TOKEN")"`, l},
		{"env", "sh", "dash", "", `printf '["%s","%s","%s"]' "$(e "$SALESFORCE_CLIENT_ID")" "$(e "$SALESFORCE_CLIENT_SECRET")" "$(e "$SALESFORCE_REFRESH_TOKEN")"`, good},
		{"restforce", "ruby", "ruby", "require 'json'\nmodule Restforce; def self.new(**o) = o; end\n", "\nputs [client[:client_id], client[:client_secret], client[:refresh_token]].map { |s| s.unpack1('H*') }.to_json", l},
		{"airbyte-agent", "python3", "python3", pythonStubs, "\nimport json\nprint(json.dumps([connector[k].encode().hex() for k in ('client_id', 'client_secret', 'refresh_token')]))", l},
	} {
		t.Run(c.format+" by "+c.program, func(t *testing.T) {
			t.Parallel()
			path := need.Tool(t, c.program, c.debian)
			text := c.before + exported(t, c.login, c.format) + c.after
			if c.program == "sh" {
				text = "e() { printf %s \"$1\" | od -An -v -tx1 | tr -d ' \\n'; }\n" + text
			}
			command := exec.CommandContext(t.Context(), path, "-")
			if c.program == "sh" {
				command = exec.CommandContext(t.Context(), path)
			}
			command.Stdin = strings.NewReader(text)
			command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8"}
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			want := secrets(c.login)
			for i := range want {
				want[i] = hexOf(want[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +read):\n%s", diff)
			}
		})
	}
}

const pythonStubs = `import sys, types
package, models = types.ModuleType("airbyte_agent_salesforce"), types.ModuleType("airbyte_agent_salesforce.models")
package.SalesforceConnector, models.SalesforceAuthConfig = (lambda auth_config: auth_config), dict
sys.modules["airbyte_agent_salesforce"], sys.modules["airbyte_agent_salesforce.models"] = package, models
`

func hexOf(text string) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range []byte(text) {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

// curl and jsforce refresh at the emulator with what they are given.
func TestExportsRefresh(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	g := place.Login(t, s, "prod", emulator.Username)
	l := export.Login{Alias: g.Alias, App: g.App, RefreshToken: g.RefreshToken, AccessToken: g.AccessToken, InstanceURL: g.InstanceURL}
	t.Run("curl", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), need.Tool(t, "curl", "curl"), "--disable", "--config", "-")
		command.Stdin = strings.NewReader(exported(t, l, "curl"))
		out, err := command.Output()
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		if jsonErr := json.Unmarshal(out, &answer); err != nil || jsonErr != nil || status(t, s.Client(), s.URL, answer.AccessToken) != http.StatusOK {
			t.Errorf("curl: %v, %v", err, jsonErr)
		}
	})
	t.Run("jsforce", func(t *testing.T) {
		js := startScript(t, "exports", "jsforce")
		s.Emulator().ExpireSessions()
		var answer struct {
			Read struct{ Username, Refreshed string }
		}
		js.tell(t, "jsforce", told{"text": exported(t, l, "jsforce")}, &answer)
		if answer.Read.Username != emulator.Username || status(t, s.Client(), s.URL, answer.Read.Refreshed) != http.StatusOK {
			t.Errorf("jsforce is %q", answer.Read.Username)
		}
	})
}
