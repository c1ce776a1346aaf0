package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

// The way of the article, by hand: make an app, read key and secret after an identity check, log in with it. In both
// languages, every page accessible (see checkPage).
func TestSetupByHand(t *testing.T) {
	t.Parallel()
	for language, username := range map[string]string{"en": emulator.Username, "ja": emulator.UsernameJa} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			mark := map[string]string{"en": "Emulator", "ja": "エミュレーター"}[language]
			walk := walker(t, b, language)
			login := walk("GET", b.URL+"/setup/apps", nil)
			list := walk("POST", b.URL+"/", login.form("username", username, "pw", emulator.Password))
			form := walk("GET", b.URL+"/setup/apps/new", nil)
			values := url.Values{
				"csrf": {form.form().Get("csrf")}, "label": {"My Tool"}, "email": {"admin@example.com"}, "callbacks": {"http://example.com/x\r\n" + callback},
				"scope": {"api", "refresh_token"}, "secret_web": {"on"}, "secret_refresh": {"on"}, "rotation": {"on"},
			}
			wrong := walk("POST", b.URL+"/setup/apps", values)
			if !strings.Contains(wrong.text, "http://example.com/x</code>") || !strings.Contains(wrong.text, `value="My Tool"`) {
				t.Error("the mistake is not named, or what was typed is gone")
			}
			values.Set("callbacks", callback)
			app := walk("POST", b.URL+"/setup/apps", values)
			taken := walk("POST", b.URL+"/setup/apps", values)
			at := app.url.String()
			edit := walk("GET", at+"/edit", nil)
			check := walk("GET", at+"/consumer", nil)
			code := regexp.MustCompile(`<strong><code>(\d{6})</code>`).FindStringSubmatch(check.text)
			if code == nil || strings.Contains(check.text, "3MVG9") {
				t.Fatalf("the identity check: %s", check.text)
			}
			denied := walk("POST", at+"/consumer", check.form("emc", "x"))
			secrets := walk("POST", at+"/consumer", check.form("emc", code[1]))
			for name, v := range map[string]view{
				"list": list, "form": form, "mistake": wrong, "app": app, "taken": taken, "edit": edit, "check": check, "wrong code": denied, "secrets": secrets,
			} {
				t.Run(name, func(t *testing.T) { checkPage(t, v, language, mark) })
			}
			if taken.response.StatusCode != http.StatusBadRequest || denied.response.StatusCode != http.StatusBadRequest || strings.Contains(denied.text, "3MVG9") {
				t.Errorf("a taken name: %s, a wrong code: %s", taken.response.Status, denied.response.Status)
			}
			values.Set("label", "Renamed")
			values.Set("name", "My_Tool")
			if renamed := walk("POST", at, values); renamed.url.String() != at || !strings.Contains(renamed.text, "<h1>Renamed</h1>") {
				t.Errorf("after an edit: %s", renamed.url)
			}

			pair := regexp.MustCompile(`<dd><code>([^<]+)</code></dd>`).FindAllStringSubmatch(secrets.text, -1)
			if len(pair) != 2 {
				t.Fatalf("key and secret: %v", pair)
			}
			end := b.approve(username, pair[0][1], "code_challenge", "")
			token := b.success(b.post("/services/oauth2/token", url.Values{
				"grant_type": {"authorization_code"}, "code": {end.Query().Get("code")}, "client_id": {pair[0][1]}, "client_secret": {pair[1][1]}, "redirect_uri": {callback},
			}))
			if token["refresh_token"] == "" || !sameWords(token["scope"], "api refresh_token") {
				t.Errorf("login with the app: %v", token["scope"])
			}
		})
	}
}

// Who has no permission sees that, and a form from elsewhere changes nothing.
func TestSetupDenied(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.setUser(func(u *emulator.User) { u.Profile = "Plain" })
	b.setOrg(func(o *emulator.Org) { o.Profiles = []emulator.Profile{{Name: "Plain"}} })
	for username, want := range map[string]int{emulator.Username: http.StatusForbidden, emulator.UsernameJa: http.StatusForbidden} {
		walk := walker(t, b, "en")
		login := walk("GET", b.URL+"/", nil)
		home := walk("POST", b.URL+"/", login.form("username", username, "pw", emulator.Password))
		if strings.Contains(home.text, "/setup/apps") != (username == emulator.UsernameJa) {
			t.Errorf("%s: the home page leads to the set-up: %t", username, !strings.Contains(home.text, "/setup/apps"))
		}
		if v := walk("POST", b.URL+"/setup/apps", url.Values{"label": {"x"}, "email": {"a@b"}, "callbacks": {callback}, "scope": {"api"}}); v.response.StatusCode != want {
			t.Errorf("%s posts a foreign form: %s", username, v.response.Status)
		}
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	b := start(t)
	parent := b.login(emulator.ClientIDConfidential)["access_token"]
	register := func(token, body string) answer {
		r := b.request(http.MethodPost, "/services/oauth2/register", nil)
		r, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL.String(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		return b.do(r)
	}
	const body = `{"redirect_uris":["` + callback + `"],"response_types":["code"],"grant_types":["authorization_code"],"application_type":"web","contacts":["a@example.com"],"client_name":"Gateway"}`
	if a := register(parent, body); a.fields["error"] != "registration_error" {
		t.Errorf("not enabled: %d %s", a.status, a.body)
	}
	b.setOrg(func(o *emulator.Org) { o.Registration = true })
	if a := register("x", body); a.status != http.StatusUnauthorized || a.fields["error"] != "invalid_token" {
		t.Errorf("without a token: %d %s", a.status, a.body)
	}
	for _, bad := range []string{"", "[]", `{"client_name":"x"}`, `{"client_name":"x","redirect_uris":["no uri"]}`} {
		if a := register(parent, bad); a.fields["error"] != "failed_registration" {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	made := register(parent, body)
	if made.status != http.StatusCreated || !contains(made.body, `"grant_types":["authorization_code","hybrid_auth_code"]`) || !contains(made.body, `"client_secret_expires_at":0`) {
		t.Fatalf("registered: %d %s", made.status, made.body)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(made.body, `"`+name+`":"`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	end := b.approve(emulator.Username, field("client_id"))
	form := codeForm(field("client_id"), end.Query().Get("code"))
	form.Set("client_secret", field("client_secret"))
	child := b.success(b.post("/services/oauth2/token", form))
	for clientID, want := range map[string]bool{emulator.ClientIDConfidential: true, field("client_id"): true} {
		secret := map[bool]string{true: emulator.ClientSecretConfidential, false: field("client_secret")}[clientID == emulator.ClientIDConfidential]
		a := b.post("/services/oauth2/introspect", url.Values{"token": {child["access_token"]}, "client_id": {clientID}, "client_secret": {secret}})
		if contains(a.body, `"active":true`) != want {
			t.Errorf("introspected by %.20s: %s", clientID, a.body)
		}
	}
}

func TestAuthConfiguration(t *testing.T) {
	t.Parallel()
	config := emulator.DefaultConfig()
	config.Orgs[0].Sites = []emulator.Site{{Prefix: "partners", ID: "0DBEMU000000001"}}
	b := start(t, emulator.Options{Config: config})
	for path, want := range map[string]string{
		"":               "404",
		"/acme":          `200 "LoginPage":null`,
		"/acme/partners": `200 "LoginPageUrl":"` + b.URL + "/acme/partners/",
	} {
		a := b.get(path+"/.well-known/auth-configuration", "")
		status, part, _ := strings.Cut(want, " ")
		if fmt.Sprint(a.status) != status || !contains(a.body, part) {
			t.Errorf("%s: %d %s, want %s", path, a.status, a.body, want)
		}
	}
}

// Every word by which singleaccess refuses, and that a pass works once and for 60 seconds.
func TestSingleAccessRefusals(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["access_token"]
	apiOnly := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "scope", "api"))))["access_token"]
	get := func(path, token string) string {
		a := b.get(path, token)
		return fmt.Sprint(a.status, " ", a.body)
	}
	got := []string{
		get("/services/oauth2/singleaccess", ""), get("/services/oauth2/singleaccess", "x"), get("/services/oauth2/singleaccess", apiOnly),
		get("/services/oauth2/singleaccess?redirect_uri=https%3A%2F%2Fevil.example%2F", token), get("/acme--dev.sandbox/services/oauth2/singleaccess", token),
	}
	want := []string{"403 Missing_OAuth_Token", "403 Bad_OAuth_Token", "403 Invalid_Scope", "400 Invalid_Param", "403 Wrong_Org"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.setUser(func(u *emulator.User) { u.Permissions = []emulator.Permission{emulator.APIOnly} })
	if got := get("/services/oauth2/singleaccess", token); got != "403 Bad_OAuth_Token" {
		t.Errorf("API only user: %s", got)
	}
}
