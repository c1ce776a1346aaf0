package foreign

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

var sfCommands = []flow{
	{"`org display`", "`org display`"},
	{"`org list`", "`org list`"},
	{"`org open`", "`org open`"},
	{"`org logout`", "`org logout`"},
	{"`data query`", "`data query`"},
	{"`api request rest`", "`api request rest`"},
}

// salesforceCLI has one version of the Salesforce CLI log in by each way that it has, and use the login.
func salesforceCLI(command func(testing.TB) []string, rotates bool) []proof {
	web := []flow{webServer, refreshes}
	if rotates {
		web = append(web, rotation)
	}
	return []proof{
		{append(web, sfCommands...), func(t *testing.T) {
			s := emulatortest.Start(t)
			platformCLI(t, s, rotates)
			c := newCLIOf(t, command(t))
			c.webLogin(t, s, rotates)
			c.use(t, s)
			c.logout(t, s)
		}},
		{[]flow{jwtBearer}, func(t *testing.T) {
			s := emulatortest.Start(t)
			newCLIOf(t, command(t)).jwtLogin(t, s)
		}},
		{[]flow{authURL}, func(t *testing.T) {
			s := emulatortest.StartTLS(t) // an auth URL holds no scheme: the CLI takes https
			platformCLI(t, s, false)
			newCLIOf(t, command(t), "NODE_EXTRA_CA_CERTS="+s.CAFile).authURLLogin(t, s)
		}},
		{[]flow{givenToken}, func(t *testing.T) {
			s := emulatortest.Start(t)
			given := platformTokens(t, s)
			newCLIOf(t, command(t), "SF_ACCESS_TOKEN="+given.AccessToken).tokenLogin(t, s)
		}},
	}
}

// The CLI prints a stale token with exit 0 when its refresh failed: only the emulator's count tells.
func (c *cli) webLogin(t *testing.T, s *emulatortest.Server, rotates bool) {
	t.Helper()
	c.login(t, s, "acme")
	if got := counted(s, "authorization_code", http.StatusOK); got != 1 {
		t.Errorf("the emulator counted %d exchanged codes, want 1", got)
	}
	const rounds = 2
	for round := 1; round <= rounds; round++ {
		s.Emulator().ExpireSessions()
		c.display(t)
		if got := counted(s, "refresh_token", http.StatusOK); got != round {
			t.Errorf("the emulator counted %d refreshes, want %d", got, round)
		}
	}
	if got, want := len(spent(s)), map[bool]int{true: rounds, false: 1}[rotates]; got != want {
		t.Errorf("%d refreshes spent %d different refresh tokens, want %d", rounds, got, want)
	}
	var shown struct{ AccessToken string }
	if err := c.run(t.Context(), &shown, "org", "auth", "show-access-token", "--target-org", "acme"); err != nil {
		t.Error(err)
	} else if !works(t, s, shown.AccessToken) {
		t.Error("the API refuses the CLI's token")
	}
}

func (c *cli) display(t *testing.T) {
	t.Helper()
	var org struct{ Username, ConnectedStatus, Alias string }
	if err := c.run(t.Context(), &org, "org", "display", "--target-org", "acme"); err != nil {
		t.Fatal(err)
	}
	if org.Username != emulator.Username || org.ConnectedStatus != "Connected" || org.Alias != "acme" {
		t.Errorf("org display says %+v", org)
	}
}

// use runs the commands that people use first.
func (c *cli) use(t *testing.T, s *emulatortest.Server) {
	t.Helper()
	c.query(t)
	limits, err := c.output(t.Context(), "api", "request", "rest", "/services/data/v64.0/limits", "--target-org", "acme")
	var all map[string]struct{ Max int }
	if err != nil || json.Unmarshal(limits, &all) != nil || all["DailyApiRequests"].Max == 0 {
		t.Errorf("api request rest prints %q: %v", limits, err)
	}
	var list struct {
		NonScratchOrgs []struct{ Username, Alias, ConnectedStatus string }
	}
	if err := c.run(t.Context(), &list, "org", "list"); err != nil {
		t.Error(err)
	} else if len(list.NonScratchOrgs) != 1 || list.NonScratchOrgs[0].ConnectedStatus != "Connected" {
		t.Errorf("org list says %+v", list)
	}
	var open struct{ URL string }
	if err := c.run(t.Context(), &open, "org", "open", "--url-only", "--target-org", "acme"); err != nil {
		t.Error(err)
	} else if page, err := visit(t.Context(), nil, open.URL); err != nil || page.Status != http.StatusOK || !strings.Contains(page.Text, "Amelia") {
		t.Errorf("org open leads to %+v: %v", page, err)
	}
}

func (c *cli) query(t *testing.T) {
	t.Helper()
	var found struct{ Records []struct{ Username string } }
	err := c.run(t.Context(), &found, "data", "query", "--query", "SELECT Username FROM User WHERE Username = '"+emulator.Username+"'", "--target-org", "acme")
	if err != nil || len(found.Records) != 1 || found.Records[0].Username != emulator.Username {
		t.Errorf("data query finds %+v: %v", found.Records, err)
	}
}

// logout is the CLI's own affair: it revokes nothing.
func (c *cli) logout(t *testing.T, s *emulatortest.Server) {
	t.Helper()
	if err := c.run(t.Context(), new(any), "org", "logout", "--target-org", "acme", "--no-prompt"); err != nil {
		t.Error(err)
	}
	if got := seen(s, "/services/oauth2/revoke"); got != 0 {
		t.Errorf("the emulator counted %d revocations", got)
	}
}

func (c *cli) jwtLogin(t *testing.T, s *emulatortest.Server) {
	t.Helper()
	withKey(t, s, emulator.ClientIDConfidential)
	file := filepath.Join(c.dir, "key.pem")
	if err := os.WriteFile(file, []byte(signingKey().private), 0o600); err != nil {
		t.Fatal(err)
	}
	var org struct{ Username, InstanceURL string }
	err := c.run(t.Context(), &org, "org", "login", "jwt", "--instance-url", s.URL, "--client-id", emulator.ClientIDConfidential,
		"--username", emulator.Username, "--jwt-key-file", file, "--alias", "acme")
	if err != nil {
		t.Fatal(err)
	}
	if org.Username != emulator.Username || org.InstanceURL != s.URL {
		t.Errorf("logged in as %q at %q", org.Username, org.InstanceURL)
	}
	s.Emulator().ExpireSessions()
	c.query(t)
	if got, want := counted(s, jwtGrant, http.StatusOK), 2; got != want || s.Emulator().TokenRequests() != want {
		t.Errorf("the emulator counted %d assertions in %d token requests, want %d", got, s.Emulator().TokenRequests(), want)
	}
}

// platformTokens are those of a login with the CLI's app.
func platformTokens(t *testing.T, s *emulatortest.Server) emulator.Tokens {
	t.Helper()
	tokens, err := s.Emulator().Approve(emulator.ClientIDPlatformCLI, emulator.Username, "api", "web", "refresh_token")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func (c *cli) authURLLogin(t *testing.T, s *emulatortest.Server) {
	t.Helper()
	authURL := fmt.Sprintf("force://%s::%s@%s", emulator.ClientIDPlatformCLI, platformTokens(t, s).RefreshToken, strings.TrimPrefix(s.URL, "https://"))
	file := filepath.Join(c.dir, "auth-url")
	if err := os.WriteFile(file, []byte(authURL), 0o600); err != nil {
		t.Fatal(err)
	}
	var org struct{ Username, InstanceURL string }
	if err := c.run(t.Context(), &org, "org", "login", "sfdx-url", "--sfdx-url-file", file, "--alias", "acme"); err != nil {
		t.Fatal(err)
	}
	if org.Username != emulator.Username || org.InstanceURL != s.URL {
		t.Errorf("logged in as %q at %q", org.Username, org.InstanceURL)
	}
	if got := counted(s, "refresh_token", http.StatusOK); got != 1 {
		t.Errorf("the emulator counted %d refreshes, want 1", got)
	}

	// And back: what the CLI exports is what it was given.
	var exported struct{ SfdxAuthURL string }
	if err := c.run(t.Context(), &exported, "org", "auth", "show-sfdx-auth-url", "--target-org", "acme"); err != nil {
		t.Fatal(err)
	}
	if exported.SfdxAuthURL != authURL {
		t.Error("the CLI exports another auth URL than it was given")
	}
}

func (c *cli) tokenLogin(t *testing.T, s *emulatortest.Server) {
	t.Helper()
	if err := c.run(t.Context(), new(any), "org", "login", "access-token", "--instance-url", s.URL, "--no-prompt", "--alias", "acme"); err != nil {
		t.Fatal(err)
	}
	c.query(t)
	if got := s.Emulator().TokenRequests(); got != 0 {
		t.Errorf("the emulator counted %d token requests", got)
	}
}
