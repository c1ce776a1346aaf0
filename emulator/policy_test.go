package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// from is a request that seems to come from an address.
func from(r *http.Request, address string) *http.Request {
	r.Header.Set("X-Test-Address", address)
	return r
}

// addressed is an emulator whose clients can say where they are.
func addressed(t *testing.T) *bench {
	config := emulator.DefaultConfig()
	config.AddressHeader = "X-Test-Address"
	return start(t, emulator.Options{Config: config})
}

func (b *bench) setApp(change func(*emulator.App)) {
	b.t.Helper()
	if err := b.Emulator().UpdateApp(emulator.ClientIDPublic, change); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) setOrg(change func(*emulator.Org)) {
	b.t.Helper()
	if err := b.Emulator().UpdateOrg("acme", change); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) setUser(change func(*emulator.User)) {
	b.t.Helper()
	if err := b.Emulator().UpdateUser(emulator.Username, change); err != nil {
		b.t.Fatal(err)
	}
}

// A refresh from an address, under the rules of profile and app.
func TestRefreshFromAddress(t *testing.T) {
	t.Parallel()
	const inside, outside, elsewhere = "192.0.2.7", "198.51.100.7", "2001:db8::7"
	type ranges = []emulator.IPRange
	for name, row := range map[string]struct {
		user, trusted, allowed ranges
		relaxation             emulator.IPRelaxation
		good, bad              []string
	}{
		"no rule":               {good: []string{inside, outside, elsewhere}},
		"of the user":           {user: ranges{"192.0.2.0/24"}, good: []string{inside}, bad: []string{outside, elsewhere}},
		"first to last":         {user: ranges{"192.0.2.7-192.0.2.9"}, good: []string{inside, "192.0.2.9"}, bad: []string{"192.0.2.10"}},
		"bypassed":              {user: ranges{"192.0.2.0/24"}, relaxation: emulator.BypassIP, good: []string{outside}},
		"relaxed at refresh":    {user: ranges{"192.0.2.0/24"}, relaxation: emulator.EnforceIPExceptUpdate, good: []string{outside}},
		"of the app":            {trusted: ranges{"192.0.2.0/24"}, good: []string{inside}, bad: []string{outside}},
		"trusted by the app":    {user: ranges{"192.0.2.0/24"}, trusted: ranges{"198.51.100.7"}, relaxation: emulator.BypassIPTrusted, good: []string{inside, outside}, bad: []string{elsewhere}},
		"allow-list":            {allowed: ranges{"2001:db8::/121"}, good: []string{elsewhere}, bad: []string{inside}},
		"allow-list has no way": {allowed: ranges{"192.0.2.7"}, relaxation: emulator.BypassIP, good: []string{inside}, bad: []string{outside}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := addressed(t)
			token := b.login(emulator.ClientIDPublic)["refresh_token"]
			b.setUser(func(u *emulator.User) { u.LoginIPRanges = row.user })
			b.setApp(func(a *emulator.App) {
				a.TrustedIPRanges, a.RefreshIPAllowList, a.IPRelaxation = row.trusted, row.allowed, row.relaxation
			})
			refresh := func(address string) answer {
				return b.do(from(b.request(http.MethodPost, "/services/oauth2/token", refreshForm(emulator.ClientIDPublic, token)), address))
			}
			for _, address := range row.bad {
				b.refused(refresh(address), "invalid_grant", "ip restricted")
			}
			for _, address := range row.good {
				b.success(refresh(address))
			}
		})
	}
}

// The code exchange has the allow-list too, and the pages have the profile's ranges and hours.
func TestLoginFromAddress(t *testing.T) {
	t.Parallel()
	b := addressed(t)
	code := b.code(emulator.ClientIDPublic)
	b.setApp(func(a *emulator.App) { a.RefreshIPAllowList = []emulator.IPRange{"192.0.2.7"} })
	b.refused(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, code)), "invalid_grant", "ip restricted")
	b.success(b.do(from(b.request(http.MethodPost, "/services/oauth2/token", codeForm(emulator.ClientIDPublic, code)), "192.0.2.7")))

	b.setUser(func(u *emulator.User) { u.LoginIPRanges = []emulator.IPRange{"192.0.2.7"} })
	end := b.approve(emulator.Username, emulator.ClientIDPublic)
	if got := end.Query().Get("error_description"); got != "ip restricted or invalid login hours" || end.Query().Get("state") != "s1" {
		t.Errorf("login from elsewhere ends at %s", end)
	}

	now := time.Date(2026, 9, 1, 7, 59, 0, 0, time.UTC)
	config := emulator.DefaultConfig()
	config.Orgs[0].Profiles = []emulator.Profile{{Name: "Day", LoginHours: "08:00-18:00", Permissions: []emulator.Permission{"ApiEnabled"}}}
	config.Orgs[0].Users[0].Profile = "Day"
	b = start(t, emulator.Options{Config: config, Now: func() time.Time { return now }})
	if got := b.approve(emulator.Username, emulator.ClientIDPublic).Query().Get("error"); got != "invalid_grant" {
		t.Errorf("at 07:59 error=%s", got)
	}
	b.Emulator().Advance(time.Minute)
	b.login(emulator.ClientIDPublic)
}

// Who may use an app that is not installed: H:005132365.
func TestUninstalled(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		permissions []emulator.Permission
		control     bool // API Access Control
		want        string
	}{
		"nobody":                         {nil, false, "invalid_client"},
		"who may approve":                {[]emulator.Permission{emulator.ApproveUninstalledApps}, false, ""},
		"who may use any":                {[]emulator.Permission{emulator.UseAnyAPIClient}, false, ""},
		"who may approve, under control": {[]emulator.Permission{emulator.ApproveUninstalledApps}, true, "invalid_client"},
		"who may use any, under control": {[]emulator.Permission{emulator.UseAnyAPIClient}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			token := b.login(emulator.ClientIDPublic)["access_token"]
			b.setUser(func(u *emulator.User) { u.Permissions = row.permissions })
			b.setOrg(func(o *emulator.Org) { o.AdminApprovedAppsOnly = row.control })
			b.setApp(func(a *emulator.App) { a.InstalledIn = []string{"another"} })
			if got := b.approve(emulator.Username, emulator.ClientIDPublic).Query().Get("error"); got != row.want {
				t.Errorf("error=%s, want %s", got, row.want)
			}
			if alive := b.alive(token); alive != (row.want == "" || !row.control) {
				t.Errorf("the API takes an earlier token: %t", alive)
			}
		})
	}
}

func TestAPIRefusals(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*bench)
		status int
		want   string
	}{
		"org without API":  {func(b *bench) { b.setOrg(func(o *emulator.Org) { o.APIDisabled = true }) }, 403, `[{"message":"The REST API is not enabled for this Organization.","errorCode":"API_DISABLED_FOR_ORG"}]`},
		"user without API": {func(b *bench) { b.setUser(func(u *emulator.User) { u.Profile = "None" }) }, 403, `[{"message":"API is disabled for this User","errorCode":"API_CURRENTLY_DISABLED"}]`},
		"other address":    {func(b *bench) { b.setOrg(func(o *emulator.Org) { o.LockSessionsToIP = true }) }, 401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := emulator.DefaultConfig()
			config.AddressHeader = "X-Test-Address"
			config.Orgs[0].Profiles = []emulator.Profile{{Name: "None"}}
			b := start(t, emulator.Options{Config: config})
			token := b.login(emulator.ClientIDPublic)["access_token"]
			row.change(b)
			r := from(b.request(http.MethodGet, "/services/data/v64.0/limits", nil), "192.0.2.7")
			r.Header.Set("Authorization", "Bearer "+token)
			if a := b.do(r); a.status != row.status || a.body != row.want {
				t.Errorf("answer %d %s, want %d %s", a.status, a.body, row.status, row.want)
			}
		})
	}
}

// A saved app is unknown to the login servers for a while.
func TestPropagation(t *testing.T) {
	t.Parallel()
	config := emulator.DefaultConfig()
	config.PropagationDelay = 10 * time.Minute
	b := start(t, emulator.Options{Config: config})
	token := b.login(emulator.ClientIDPublic)["refresh_token"]
	b.setApp(func(a *emulator.App) { a.Label = "New label" })
	b.refused(b.refresh(emulator.ClientIDPublic, token), "invalid_client_id", "client identifier invalid")
	b.Emulator().Advance(10 * time.Minute)
	b.success(b.refresh(emulator.ClientIDPublic, token))
}

// A renamed My Domain answers 302 to the new name, for every method.
func TestRenamedMyDomain(t *testing.T) {
	t.Parallel()
	config := emulator.DefaultConfig()
	config.Orgs[0].FormerDomains = []string{"oldacme"}
	b := start(t, emulator.Options{Config: config})
	a := b.post("/oldacme/services/oauth2/token?x=1%202", url.Values{"grant_type": {"refresh_token"}})
	if want := b.URL + "/acme/services/oauth2/token?x=1%202"; a.status != http.StatusFound || a.header.Get("Location") != want {
		t.Errorf("by path: %d %s, want %s", a.status, a.header.Get("Location"), want)
	}
	r := b.request(http.MethodGet, "/services/data", nil)
	r.Host = "oldacme.my.example.test:8443"
	a = b.do(r)
	if want := "http://acme.my.example.test:8443/services/data"; a.header.Get("Location") != want {
		t.Errorf("by host: %s, want %s", a.header.Get("Location"), want)
	}
}

// An org that has left the pools takes logins at its My Domain only, and LoginHistory has those who tried.
func TestLoginAtMyDomainOnly(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.setOrg(func(o *emulator.Org) { o.LoginAtMyDomainOnly = true })
	target := b.authorizeURL(emulator.ClientIDPublic)
	if end, err := b.NewBrowser(emulator.Username).Visit(target); err == nil {
		t.Errorf("at the pool the browser ends at %s", end)
	}
	end, err := b.NewBrowser(emulator.Username).Visit(b.URL + "/acme" + target[len(b.URL):])
	if err != nil {
		t.Fatal(err)
	}
	token := b.success(b.post("/acme/services/oauth2/token", codeForm(emulator.ClientIDPublic, end.Query().Get("code"))))["access_token"]
	if n := b.soql(token, "SELECT COUNT() FROM LoginHistory WHERE Status = 'Restricted Domain'").TotalSize; n != 1 {
		t.Errorf("%d logins of status Restricted Domain, want 1", n)
	}
	walk := walker(t, b, "en")
	refused := walk("POST", b.URL+"/", walk("GET", b.URL+"/", nil).form("username", emulator.Username, "pw", emulator.Password))
	if !strings.Contains(refused.text, "My Domain") {
		t.Error("the page does not say where to log in")
	}
}

func TestOrgConfigMistakes(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*emulator.Config){
		`ip_relaxation "no"`:            func(c *emulator.Config) { c.Apps[0].IPRelaxation = "no" },
		`IP range "192.0.2.9-192.0.2."`: func(c *emulator.Config) { c.Apps[0].TrustedIPRanges = []emulator.IPRange{"192.0.2.9-192.0.2."} },
		"512 addresses": func(c *emulator.Config) {
			c.Apps[0].RefreshIPAllowList = []emulator.IPRange{"192.0.2.0/24", "198.51.100.0/24"}
		},
		`no profile "x"`:         func(c *emulator.Config) { c.Orgs[0].Users[0].Profile = "x" },
		`login_hours "8"`:        func(c *emulator.Config) { c.Orgs[0].Profiles = []emulator.Profile{{Name: "p", LoginHours: "8"}} },
		`permission "Fly"`:       func(c *emulator.Config) { c.Orgs[0].Users[0].Permissions = []emulator.Permission{"Fly"} },
		`former_domains: "acme"`: func(c *emulator.Config) { c.Orgs[0].FormerDomains = []string{"acme"} },
	} {
		config := emulator.DefaultConfig()
		change(config)
		if err := config.Validate(); err == nil || !contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
