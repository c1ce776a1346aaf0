package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// become runs the program and ends with its exit code: Windows has no way to take a process's place. Ctrl-C reaches every
// process of the console, so that here it is only kept from ending us first.
func (e *Env) become(path string, command, environment []string) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	child := &exec.Cmd{Path: path, Args: command, Env: environment, Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr}
	err := child.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &toldError{code: exit.ExitCode()}
	}
	return err
}
