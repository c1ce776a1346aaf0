package sqlite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// modernc.org/sqlite is translated C that fits one version of modernc.org/libc only: its go.mod names it, and nothing keeps
// another module from lifting it (https://pkg.go.dev/modernc.org/sqlite, "Fragile modernc.org/libc dependency").
func TestLibcIsTheOneThatSQLiteNames(t *testing.T) {
	t.Parallel()
	list := func(format, module string) string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", format, module).Output()
		do(t, err)
		return strings.TrimSpace(string(out))
	}
	data, err := os.ReadFile(filepath.Join(list("{{.Dir}}", "modernc.org/sqlite"), "go.mod"))
	do(t, err)
	named := regexp.MustCompile(`modernc\.org/libc (v\S+)`).FindSubmatch(data)
	if named == nil {
		t.Fatal("sqlite's go.mod names no libc")
	}
	if got := list("{{.Version}}", "modernc.org/libc"); got != string(named[1]) {
		t.Errorf("modernc.org/libc is %s, modernc.org/sqlite wants %s: go get modernc.org/libc@%[2]s", got, named[1])
	}
}
