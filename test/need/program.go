package need

import (
	"os/exec"
	"testing"
)

// Tool returns the path of a program that is found by its name, such as ruby. What Debian calls its package is said if it
// is missing.
func Tool(t testing.TB, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" (Debian: apt-get install "+debian+")")
	}
	return path
}
