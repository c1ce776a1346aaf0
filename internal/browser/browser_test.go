package browser

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The test binary plays the browser when this variable names what to do.
const roleVariable = "SFTOKEN_TEST_BROWSER"

func TestMain(m *testing.M) {
	switch role, file, _ := strings.Cut(os.Getenv(roleVariable), ":"); role {
	case "record":
		content, _ := json.Marshal(os.Args[1:])
		if err := os.WriteFile(file, content, 0o600); err != nil {
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

const hostile = `https://a;$(id)&"b.my.salesforce.com/services/oauth2/authorize?state=a&x='%20;id|\"` + "`id`"

// C-11: an address full of what shells interpret arrives as it was, as one argument.
func TestAddressIsOneArgument(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options func(self string) Options
		want    []string
	}{
		{"command", func(self string) Options { return Options{Command: self} }, []string{hostile}},
		{"command with arguments", func(self string) Options { return Options{Command: `"` + self + `" --new 'a b' --url=%s`} }, []string{"--new", "a b", "--url=" + hostile}},
		{"BROWSER", func(self string) Options { return Options{Getenv: env("BROWSER", self)} }, []string{hostile}},
		{"second of BROWSER", func(self string) Options {
			return Options{Getenv: env("BROWSER", "/no/such/browser"+string(os.PathListSeparator)+self+" %s -x")}
		}, []string{hostile, "-x"}},
		{"command beats BROWSER", func(self string) Options {
			return Options{Command: self + " mine", Getenv: env("BROWSER", self+" theirs")}
		}, []string{"mine", hostile}},
	} {
		t.Run(test.name, func(t *testing.T) {
			record := filepath.Join(t.TempDir(), "args")
			t.Setenv(roleVariable, "record:"+record)
			if err := Open(t.Context(), hostile, test.options(self)); err != nil {
				t.Fatalf("Open: %v", err)
			}
			content, err := os.ReadFile(record)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := json.Unmarshal(content, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

// C-11: only http and https are passed on. The address is not repeated: it may carry a state.
func TestOtherSchemesAreRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"file:///etc/passwd", "javascript:alert(1)", "myapp://x?state=canary", "--help", "", "https:", "http://\x00canary"} {
		err := Open(t.Context(), address, Options{Command: "/bin/echo"})
		if err == nil {
			t.Errorf("Open(%q) succeeded", address)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("Open(%q) repeats the address: %v", address, err)
		}
	}
}

// F2 of clients.md: a browser that stays in the foreground must not hold up the login.
func TestForegroundBrowser(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	start := time.Now()
	if err := settle(t.Context(), func() error { <-release; return nil }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*grace {
		t.Errorf("took %v", took)
	}
}

func TestFailuresAreToldOneByOne(t *testing.T) {
	t.Parallel()
	err := Open(t.Context(), "https://login.salesforce.com/", Options{
		Getenv: env("BROWSER", "/no/such/one"+string(os.PathListSeparator)+"/no/such/two"),
	})
	if err == nil || !strings.Contains(err.Error(), "/no/such/one") || !strings.Contains(err.Error(), "/no/such/two") {
		t.Errorf("error is %v, want both programs named", err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	block := make(chan struct{})
	defer close(block)
	if err := settle(ctx, func() error { <-block; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestWSLBeforeDesktop(t *testing.T) {
	t.Parallel()
	if got := len(Options{Getenv: env("WSL_DISTRO_NAME", "Ubuntu")}.openers("https://x/")); got != 3 {
		t.Errorf("%d ways under WSL, want wslview, rundll32.exe and the desktop", got)
	}
	if got := len(Options{}.openers("https://x/")); got != 1 {
		t.Errorf("%d ways elsewhere, want the desktop only", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for command, want := range map[string][]string{
		"firefox":                      {"firefox"},
		"  firefox   --new-window ":    {"firefox", "--new-window"},
		`"C:\Program Files\ff.exe" -p`: {`C:\Program Files\ff.exe`, "-p"},
		`open -a 'Google Chrome'`:      {"open", "-a", "Google Chrome"},
		`a "" b`:                       {"a", "", "b"},
		`unclosed "quote here`:         {"unclosed", "quote here"},
		"":                             nil,
	} {
		if diff := cmp.Diff(want, words(command)); diff != "" {
			t.Errorf("words(%q) (-want +got):\n%s", command, diff)
		}
	}
}

func TestAvailable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		goos   string
		env    []string
		file   string
		reason string
	}{
		{"Linux desktop", "linux", []string{"DISPLAY", ":0"}, "", ""},
		{"Wayland", "linux", []string{"WAYLAND_DISPLAY", "wayland-0"}, "", ""},
		{"Linux console", "linux", nil, "", NoDisplay},
		{"macOS", "darwin", nil, "", ""},
		{"Windows", "windows", nil, "", ""},
		{"WSL", "linux", []string{"WSL_DISTRO_NAME", "Debian"}, "", ""},
		{"SSH", "linux", []string{"SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22"}, "", OverSSH},
		{"SSH to a Mac", "darwin", []string{"SSH_TTY", "/dev/ttys000"}, "", OverSSH},
		{"SSH with a forwarded display", "linux", []string{"SSH_CONNECTION", "x", "DISPLAY", "localhost:10.0"}, "", ""},
		{"SSH with BROWSER", "linux", []string{"SSH_CONNECTION", "x", "BROWSER", "/vscode/helper"}, "", ""},
		{"Docker", "linux", nil, "/.dockerenv", InContainer},
		{"Podman", "linux", []string{"DISPLAY", ":0"}, "/run/.containerenv", InContainer},
		{"Codespaces", "linux", []string{"CODESPACES", "true"}, "", InContainer},
		{"Dev container", "linux", []string{"REMOTE_CONTAINERS", "true", "BROWSER", "/vscode/helper"}, "", ""},
		{"Kubernetes", "linux", []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, "", InContainer},
	} {
		available, reason := availableOn(test.goos, env(test.env...), func(path string) bool { return path == test.file })
		if available != (test.reason == "") || reason != test.reason {
			t.Errorf("%s: available %v, reason %q, want %q", test.name, available, reason, test.reason)
		}
	}
}

// env returns a Getenv of the given names and values.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}
