package cli

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/sftoken/sftoken/refresh"
)

// runBeside runs a program while this one goes on, passes signals on, and ends with its exit code: 128 and the signal's
// number, as in a shell, if it died of one.
func (e *Env) runBeside(ctx context.Context, command []string, access *refresh.Access) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return cannotRun(command[0], err)
	}
	child := exec.CommandContext(ctx, path)
	child.Args, child.Env = command, e.childEnvironment(access)
	child.Stdin, child.Stdout, child.Stderr = e.Stdin, e.Stdout, e.Stderr
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = 10 * time.Second
	if err := child.Start(); err != nil {
		return cannotRun(command[0], err)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // the others end ctx
	defer signal.Stop(hangup)
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case s := <-hangup:
			_ = child.Process.Signal(s)
		case err := <-ended:
			if child.ProcessState == nil {
				return err
			}
			return exitedWith(child.ProcessState)
		}
	}
}

func exitedWith(state *os.ProcessState) error {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &toldError{code: 128 + int(status.Signal())}
	}
	if state.Success() {
		return nil
	}
	return &toldError{code: state.ExitCode()}
}
