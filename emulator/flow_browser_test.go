package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// The device flow from end to end: multipart start, polls, the page, tokens, once.
func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	started := b.post(tokenPath, withSecret("response_type", "device_code", "scope", "api refresh_token", "format", "json"))
	got := b.success(started)
	if names(got) != "device_code interval user_code verification_uri" || len(got["user_code"]) != 8 || got["verification_uri"] != b.URL+"/setup/connect" || !strings.Contains(started.body, `"interval":5`) {
		t.Fatalf("start: %s", started.body)
	}
	poll := withSecret("grant_type", "device", "code", got["device_code"])
	poll.Del("client_secret")
	b.refused(b.post(tokenPath, poll), "authorization_pending", "user has not approved this device yet")
	if _, err := b.NewBrowser(emulator.Username).Visit(got["verification_uri"] + "?user_code=" + strings.ToLower(got["user_code"])); err != nil {
		t.Fatal(err)
	}
	b.Emulator().Advance(5 * time.Second)
	tokens := b.success(b.post(tokenPath, poll))
	if len(strings.Fields(tokens["scope"])) != 2 || tokens["refresh_token"] == "" || !b.alive(tokens["access_token"]) {
		t.Errorf("tokens %v", tokens)
	}
	b.refused(b.post(tokenPath, poll), "invalid_request", "invalid device code")
	b.success(b.refresh(emulator.ClientIDConfidential, tokens["refresh_token"]))
	other := url.Values{"grant_type": {"device"}, "client_id": {emulator.ClientIDPublic}, "code": {b.startDevice().Get("code")}}
	b.refused(b.post(tokenPath, other), "invalid_request", "invalid device code")
}

// The user-agent flow: everything in the fragment; a refresh token only where no web site reads the address.
func TestUserAgentFlow(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	const success = "/services/oauth2/success"
	for _, row := range []struct {
		responseType, redirect string
		refresh, cookies       bool
	}{
		{"token", callback, true, false}, // as ForceCLI logs in
		{"token", "https://app.example/callback", false, false},
		{"token", b.URL + success, true, false},
		{"token", "https://login.salesforce.com" + success, true, false},
		{"token id_token", "myapp://oauth/done", true, false},
		{"id_token token", callback, true, false},
		{"hybrid_token", "myapp://oauth/done", true, true},
	} {
		end := b.approve(emulator.Username, emulator.ClientIDConfidential, "response_type", row.responseType, "redirect_uri", row.redirect, "code_challenge", "", "nonce", "n1")
		if !strings.HasPrefix(end.String(), row.redirect+"#") || end.RawQuery != "" {
			t.Fatalf("%s: ended at %s", row.responseType, end)
		}
		got, err := url.ParseQuery(end.EscapedFragment())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"access_token", "instance_url", "id", "issued_at", "signature", "scope", "token_type", "id_token", "state"} {
			if got.Get(name) == "" {
				t.Errorf("%s: no %s in the fragment", row.responseType, name)
			}
		}
		if got.Has("refresh_token") != row.refresh || got.Has("csrf_token") != row.cookies || !b.alive(got.Get("access_token")) {
			t.Errorf("%s at %s: fragment has %v", row.responseType, row.redirect, got)
		}
		if row.refresh {
			b.success(b.refresh(emulator.ClientIDConfidential, got.Get("refresh_token")))
		}
		claims := payload(t, got.Get("id_token"))
		if claims["nonce"] != "n1" || claims["at_hash"] == "" {
			t.Errorf("ID token %v", claims)
		}
	}
}

func payload(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(decoded, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// A site's user logs in at the site only, and the callback and the tokens say where it is.
func TestSiteUser(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	visit := func(path string) (*url.URL, error) {
		return b.NewBrowser(outsider).Visit(strings.Replace(b.authorizeURL(emulator.ClientIDConfidential), b.URL, b.URL+path, 1))
	}
	end, err := visit(site)
	if err != nil {
		t.Fatal(err)
	}
	if got := end.Query(); got.Get("sfdc_community_url") != b.URL+site || len(got.Get("sfdc_community_id")) != 18 {
		t.Errorf("callback %s", end)
	}
	tokens := b.success(b.post(site+tokenPath, codeForm(emulator.ClientIDConfidential, end.Query().Get("code"))))
	if tokens["sfdc_community_url"] != b.URL+site || tokens["instance_url"] != b.URL+"/acme" {
		t.Errorf("tokens %v", tokens)
	}
	for _, path := range []string{"", "/acme"} {
		if _, err := visit(path); err == nil {
			t.Errorf("a site's user logged in at %q", path)
		}
	}
	path := strings.TrimPrefix(tokens["id"], b.URL+site)
	if a := b.get(site+path, tokens["access_token"]); a.status != http.StatusOK {
		t.Errorf("identity at the site: %d %s", a.status, a.body)
	}
	if a := b.get("/acme"+path, tokens["access_token"]); a.body != "No_Site_Endpoint" {
		t.Errorf("identity away from the site: %d %s", a.status, a.body)
	}
}

// A user with multi-factor authentication logs in with the code, not without, and starts again after five wrong ones.
func TestMFA(t *testing.T) {
	t.Parallel()
	b := startWorld(t, ofOrg(func(o *emulator.Org) { o.Users[0].MFA = true }))
	if tokens := b.login(emulator.ClientIDConfidential); tokens["access_token"] == "" {
		t.Error("no token with the code")
	}
	walk := walker(t, b, "en")
	login := walk("GET", b.authorizeURL(emulator.ClientIDConfidential), nil)
	page := walk("POST", b.URL+"/", login.form("username", emulator.Username, "pw", emulator.Password))
	login = walk("GET", b.authorizeURL(emulator.ClientIDConfidential), nil)
	if !strings.Contains(login.text, `name="pw"`) || !strings.Contains(page.text, `name="smc"`) {
		t.Error("the password alone opened the browser")
	}
	page = walk("POST", b.URL+"/", login.form("username", emulator.Username, "pw", emulator.Password))
	for range 4 {
		page = walk("POST", page.url.String(), page.form("smc", "000000"))
		if !strings.Contains(page.text, `role="alert"`) || !strings.Contains(page.text, `name="smc"`) {
			t.Fatalf("after a wrong code: %s", page.url)
		}
	}
	page = walk("POST", page.url.String(), page.form("smc", "000000"))
	if !strings.Contains(page.text, `name="pw"`) {
		t.Error("five wrong codes did not end the login")
	}
	stale := walk("POST", b.URL+"/_ui/identity/verification", page.form("smc", emulator.VerificationCode))
	if !strings.Contains(stale.text, `name="pw"`) {
		t.Error("the code worked after the login had ended")
	}
}

// Prompts, with and without a session (prompt combines; select_account asks who).
func TestPrompts(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	walk := walker(t, b, "en")
	ask := func(changes ...string) view {
		return walk("GET", b.authorizeURL(emulator.ClientIDConfidential, changes...), nil)
	}
	login := ask("login_hint", emulator.UsernameJa)
	if got := login.form().Get("username"); got != emulator.UsernameJa {
		t.Errorf("login_hint fills in %q", got)
	}
	consent := walk("POST", b.URL+"/", login.form("username", emulator.Username, "pw", emulator.Password))
	allowed, err := walk("POST", consent.url.String(), consent.form("decision", "allow")).response.Location()
	if err != nil {
		t.Fatal(err)
	}
	b.success(b.post(tokenPath, codeForm(emulator.ClientIDConfidential, allowed.Query().Get("code"))))
	for prompt, want := range map[string]string{
		"": "code=", "consent": `name="decision"`, "login": `name="pw"`, "select_account": `name="pw"`, "login consent": `name="pw"`, "none": "code=",
	} {
		v := ask("prompt", prompt, "login_hint", emulator.UsernameJa, "display", "popup")
		if got := v.text + v.response.Header.Get("Location"); !strings.Contains(got, want) {
			t.Errorf("prompt %q: no %s at %s", prompt, want, v.url)
		}
	}
	again := ask("prompt", "login consent")
	page := walk("POST", b.URL+"/", again.form("username", emulator.Username, "pw", emulator.Password))
	if !strings.Contains(page.text, `name="decision"`) {
		t.Error("login consent: no consent page after the login")
	}
	if v := ask("immediate", "true"); !strings.Contains(v.response.Header.Get("Location"), "code=") {
		t.Errorf("immediate with session and approval: %s", v.response.Header.Get("Location"))
	}
}
