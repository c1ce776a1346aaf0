// Package guide runs the examples of the documentation in other languages, as a reader would: the program in the path, the
// code saved as it stands on the page.
package guide

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

var built string // the folder with the program, once there is one

// bin returns that folder.
var bin = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sftoken-guide")
	if err != nil {
		return "", err
	}
	built = dir
	build := exec.Command("go", "build", "-o", dir, "github.com/sftoken/sftoken/cmd/sftoken")
	build.Stderr = os.Stderr
	return dir, build.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built) // in the system's folder for what may be lost
	os.Exit(code)
}

// Both pages have the same examples: one run is enough.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	for language, example := range map[string]struct {
		run  func(testing.TB) string
		file string
	}{
		"js":     {need.Node, "salesforce.test.mjs"},
		"python": {need.Python, "test_salesforce.py"},
		"sh":     {shell, "flows.sh"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			runner := example.run(t)
			code := block(t, "en", language)
			if code != block(t, "ja", language) {
				t.Error("the example on the Japanese page is another one")
			}
			dir, err := bin()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), example.file)
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), runner, file)
			command.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", example.file, err, out)
			}
		})
	}
}

// shell is one that finds what the example calls.
func shell(t testing.TB) string {
	t.Helper()
	need.Tool(t, "curl", "curl")
	need.Tool(t, "openssl", "openssl")
	return need.Tool(t, "sh", "dash")
}

// block is the first code block of a language on the page.
func block(t *testing.T, page, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(need.Root(t), "docs", page, "emulator-tests.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```"+language+"\n")
	if !found {
		t.Fatalf("docs/%s/emulator-tests.md: no example in %s", page, language)
	}
	code, _, _ := strings.Cut(rest, "```")
	return code
}
