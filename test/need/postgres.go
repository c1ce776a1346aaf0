package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Postgres returns the folder of PostgreSQL's server programs, 12 or newer: Debian's newest, else the one in PATH.
func Postgres(t testing.TB) string {
	t.Helper()
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil && version(folder) >= 12 {
			return folder
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	missing(t, "PostgreSQL's server programs (Debian: apt-get install postgresql)")
	return ""
}

// PgBouncer returns the path of PgBouncer.
func PgBouncer(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "PgBouncer (Debian: apt-get install pgbouncer)")
	return ""
}
