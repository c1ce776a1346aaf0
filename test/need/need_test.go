package need

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that does not end its goroutine when it is told to skip or to fail.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestOfSomebody" }
func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = strings.ReplaceAll(format, "%s", args[0].(string))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = strings.ReplaceAll(format, "%s", args[0].(string))
}

func TestMissing(t *testing.T) {
	for _, tt := range []struct{ ci, require, want string }{
		{"", "", "skipped"},
		{"true", "", "failed"},
		{"", "all", "failed"},
	} {
		t.Run("CI="+tt.ci+",SFTOKEN_TEST_REQUIRE="+tt.require, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			t.Setenv("SFTOKEN_TEST_REQUIRE", tt.require)
			named.Store("a thing", true) // keeps the terminal of whoever runs this quiet
			var r recorder
			missing(&r, "a thing")
			got := "skipped"
			if r.failed != "" {
				got = "failed"
			}
			if said := r.skipped + r.failed; got != tt.want || !strings.Contains(said, "needs a thing") {
				t.Errorf("%s with %q, want it %s", got, said, tt.want)
			}
		})
	}
}

func TestRoot(t *testing.T) {
	t.Chdir(filepath.Join(Root(t), "test", "npm"))
	if _, err := os.Stat(filepath.Join(Root(t), "test", "need", "need.go")); err != nil {
		t.Error(err)
	}
}

// The tests in a browser are a module of their own, which go test ./... does not enter. They are named like all that is
// left out.
func TestBrowserModule(t *testing.T) {
	if required() {
		return // make test runs them next
	}
	const what = "the tests in a browser: make test runs them, or go test in test/browser"
	tell(what)
	t.Skip(what)
}
