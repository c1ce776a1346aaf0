//go:build unix

package cli

import (
	"syscall"

	"github.com/sftoken/sftoken/refresh"
)

// become puts the program in this process's place: signals, terminal, exit code are then its own. It returns only when that
// fails.
func (e *Env) become(path string, command []string, access *refresh.Access) error {
	return cannotRun(command[0], syscall.Exec(path, command, e.childEnvironment(access)))
}
