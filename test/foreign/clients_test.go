package foreign

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/test/need"
)

// clients is what runs here, and the table of docs/*/emulator.md: a row a client.
var clients = []client{
	{"Salesforce CLI", npm("@salesforce/cli"), salesforceCLI(need.Salesforce, true)},
	{"Salesforce CLI", npm("salesforce-cli-2.146"), salesforceCLI(need.OldSalesforce, false)}, // knows no rotation
	{"jsforce (npm)", npm("jsforce"), []proof{
		{[]flow{webServer, refreshes, identity}, jsforceWebServer},
		{[]flow{password, jwtBearer, clientCredentials, revocation}, jsforceOthers},
		{[]flow{soap, paging}, jsforceSOAP},
	}},
	{"nforce (npm)", npm("nforce"), []proof{
		{[]flow{webServer, refreshes, identity, password}, nforce},
		{[]flow{samlBySSO}, nforceSAML},
	}},
	{"client-oauth2 (npm)", npm("client-oauth2"), []proof{
		{[]flow{webServer, userAgent, refreshes, password, jwtBearer, clientCredentials}, clientOAuth2},
	}},
	{"openid-client (npm)", npm("openid-client"), []proof{
		{[]flow{webServer, refreshes, idToken, userinfo, introspection, revocation, privateKeyJWT, clientCredentials, jwtBearer, registration}, openIDClient},
	}},
	{"simple-oauth2 (npm)", npm("simple-oauth2"), []proof{
		{[]flow{webServer, refreshes, revocation, password, clientCredentials}, simpleOAuth2},
	}},
	{"golang.org/x/oauth2", module("golang.org/x/oauth2"), []proof{
		{[]flow{webServer, refreshes, rotation}, oauth2Rotates},
		{[]flow{webServer, refreshes}, oauth2WithSecret},
		{[]flow{clientCredentials, jwtBearer, password}, oauth2Others},
		{[]flow{device}, oauth2Device},
	}},
	{"coreos/go-oidc", module("github.com/coreos/go-oidc/v3"), []proof{{[]flow{idToken, userinfo}, goOIDC}}},
	{"k-capehart/go-salesforce", module("github.com/k-capehart/go-salesforce/v3"), []proof{
		{[]flow{password, clientCredentials, jwtBearer}, goSalesforce},
		{[]flow{givenToken}, goSalesforceGivenToken},
	}},
	{"markbates/goth, Salesforce", module("github.com/markbates/goth"), []proof{{[]flow{webServer, refreshes, identity}, gothSalesforce}}},
}

type client struct {
	name    string
	version func(*testing.T) string
	proofs  []proof
}

// proof is a test that has a client do what it names.
type proof struct {
	flows []flow
	run   func(*testing.T)
}

// flow is its name in both languages.
type flow struct{ en, ja string }

var (
	webServer         = flow{"web server", "Web サーバー"}
	userAgent         = flow{"user-agent", "ユーザーエージェント"}
	refreshes         = flow{"refresh", "更新"}
	rotation          = flow{"rotation", "ローテーション"}
	password          = flow{"username-password", "ユーザー名パスワード"}
	jwtBearer         = flow{"JWT bearer", "JWT ベアラー"}
	samlBySSO         = flow{"SAML assertion", "SAML アサーション"}
	clientCredentials = flow{"client credentials", "クライアントログイン情報"}
	device            = flow{"device", "デバイス"}
	authURL           = flow{"auth URL", "認証 URL"}
	givenToken        = flow{"access token given to it", "渡されたアクセストークン"}
	idToken           = flow{"ID token", "ID トークン"}
	userinfo          = flow{"userinfo", "userinfo"}
	identity          = flow{"identity URL", "ID URL"}
	introspection     = flow{"introspection", "イントロスペクション"}
	revocation        = flow{"revocation", "取り消し"}
	soap              = flow{"SOAP login and logout", "SOAP のログインとログアウト"}
	paging            = flow{"query in pages", "ページに分けたクエリ"}
	registration      = flow{"dynamic registration", "動的登録"}
	privateKeyJWT     = flow{"`private_key_jwt`", "`private_key_jwt`"}
)

func TestClients(t *testing.T) {
	t.Parallel()
	plain := strings.NewReplacer("/", " ", "`", "") // a slash separates names of tests
	for _, c := range clients {
		t.Run(plain.Replace(c.name+" "+c.version(t)), func(t *testing.T) {
			t.Parallel()
			for _, p := range c.proofs {
				var names []string
				for _, f := range p.flows {
					names = append(names, f.en)
				}
				t.Run(plain.Replace(strings.Join(names, ", ")), func(t *testing.T) {
					t.Parallel()
					p.run(t)
				})
			}
		})
	}
}

// The page's table says what runs here, no more and no less.
func TestDocsClients(t *testing.T) {
	t.Parallel()
	for language, name := range map[string]func(flow) string{
		"en": func(f flow) string { return f.en },
		"ja": func(f flow) string { return f.ja },
	} {
		var want []string
		for _, c := range clients {
			var flows []string
			for _, p := range c.proofs {
				for _, f := range p.flows {
					if !slices.Contains(flows, name(f)) {
						flows = append(flows, name(f))
					}
				}
			}
			separator := map[string]string{"en": ", ", "ja": "、"}[language]
			want = append(want, "| "+c.name+" | "+c.version(t)+" | "+strings.Join(flows, separator)+" |")
		}
		page := filepath.Join(need.Root(t), "docs", language, "emulator.md")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, table, found := strings.Cut(string(text), "<!-- check: clients -->\n")
		table, _, _ = strings.Cut(table, "\n\n")
		rows := strings.Split(table, "\n")
		if !found || len(rows) < 2 {
			t.Fatalf("%s: no table is marked clients", page)
		}
		if diff := cmp.Diff(want, rows[2:]); diff != "" {
			t.Errorf("%s: what runs (-), what the page says (+):\n%s", page, diff)
		}
	}
}

// npm returns the version of a package that test/npm installs.
func npm(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(need.Root(t), "test", "npm", "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Dependencies map[string]string }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		version := file.Dependencies[name]
		return version[strings.LastIndex(version, "@")+1:] // of an alias: npm:NAME@VERSION
	}
}

// module returns the version of a module in go.mod.
func module(path string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		text, err := os.ReadFile("go.mod")
		if err != nil {
			t.Fatal(err)
		}
		_, version, found := strings.Cut(string(text), "\t"+path+" v")
		if !found {
			t.Fatalf("go.mod names no %s", path)
		}
		version, _, _ = strings.Cut(version, "\n")
		return version
	}
}
