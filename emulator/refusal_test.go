package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

const errorPath = "/setup/secur/RemoteAccessErrorPage.apexp?"

// The refusals of authorize: which, in which words, brought how (E-02, E-30). Deliveries are written as they arrive: a
// redirect to the callback, a redirect to the error page, or a bare body.
func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	const public, confidential = emulator.ClientIDPublic, emulator.ClientIDConfidential
	app := func(change func(*emulator.App)) func(*emulator.Server) {
		return func(s *emulator.Server) {
			if err := s.UpdateApp(public, change); err != nil {
				panic(err)
			}
		}
	}
	for _, row := range []struct {
		name    string
		setup   func(*emulator.Server)
		changes []string
		want    string
	}{
		{"unknown client", nil, []string{"client_id", "3MVG9.unknown"}, errorPath + "error=invalid_client_id&error_description=client%20identifier%20invalid"},
		{"no client", nil, []string{"client_id", ""}, errorPath + "error=invalid_client_id&error_description=client%20identifier%20invalid"},
		{"no redirect", nil, []string{"redirect_uri", ""}, errorPath + "error=redirect_uri_missing&error_description=redirect_uri%20not%20provided"},
		{"wrong redirect", nil, []string{"redirect_uri", "https://evil.example/"}, errorPath + "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration"},
		{"no response type", nil, []string{"response_type", ""}, callback + "?error=unsupported_response_type&error_description=response%20type%20not%20supported&state=s1"},
		{"nonsense", nil, []string{"response_type", "code token"}, callback + "?error=unsupported_response_type&error_description=response%20type%20not%20supported&state=s1"},
		{"no challenge", nil, []string{"code_challenge", ""}, "400 error=invalid_request&error_description=missing required code challenge"},
		{"plain", nil, []string{"code_challenge_method", "plain"}, callback + "?error=invalid_request&error_description=code%20challenge%20method%20not%20supported&state=s1"},
		{"unknown scope", nil, []string{"scope", "api nonsense"}, callback + "?error=invalid_scope&error_description=the%20requested%20scope%20is%20invalid%2C%20unknown%2C%20or%20malformed&state=s1"},
		{"scope of others", nil, []string{"scope", "full"}, callback + "?error=invalid_scope&error_description=the%20requested%20scope%20is%20not%20allowed&state=s1"},
		{"order: redirect before response type", nil, []string{"redirect_uri", "x", "response_type", "x"}, errorPath + "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration"},
		{"order: challenge before scope", nil, []string{"code_challenge", "", "scope", "nonsense"}, "400 error=invalid_request&error_description=missing required code challenge"},
		{"immediate", nil, []string{"immediate", "true"}, callback + "?error=immediate_unsuccessful&error_description=immediate%20unsuccessful&state=s1"},

		{"blocked", app(func(a *emulator.App) { a.Blocked = true }), nil, errorPath + "error=OAUTH_APP_BLOCKED&error_description=this%20app%20is%20blocked%20by%20admin"},
		{"not installed", app(func(a *emulator.App) { a.NotInstalled = true }), nil, errorPath + "error=invalid_client&error_description=app%20must%20be%20installed%20into%20org"},
		{"external not installed", app(func(a *emulator.App) { a.NotInstalled, a.External = true, true }), nil, callback + "?error=OAUTH_EC_APP_NOT_FOUND&error_description=External%20client%20app%20is%20not%20installed%20in%20this%20org&state=s1"},
		{"cross org", app(func(a *emulator.App) { a.LocalTo = "acme--dev.sandbox" }), nil, callback + "?error=OAUTH_AUTHORIZATION_BLOCKED&error_description=Cross-org%20OAuth%20flows%20are%20not%20supported%20for%20this%20external%20client%20app&state=s1"},
		{"not admitted", app(func(a *emulator.App) { a.AdminApproved = true }), nil, errorPath + "error=OAUTH_APP_ACCESS_DENIED&error_description=user%20is%20not%20admin%20approved%20to%20access%20this%20app"},
		{"user inactive", func(s *emulator.Server) {
			_ = s.UpdateUser(emulator.Username, func(u *emulator.User) { u.Inactive = true })
		}, nil, callback + "?error=inactive_user&error_description=user%20is%20inactive&state=s1"},
		{
			"org locked", func(s *emulator.Server) { _ = s.UpdateOrg("acme", func(o *emulator.Org) { o.Locked = true }) }, nil,
			callback + "?error=inactive_org&error_description=org%20is%20locked%2C%20closed%2C%20or%20suspended&state=s1",
		},
		{
			"org requires PKCE", func(s *emulator.Server) { _ = s.UpdateOrg("acme", func(o *emulator.Org) { o.PKCERequired = true }) },
			[]string{"client_id", confidential, "code_challenge", ""},
			errorPath + "error=invalid_request&error_description=missing%20required%20code%20challenge",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			if row.setup != nil {
				row.setup(b.Emulator())
			}
			if row.want[:3] == "400" {
				a := b.do(b.request(http.MethodGet, b.authorizeURL(public, row.changes...)[len(b.URL):], nil))
				if a.status != http.StatusBadRequest || "400 "+a.body != row.want || a.header["Content-Type"] != nil {
					t.Errorf("answer %d %v %s, want %s without Content-Type", a.status, a.header["Content-Type"], a.body, row.want)
				}
				return
			}
			got := strings.TrimPrefix(b.approve(emulator.Username, public, row.changes...).String(), b.URL)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("browser ends at (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.login(emulator.ClientIDPublic)["refresh_token"]
	if err := b.Emulator().UpdateOrg("acme", func(o *emulator.Org) { o.LoginsPerHour = 2 }); err != nil {
		t.Fatal(err)
	}
	b.success(b.refresh(emulator.ClientIDPublic, token))
	b.success(b.refresh(emulator.ClientIDPublic, token))
	b.refused(b.refresh(emulator.ClientIDPublic, token), "rate_limit_exceeded", "number of logins exceeded")
	if got := b.approve(emulator.Username, emulator.ClientIDPublic).Query().Get("error"); got != "rate_limit_exceeded" {
		t.Errorf("login beyond the limit: error=%s", got)
	}
	b.Emulator().Advance(60 * 60e9)
	b.success(b.refresh(emulator.ClientIDPublic, token))
}

// The refusals of the token endpoint that depend on switches (the rest is in token_test.go).
func TestRefreshRefusals(t *testing.T) {
	t.Parallel()
	const public = emulator.ClientIDPublic
	app := func(change func(*emulator.App)) func(*emulator.Server) error {
		return func(s *emulator.Server) error { return s.UpdateApp(public, change) }
	}
	for name, row := range map[string]struct {
		setup             func(*emulator.Server) error
		code, description string
	}{
		"blocked":                {app(func(a *emulator.App) { a.Blocked = true }), "app_blocked", "this app is blocked by admin"},
		"disabled":               {app(func(a *emulator.App) { a.Disabled = true }), "oauth_flow_disabled", "The external client app or the OAuth plugin is disabled."},
		"not installed":          {app(func(a *emulator.App) { a.NotInstalled = true }), "invalid_client", "app must be installed into org"},
		"external not installed": {app(func(a *emulator.App) { a.NotInstalled, a.External = true, true }), "app_not_found", "External client app is not installed in this org"},
		"not admitted":           {app(func(a *emulator.App) { a.AdminApproved = true }), "invalid_app_access", "user is not admin approved to access this app"},
		"user inactive": {func(s *emulator.Server) error {
			return s.UpdateUser(emulator.Username, func(u *emulator.User) { u.Inactive = true })
		}, "inactive_user", "user is inactive"},
		"org locked": {func(s *emulator.Server) error {
			return s.UpdateOrg("acme", func(o *emulator.Org) { o.Locked = true })
		}, "inactive_org", "org is locked, closed, or suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			token := b.login(public)["refresh_token"]
			if err := row.setup(b.Emulator()); err != nil {
				t.Fatal(err)
			}
			b.refused(b.refresh(public, token), row.code, row.description)
		})
	}
	b := start(t)
	b.refused(b.post("/services/oauth2/token", url.Values{}), "unsupported_grant_type", "grant type not supported")
	b.refused(b.refresh("3MVG9.unknown", "x"), "invalid_client_id", "client identifier invalid")
	b.refused(b.refresh(public, "x"), "invalid_grant", expired)
	b.refused(b.get("/services/oauth2/token", ""), "invalid_request", "must use HTTP POST")
	form := refreshForm(public, "x")
	form.Set("scope", "api")
	b.refused(b.post("/services/oauth2/token", form), "invalid_request", "scope parameter not supported")
}
