package fault

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

var proof = regexp.MustCompile("`([a-z/]+)` `(Test\\w+)`")

// The page on failures names a test for each. It is there, in both languages.
func TestPageNamesItsProofs(t *testing.T) {
	t.Parallel()
	root := need.Root(t)
	for _, language := range []string{"en", "ja"} {
		page, err := os.ReadFile(filepath.Join(root, "docs", language, "failures-and-recovery.md"))
		if err != nil {
			t.Fatal(err)
		}
		found := proof.FindAllStringSubmatch(string(page), -1)
		if len(found) < 30 {
			t.Errorf("%s: only %d tests are named", language, len(found))
		}
		for _, p := range found {
			if !declares(t, filepath.Join(root, p[1]), p[2]) {
				t.Errorf("%s: there is no %s in %s", language, p[2], p[1])
			}
		}
	}
}

func declares(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return true
		}
	}
	return false
}
