package cli

import (
	"context"

	"github.com/sftoken/sftoken/refresh"
)

// become runs the program and ends with its exit code: Windows has no way to take a process's place.
func (e *Env) become(_ string, command []string, access *refresh.Access) error {
	return e.runBeside(context.Background(), command, access)
}
