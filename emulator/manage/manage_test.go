package manage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/manage"
)

// document is the OpenAPI description, as the API serves it.
var document = sync.OnceValues(func() (routers.Router, error) {
	s, err := emulator.New(emulator.Options{})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	manage.New(s, manage.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/openapi.yaml", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc) // validates it
})

// desk is an emulator and its management API; each exchange is held against the document.
type desk struct {
	t        *testing.T
	emulator *emulator.Server
	api      *manage.API
}

func start(t *testing.T, o emulator.Options) *desk {
	t.Helper()
	s, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, s, manage.New(s, manage.Options{})}
}

// ask makes a request, wants a status, and decodes the answer into into unless that is nil.
func (d *desk) ask(status int, method, path, body string, into any) {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	if w.Code != status {
		d.t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	d.conforms(r, body, w)
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
}

func (d *desk) conforms(r *http.Request, body string, w *httptest.ResponseRecorder) {
	d.t.Helper()
	router, err := document()
	if err != nil {
		d.t.Fatalf("openapi.yaml: %v", err)
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		d.t.Fatalf("openapi.yaml: %s %s: %v", r.Method, r.URL.Path, err)
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}}
	if err := openapi3filter.ValidateRequest(d.t.Context(), input); err != nil && w.Code < 400 {
		d.t.Errorf("openapi.yaml does not allow what was accepted: %v", err)
	}
	err = openapi3filter.ValidateResponse(d.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		d.t.Errorf("openapi.yaml: answer to %s %s: %v", r.Method, r.URL.Path, err)
	}
}

// refresh makes a token request at the emulator.
func (d *desk) refresh(clientID, token string) (status int, fields map[string]string) {
	d.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {token}}
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, "http://localhost/services/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	d.emulator.ServeHTTP(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &fields) // another shape has no fields
	return w.Code, fields
}

const user = emulator.Username

func approval(clientID string) string {
	return fmt.Sprintf(`{"client_id":%q,"username":%q}`, clientID, user)
}

// The one test that matters most, over HTTP: the second refresh of this user is lost after rotating; the old token then kills
// the grant, and the API says so.
func TestLostRotation(t *testing.T) {
	t.Parallel()
	d := start(t, emulator.Options{})
	var tokens emulator.Tokens
	d.ask(201, "POST", "/grants", approval(emulator.ClientIDRotating), &tokens)
	d.ask(204, "PUT", "/faults", fmt.Sprintf(`[{"grant_type":"refresh_token","username":%q,"skip":1,"after_effect":true,"status":503,"header":{"Retry-After":["1"]}}]`, user), nil)
	_, fields := d.refresh(emulator.ClientIDRotating, tokens.RefreshToken)
	var waiting []emulator.Fault
	if d.ask(200, "GET", "/faults", "", &waiting); len(waiting) != 1 || waiting[0].Skip != 0 || waiting[0].Header.Get("Retry-After") != "1" {
		t.Errorf("faults that wait: %+v", waiting)
	}
	if status, _ := d.refresh(emulator.ClientIDRotating, fields["refresh_token"]); status != 503 {
		t.Errorf("the second refresh: %d, want 503", status)
	}
	d.refresh(emulator.ClientIDRotating, fields["refresh_token"])
	var g emulator.Grant
	d.ask(200, "GET", fmt.Sprintf("/grants/%d", tokens.Grant), "", &g)
	if g.Generation != 3 || g.RevokedBy != emulator.ByReuse || g.ReuseSeen.IsZero() || g.RefreshLives {
		t.Errorf("the grant: %+v", g)
	}
	var journal struct {
		Requests []emulator.Request
		Tokens   int `json:"token_requests"`
	}
	d.ask(200, "GET", "/requests?endpoint=token&username="+url.QueryEscape(user)+"&after=1", "", &journal)
	if len(journal.Requests) != 2 || journal.Tokens != 3 || journal.Requests[0].Status != 503 || !journal.Requests[0].Fault || journal.Requests[1].Error != "invalid_grant" {
		t.Errorf("journal: %+v", journal)
	}
	d.ask(204, "DELETE", "/requests", "", nil)
	d.ask(204, "DELETE", "/faults", "", nil)
}

func TestStateOverHTTP(t *testing.T) {
	t.Parallel()
	d := start(t, emulator.Options{Seed: 5})
	var before, after struct {
		Now  time.Time
		Seed string
	}
	d.ask(200, "GET", "/clock", "", &before)
	var snapshot struct{ ID string }
	d.ask(201, "POST", "/snapshots", "", &snapshot)
	var tokens, again emulator.Tokens
	d.ask(201, "POST", "/grants", approval("PlatformCLI"), &tokens)
	d.ask(200, "POST", "/clock", `{"advance":"2h"}`, &after)
	if moved := after.Now.Sub(before.Now); moved < 2*time.Hour || before.Seed != "5" {
		t.Errorf("the clock moved by %v, seed %s", moved, before.Seed)
	}
	d.ask(204, "POST", "/snapshots/"+snapshot.ID+"/restore", "", nil)
	d.ask(404, "GET", "/grants/1", "", nil)
	if d.ask(201, "POST", "/grants", approval("PlatformCLI"), &again); again != tokens {
		t.Error("other tokens after Restore, with a seed")
	}
	var grants []emulator.Grant
	d.ask(204, "DELETE", "/sessions", "", nil)
	if d.ask(200, "GET", "/grants?newest=1&client_id=PlatformCLI&username="+user, "", &grants); len(grants) != 1 || len(grants[0].AccessTokens) != 0 {
		t.Errorf("grants after their access tokens were ended: %+v", grants)
	}
	d.ask(204, "DELETE", "/grants/1", "", nil)
	d.ask(204, "DELETE", "/snapshots/"+snapshot.ID, "", nil)
	d.ask(404, "POST", "/snapshots/"+snapshot.ID+"/restore", "", nil)
	for range 32 {
		d.ask(201, "POST", "/snapshots", "", nil)
	}
	d.ask(409, "POST", "/snapshots", "", nil)
	var kept []struct{ ID string }
	d.ask(204, "POST", "/reset", "", nil)
	if d.ask(200, "GET", "/snapshots", "", &kept); len(kept) != 0 || len(d.emulator.Grants(emulator.GrantFilter{})) != 0 {
		t.Error("reset left something")
	}
}

// What an administrator does in Setup, at run time.
func TestConfigOverHTTP(t *testing.T) {
	t.Parallel()
	d := start(t, emulator.Options{})
	d.ask(204, "PUT", "/orgs/late", `{"id":"00DEMU000000009","name":"Late","session_timeout":"15m"}`, nil)
	d.ask(204, "PUT", "/orgs/late/users/someone@late.example", `{"id":"005EMU000000091","password":"p","language":"ja"}`, nil)
	d.ask(204, "PUT", "/apps/late-app", `{"scopes":["api","refresh_token"],"rotation":true}`, nil)
	d.ask(204, "PATCH", "/apps/late-app", `{"refresh_policy":"specific_inactivity:1:DAYS"}`, nil)
	d.ask(204, "PATCH", "/orgs/late", `{"locked":true}`, nil)
	d.ask(204, "PATCH", "/orgs/late/users/Someone@late.example", `{"inactive":true}`, nil)
	var config emulator.Config
	d.ask(200, "GET", "/config", "", &config)
	org := config.Orgs[len(config.Orgs)-1]
	app, _ := d.emulator.App("late-app")
	if !org.Locked || org.SessionTimeout != 15*time.Minute || len(org.Users) != 1 || !org.Users[0].Inactive || org.Users[0].Language != "ja" ||
		!app.Rotation || app.RefreshPolicy != "specific_inactivity:1:DAYS" {
		t.Errorf("after the changes: %+v %+v", org, app)
	}
	for _, row := range []struct {
		status                   int
		method, path, body, want string
	}{
		{400, "PATCH", "/apps/late-app", `{"rotatoin":true}`, `read body: unknown key "rotatoin"`},
		{400, "PATCH", "/apps/late-app", `{"scopes":["nonsense"]}`, `check app "late-app": scope "nonsense" does not exist`},
		{400, "PATCH", "/apps/late-app", `{"rotation":"yes"}`, `read body: `},
		{400, "PATCH", "/apps/late-app", `{"client_id":"other"}`, `client_id: the path says "late-app", the body "other"`},
		{400, "PUT", "/orgs/none/users/x", `{"id":"005EMU000000099","password":"p"}`, `put user "x": no org has the my_domain "none"`},
		{404, "PATCH", "/apps/none", `{}`, `no app has the client_id "none": PUT makes one`},
		{404, "PATCH", "/orgs/none", `{}`, `no org has the my_domain "none": PUT makes one`},
		{404, "PATCH", "/orgs/late/users/none", `{}`, `no user of late is called "none": PUT makes one`},
		{400, "POST", "/faults", `{"percent":101}`, `check fault: percent 101: want 0 to 100`},
		{400, "PUT", "/faults", `[{},{"endpoint":"x"}]`, `check fault: endpoint "x": want one of `},
		{400, "POST", "/grants", `{"client_id":"none","username":"x"}`, `approve app "none": no such app`},
		{400, "POST", "/clock", `{"advance":"-2h"}`, `advance clock: "-2h": want a duration such as "90s" or "2h"`},
		{400, "POST", "/clock", `{"advance":"2h"} {}`, `read body: there is more after the value`},
		{400, "GET", "/grants?newest=x", ``, `parameter newest: "x": want a number of 0 or more`},
		{400, "GET", "/requests?after=-1", ``, `parameter after: "-1": want a number of 0 or more`},
		{404, "GET", "/grants/x", ``, `no grant has the id "x"`},
	} {
		var problem struct{ Error string }
		d.ask(row.status, row.method, row.path, row.body, &problem)
		if !strings.HasPrefix(problem.Error, row.want) {
			t.Errorf("%s %s %s: %q, want %q", row.method, row.path, row.body, problem.Error, row.want)
		}
	}
}

// A web page cannot reach the API, by whatever way browsers have; nor can another machine without the token.
func TestBrowsersAreRefused(t *testing.T) {
	t.Parallel()
	s, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open, closed := manage.New(s, manage.Options{}), manage.New(s, manage.Options{Token: "t0ken", Hosts: []string{"ci.example"}})
	for name, row := range map[string]struct {
		api    *manage.API
		host   string
		header []string
		status int
	}{
		"a test":                   {open, "127.0.0.1:8485", nil, 204},
		"IPv6":                     {open, "[::1]:8485", nil, 204},
		"its own page":             {open, "localhost:8485", []string{"Origin", "http://localhost:8485", "Sec-Fetch-Site", "same-origin"}, 204},
		"another site's script":    {open, "localhost:8485", []string{"Origin", "https://evil.example"}, 403},
		"another site's form":      {open, "localhost:8485", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another port's page":      {open, "localhost:8485", []string{"Origin", "http://localhost:3000"}, 403},
		"a name that leads here":   {open, "evil.example:8485", nil, 421},
		"the same with its origin": {open, "evil.example:8485", []string{"Origin", "http://evil.example:8485", "Sec-Fetch-Site", "same-origin"}, 421},
		"no token":                 {closed, "ci.example:8485", nil, 401},
		"a wrong token":            {closed, "ci.example:8485", []string{"Authorization", "Bearer x"}, 401},
		"the token":                {closed, "ci.example:8485", []string{"Authorization", "Bearer t0ken"}, 204},
		"the token in a browser":   {closed, "localhost:8485", []string{"Authorization", "Basic OnQwa2Vu"}, 204},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://"+row.host+"/reset", nil)
		for i := 0; i < len(row.header); i += 2 {
			r.Header.Set(row.header[i], row.header[i+1])
		}
		w := httptest.NewRecorder()
		row.api.ServeHTTP(w, r)
		if w.Code != row.status {
			t.Errorf("%s: %d, want %d", name, w.Code, row.status)
		}
	}
	// A form can send text without asking; it is not JSON.
	r := httptest.NewRequest(http.MethodPost, "http://localhost/clock", strings.NewReader(`{"advance":"2h"}`))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	if open.ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d, want 415", w.Code)
	}
}
