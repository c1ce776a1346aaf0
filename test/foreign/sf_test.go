package foreign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/test/need"
)

// cli is the Salesforce CLI with a home of its own.
type cli struct {
	command []string
	dir     string // a project, and HOME
	env     []string
	browser <-chan string // addresses that the CLI opens
	port    int           // of its callback
}

func newCLI(t *testing.T, env ...string) *cli {
	t.Helper()
	return newCLIOf(t, need.Salesforce(t), env...)
}

func newCLIOf(t *testing.T, command []string, env ...string) *cli {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan string, 1)
	browser := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _ := io.ReadAll(r.Body)
		opened <- string(address)
	}))
	t.Cleanup(browser.Close)
	c := &cli{command: command, dir: t.TempDir(), browser: opened, port: freePort(t)}
	c.env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + c.dir,
		"BROWSER=" + self,
		browserAddress + "=" + browser.URL,
		"SF_USE_GENERIC_UNIX_KEYCHAIN=true", // its key in a file, whatever this machine has
		"SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true", "SF_DISABLE_TELEMETRY=true", "SF_DISABLE_LOG_FILE=true",
	}, env...)
	// Only a project file changes the CLI's port, and only a free one lets other tests run at the same time.
	project := fmt.Sprintf(`{"packageDirectories": [{"path": "force-app", "default": true}], "oauthLocalPort": %d}`, c.port)
	for path, text := range map[string]string{"sfdx-project.json": project, "force-app/.keep": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.dir, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// answer is what every command prints with --json.
type answer struct {
	Status  int             `json:"status"`
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Result  json.RawMessage `json:"result"`
}

// run runs a command to its end and decodes the result into v.
func (c *cli) run(ctx context.Context, v any, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	args = append(c.command[1:len(c.command):len(c.command)], append(args, "--json")...)
	command := exec.CommandContext(ctx, c.command[0], args...)
	command.Dir, command.Env = c.dir, c.env
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	var a answer
	if decodeErr := json.Unmarshal(out, &a); decodeErr != nil {
		return fmt.Errorf("sf: %w: no JSON but %q, stderr %q", errors.Join(err, ctx.Err(), decodeErr), out, stderr.String())
	}
	if err != nil || a.Status != 0 {
		return fmt.Errorf("sf: %w: status %d: %s: %s", err, a.Status, a.Name, a.Message)
	}
	return json.Unmarshal(a.Result, v)
}

// login runs `sf org login web` and plays its user.
func (c *cli) login(t *testing.T, s *emulatortest.Server, alias string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	var org struct{ Username, InstanceURL string }
	go func() {
		done <- c.run(ctx, &org, "org", "login", "web", "--instance-url", s.URL, "--alias", alias)
	}()
	select {
	case err := <-done:
		t.Fatalf("the CLI ended before it opened a browser: %v", err)
	case address := <-c.browser:
		page, err := visit(ctx, person{s.Client().Transport, c.port}, address)
		if err != nil {
			t.Errorf("the browser: %v", err)
		} else if page.Status != http.StatusOK {
			t.Errorf("the browser ends on %d %q", page.Status, page.Title)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if org.Username != emulator.Username || org.InstanceURL != s.URL {
		t.Errorf("logged in as %q at %q", org.Username, org.InstanceURL)
	}
}

// person takes a second before the answer reaches the callback: the CLI listens there only after it has seen its browser's
// launcher end, and loses what comes earlier (forcedotcom/cli 3643).
type person struct {
	http.RoundTripper
	callback int // port
}

func (p person) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Port() == strconv.Itoa(p.callback) {
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
	return p.RoundTripper.RoundTrip(r)
}

// platformCLI lets the CLI's own app rotate and call back on the test's port.
func platformCLI(t *testing.T, s *emulatortest.Server, rotation bool) {
	t.Helper()
	err := s.Emulator().UpdateApp(emulator.ClientIDPlatformCLI, func(a *emulator.App) {
		a.AnyLoopbackPort, a.Rotation = true, rotation
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSalesforceCLI(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	s := emulatortest.Start(t)
	platformCLI(t, s, true)

	c.login(t, s, "acme")
	if got := counted(s, "authorization_code", http.StatusOK); got != 1 {
		t.Errorf("the emulator counted %d exchanged codes, want 1", got)
	}

	for round := 1; round <= 3; round++ {
		s.Emulator().ExpireSessions()
		var org struct{ Username, ConnectedStatus, Alias string }
		if err := c.run(t.Context(), &org, "org", "display", "--target-org", "acme"); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if org.Username != emulator.Username || org.ConnectedStatus != "Connected" || org.Alias != "acme" {
			t.Errorf("round %d: org display says %+v", round, org)
		}
		// The CLI prints a stale token with exit 0 when its refresh failed: only the count tells.
		if got := counted(s, "refresh_token", http.StatusOK); got != round {
			t.Errorf("the emulator counted %d refreshes, want %d", got, round)
		}
	}

	var shown struct{ AccessToken string }
	if err := c.run(t.Context(), &shown, "org", "auth", "show-access-token", "--target-org", "acme"); err != nil {
		t.Fatal(err)
	}
	if got := status(t, s.Client(), s.URL, shown.AccessToken); got != http.StatusOK {
		t.Errorf("API answers %d to the CLI's token", got)
	}
	if got := spent(s); len(got) != 3 {
		t.Errorf("3 refreshes spent %d different refresh tokens", len(got))
	}
}

// spent says how often each refresh token was taken, by its fingerprint.
func spent(s *emulatortest.Server) map[string]int {
	times := map[string]int{}
	for _, r := range s.Emulator().Requests() {
		if r.Endpoint == emulator.Token && r.GrantType == "refresh_token" && r.Status == http.StatusOK {
			times[r.Form.Get("refresh_token")]++
		}
	}
	return times
}

func TestSalesforceCLIWithAuthURL(t *testing.T) {
	t.Parallel()
	s := emulatortest.StartTLS(t) // an auth URL holds no scheme: the CLI takes https
	c := newCLI(t, "NODE_EXTRA_CA_CERTS="+s.CAFile)
	platformCLI(t, s, false)

	back := listen(t)
	token := login(t, s, oauth2Config(s, emulator.ClientIDPlatformCLI, back.URL, "api", "refresh_token"), back)
	authURL := fmt.Sprintf("force://%s::%s@%s", emulator.ClientIDPlatformCLI, token.RefreshToken, strings.TrimPrefix(s.URL, "https://"))
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

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
