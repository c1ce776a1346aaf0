// Package hook runs a person's own command for each new refresh token, with the token on its standard input.
//
// The command is given to the shell, as git does with the commands in its configuration (core.editor, credential.helper):
// "sh -c COMMAND" on Unix, "cmd /c COMMAND" on Windows. The person wrote it and nothing is put into it: the token goes in
// by standard input alone, never by an argument or the environment, which other processes can read (C-70).
//
// A hook is told after the token is saved. What it does or fails to do changes nothing about that. Only internal/cli
// imports this package.
package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
)

// defaultTimeout is how long a command may take.
const defaultTimeout = 30 * time.Second

// Rotation is a new refresh token. The command reads it as one line of JSON:
//
//	{"alias":"prod","generation":7,"refresh_token":"5Aep…"}
type Rotation struct {
	Alias        string
	Generation   uint64 // grows by each change of the grant: keep the token of the greatest
	RefreshToken sftoken.Secret
}

// Hook is a command. Set its fields before use; it may be used from many goroutines, and runs one command at a time.
type Hook struct {
	Command string
	Stderr  io.Writer     // where the command's standard output and standard error go; nil: nowhere
	Timeout time.Duration // 0: 30 seconds

	mu     sync.Mutex
	newest map[string]uint64 // by alias
}

// Error says that a command failed. The token is saved all the same.
type Error struct {
	Alias string
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("tell hook of %s: %v", e.Alias, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Run gives the rotation to the command and waits for it. A rotation that comes after a newer one of its grant is left
// out: the command would store a token that is dead. Its error is an *Error.
func (h *Hook) Run(ctx context.Context, r Rotation) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Generation < h.newest[r.Alias] {
		return nil
	}
	if h.newest == nil {
		h.newest = map[string]uint64{}
	}
	h.newest[r.Alias] = r.Generation
	if err := h.run(ctx, r); err != nil {
		return &Error{Alias: r.Alias, Err: err}
	}
	return nil
}

func (h *Hook) run(ctx context.Context, r Rotation) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	timeout := h.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := shell(ctx, h.Command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(line), h.Stderr, h.Stderr
	cmd.WaitDelay = time.Second // for what the command left running with its output open
	err = cmd.Run()
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no end after %v", timeout)
	case errors.Is(err, exec.ErrWaitDelay): // it ended well, and left something running
		return nil
	}
	return err
}

// line is the one place where the token becomes text for the command.
func (r Rotation) line() ([]byte, error) {
	line, err := json.Marshal(struct {
		Alias        string `json:"alias"`
		Generation   uint64 `json:"generation"`
		RefreshToken string `json:"refresh_token"`
	}{r.Alias, r.Generation, r.RefreshToken.Reveal()})
	return append(line, '\n'), err
}
