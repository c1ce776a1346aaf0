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
	out, err := c.output(ctx, append(args, "--json")...)
	var a answer
	if decodeErr := json.Unmarshal(out, &a); decodeErr != nil {
		return fmt.Errorf("sf: %w: no JSON but %q", errors.Join(err, decodeErr), out)
	}
	if err != nil || a.Status != 0 {
		return fmt.Errorf("sf: %w: status %d: %s: %s", err, a.Status, a.Name, a.Message)
	}
	return json.Unmarshal(a.Result, v)
}

// output runs a command to its end and returns what it prints.
func (c *cli) output(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	args = append(c.command[1:len(c.command):len(c.command)], args...)
	command := exec.CommandContext(ctx, c.command[0], args...)
	command.Dir, command.Env = c.dir, c.env
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%w: stderr %q", errors.Join(err, ctx.Err()), stderr.String())
	}
	return out, err
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

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
