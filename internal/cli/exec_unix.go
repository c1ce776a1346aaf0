//go:build unix

package cli

import "syscall"

// become puts the program in this process's place: signals, terminal, exit code are then its own. It returns only when that
// fails.
func (e *Env) become(path string, command, environment []string) error {
	return syscall.Exec(path, command, environment)
}
