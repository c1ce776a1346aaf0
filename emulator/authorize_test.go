package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// E-01: a callback is the same string or it is none.
func TestCallbackMatching(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, row := range []struct {
		clientID, redirectURI string
		ok                    bool
	}{
		{emulator.ClientIDPlatformCLI, callback, true},
		{emulator.ClientIDPlatformCLI, callback + "/", false},
		{emulator.ClientIDPlatformCLI, "http://localhost:1718/OauthRedirect", false},
		{emulator.ClientIDPlatformCLI, "http://LOCALHOST:1717/OauthRedirect", false},
		{emulator.ClientIDPlatformCLI, "http://localhost:1717/oauthredirect", false},
		{emulator.ClientIDPlatformCLI, "https://localhost:1717/OauthRedirect", false},
		{emulator.ClientIDPlatformCLI, "http://x@localhost:1717/OauthRedirect", false},
		{emulator.ClientIDPlatformCLI, "http://localhost:1717/%4fauthRedirect", false},
		{emulator.ClientIDPlatformCLI, callback + "?a=b", false},
		{emulator.ClientIDPublic, "http://localhost", true},
		{emulator.ClientIDPublic, "http://localhost:49152/anything", true}, // AnyLoopbackPort
		{emulator.ClientIDPublic, "http://127.0.0.1:49152/anything", false},
		{emulator.ClientIDPublic, "http://localhost:0/x", false}, // ForceCLI with a busy port
		{emulator.ClientIDPublic, "http://localhost.evil.example/", false},
		{emulator.ClientIDPublic, "http://localhost:1717@evil.example/", false},
		{emulator.ClientIDPublic, `http://localhost\@evil.example/`, false},
		{emulator.ClientIDPublic, "http://localhost:1717/#x", false},
		{emulator.ClientIDPublic, "https://login.salesforce.com/services/oauth2/success", true},
		{emulator.ClientIDPublic, b.URL + "/services/oauth2/success", true},
	} {
		end := b.approve(emulator.Username, row.clientID, "redirect_uri", row.redirectURI)
		if got := end.Query().Get("code") != ""; got != row.ok {
			t.Errorf("%s for %s: code %t, want %t (%s)", row.redirectURI, row.clientID[:12], got, row.ok, end)
		}
	}
}

// E-22: deny, and E-23: state comes back unchanged.
func TestDenyAndState(t *testing.T) {
	t.Parallel()
	b := start(t)
	person := b.NewBrowser(emulator.Username)
	person.Deny = true
	states := []string{"12ab", `{"a":"b c"}`, "日本語&=?#%", strings.Repeat("ä+ /", 500), "<script>"}
	for _, state := range states {
		end, err := person.Visit(b.authorizeURL(emulator.ClientIDPublic, "state", state))
		if err != nil {
			t.Fatal(err)
		}
		q := end.Query()
		if q.Get("state") != state || q.Get("error") != "access_denied" || q.Get("error_description") != "end-user denied authorization" || q.Has("code") {
			t.Errorf("state %.20q, denied: ended at %s", state, end)
		}
	}
	if end := b.approve(emulator.Username, emulator.ClientIDPublic, "state", ""); end.Query().Has("state") {
		t.Errorf("a state out of nothing: %s", end)
	}
}

// What prompt, a living approval and pre-authorization do to the pages.
func TestWhichPagesAreShown(t *testing.T) {
	t.Parallel()
	b := start(t)
	person := b.NewBrowser(emulator.Username)
	pages := func(changes ...string) string {
		t.Helper()
		b.Emulator().ClearRequests()
		end, err := person.Visit(b.authorizeURL(emulator.ClientIDPublic, changes...))
		if err != nil {
			t.Fatal(err)
		}
		if code := end.Query().Get("code"); code != "" && !slices.Contains(changes, emulator.ClientIDConfidential) {
			b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, code)))
		}
		shown := ""
		for _, r := range b.Emulator().Requests() {
			if r.Method == http.MethodPost && r.Endpoint == emulator.Page {
				shown += map[bool]string{true: "login ", false: "consent "}[r.Path == "/"]
			}
		}
		return shown
	}
	for _, row := range []struct {
		changes []string
		want    string
	}{
		{nil, "login consent "},
		{nil, ""},
		{[]string{"scope", "api"}, ""},
		{[]string{"prompt", "login"}, "login "},
		{[]string{"prompt", "consent"}, "consent "},
		{[]string{"prompt", "login consent"}, "login consent "},
		{[]string{"immediate", "true"}, ""},
	} {
		if got := pages(row.changes...); got != row.want {
			t.Errorf("%v: pages %q, want %q", row.changes, got, row.want)
		}
	}
	update(t, b, emulator.ClientIDConfidential, func(a *emulator.App) {
		a.AdminApproved, a.ApprovedUsers = true, []string{strings.ToUpper(emulator.Username)}
	})
	if got := pages("client_id", emulator.ClientIDConfidential, "code_challenge", "", "prompt", "none"); got != "" {
		t.Errorf("pre-authorized: pages %q, want none", got)
	}
}

// The authorize endpoint takes POST too, and a brand after the path.
func TestAuthorizePost(t *testing.T) {
	t.Parallel()
	b := start(t)
	target, err := url.Parse(b.authorizeURL(emulator.ClientIDPublic))
	if err != nil {
		t.Fatal(err)
	}
	a := b.post("/services/oauth2/authorize/brand", target.Query())
	if a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Location"), "RemoteAccessAuthorizationPage.apexp?source=") {
		t.Errorf("answer %d, Location %s", a.status, a.header.Get("Location"))
	}
}

// E-22: a form that another site sends, or that another browser was given, changes nothing.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	b := start(t)
	_, rest, _ := strings.Cut(b.get("/", "").body, `name="csrf" value="`)
	others, _, _ := strings.Cut(rest, `"`)
	if len(others) != 32 {
		t.Fatalf("csrf token %q on the login page", others)
	}
	jar, _ := cookiejar.New(nil)
	client := b.Client()
	client.Jar = jar
	b.client = client
	for _, token := range []string{"", "0123456789abcdef0123456789abcdef", others} {
		a := b.post("/", url.Values{"username": {emulator.Username}, "pw": {emulator.Password}, "csrf": {token}})
		if a.status != http.StatusOK || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("login with csrf %q: %d, want the page again with an alert", token, a.status)
		}
	}
	if a := b.get("/", ""); !strings.Contains(a.body, `name="pw"`) {
		t.Error("somebody is logged in after forged logins")
	}
}

// Open redirects: startURL and retURL stay on the emulator.
func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	for _, target := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\tx//evil.example", "javascript:alert(1)"} {
		a := b.get("/secur/frontdoor.jsp?"+url.Values{"sid": {token}, "retURL": {target}}.Encode(), "")
		if got := a.header.Get("Location"); got != "/" {
			t.Errorf("retURL %q leads to %q", target, got)
		}
	}
	if got := b.get("/secur/frontdoor.jsp?"+url.Values{"sid": {token}, "retURL": {"/lightning/x?a=b"}}.Encode(), "").header.Get("Location"); got != "/lightning/x?a=b" {
		t.Errorf("good retURL leads to %q", got)
	}
}

// My Domains by path prefix and by Host header; pools by Host header.
func TestRealms(t *testing.T) {
	t.Parallel()
	b := start(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(b.URL, "http://"), ":")
	issuer := func(host, path string) string {
		r := b.request(http.MethodGet, path+"/.well-known/openid-configuration", nil)
		r.Host = host
		a := b.do(r)
		_, rest, _ := strings.Cut(a.body, `"issuer":"`)
		found, _, _ := strings.Cut(rest, `"`)
		return fmt.Sprint(found, strings.Contains(a.body, "end_session_endpoint"))
	}
	for _, row := range []struct{ host, path, want string }{
		{"localhost:" + port, "", "http://localhost:" + port + "false"},
		{"localhost:" + port, "/acme", "http://localhost:" + port + "/acmetrue"},
		{"acme.localhost:9", "", "http://acme.localhost:9true"},
		{"acme--dev.sandbox.localhost:9", "", "http://acme--dev.sandbox.localhost:9true"},
		{"login.localhost:9", "", "http://login.localhost:9false"},
	} {
		if got := issuer(row.host, row.path); got != row.want {
			t.Errorf("%s%s: issuer and logout %s, want %s", row.host, row.path, got, row.want)
		}
	}
	// The sandbox's user cannot log in at the production org's My Domain.
	person := b.NewBrowser(emulator.UsernameSandbox)
	if _, err := person.Visit(strings.Replace(b.authorizeURL(emulator.ClientIDPublic), b.URL, b.URL+"/acme", 1)); err == nil {
		t.Error("a sandbox user logged in to acme")
	}
	end, err := b.NewBrowser(emulator.Username).Visit(strings.Replace(b.authorizeURL(emulator.ClientIDPublic), b.URL, b.URL+"/acme", 1))
	if err != nil {
		t.Fatal(err)
	}
	tokens := b.success(b.post("/acme/services/oauth2/token", codeForm(emulator.ClientIDPublic, end.Query().Get("code"))))
	if want := b.URL + "/acme"; tokens["instance_url"] != want {
		t.Errorf("instance_url = %s, want %s", tokens["instance_url"], want)
	}
	if a := b.get("/acme/services/data/v64.0", tokens["access_token"]); a.status != http.StatusOK {
		t.Errorf("data API under the prefix: %d", a.status)
	}
	r := b.request(http.MethodGet, "/", nil)
	r.Host = "login.salesforce.com"
	if a := b.do(r); a.status != http.StatusMisdirectedRequest {
		t.Errorf("as login.salesforce.com: %d, want 421 (E-26)", a.status)
	}
}
