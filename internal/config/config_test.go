package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func load(t *testing.T, content string, getenv func(string) string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, getenv)
	if e, ok := err.(*Error); ok && len(e.Source) > len(path) && e.Source[:len(path)] == path {
		e.Source = "config.toml" + e.Source[len(path):]
	}
	return c, err
}

func TestLoad(t *testing.T) {
	t.Parallel()
	got, err := load(t, `
alias = "prod"
host = "acme"
scopes = ["api", "refresh_token"]
timeout = "90s"
no_browser = true
`, environment("SFTOKEN_ALIAS", "dev", "SFTOKEN_SCOPES", "api, web", "SFTOKEN_NO_BROWSER", "false"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{Alias: "dev", Host: "acme", Scopes: []string{"api", "web"}, Timeout: 90 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ content, variable, value, want string }{
		{"alias = \"x\"\nclientid = \"y\"\n", "", "", `read settings: config.toml:2: unknown key "clientid"`},
		{"[login]\nhost = \"x\"\n", "", "", `read settings: config.toml:1: unknown key "login"`},
		{"client_secret = \"x\"\n", "", "", `read settings: config.toml:1: unknown key "client_secret"`},
		{"keys = \"vault\"\n", "", "", `keys is "vault", neither keyring nor file`},
		{"", "SFTOKEN_TIMEOUT", "soon", `read settings: SFTOKEN_TIMEOUT: "soon" is not a duration such as 180s or 5m`},
		{"", "SFTOKEN_NO_BROWSER", "maybe", `read settings: SFTOKEN_NO_BROWSER: "maybe" is neither true nor false`},
	} {
		_, err := load(t, c.content, environment(c.variable, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %s=%s:\n got %v\nwant %s", c.content, c.variable, c.value, err, c.want)
		}
	}
}

func TestFindDirs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		getenv func(string) string
		want   Dirs
	}{
		{"home", environment("HOME", "/h"), Dirs{"/h/.local/share/sftoken", "/h/.config/sftoken"}},
		{"XDG", environment("HOME", "/h", "XDG_DATA_HOME", "/d", "XDG_CONFIG_HOME", "/c"), Dirs{"/d/sftoken", "/c/sftoken"}},
		{"relative XDG", environment("HOME", "/h", "XDG_DATA_HOME", "d"), Dirs{"/h/.local/share/sftoken", "/h/.config/sftoken"}},
		{"SFTOKEN_HOME", environment("HOME", "/h", "XDG_DATA_HOME", "/d", "SFTOKEN_HOME", "/s"), Dirs{"/s", "/s"}},
	} {
		if runtime.GOOS != "linux" {
			break
		}
		if got, err := FindDirs(c.getenv); err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if _, err := FindDirs(environment()); err == nil {
		t.Error("without HOME: no error")
	}
	if data, conf := platformDirs("windows", environment("LocalAppData", `C:\l`, "AppData", `C:\r`)); data != `C:\l` || conf != `C:\r` {
		t.Errorf("windows: %s, %s", data, conf)
	}
}
