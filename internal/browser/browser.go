// Package browser opens a web address in the person's own browser.
//
// It passes on http and https addresses only, gives them to programs as one argument and never to a shell, and does not
// wait for a browser to exit: one that stays in the foreground must not hold up the login that it was opened for. It does
// not embed a browser and does not decide whether to open one; Available helps with that. internal/login and internal/cli
// import it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	platform "github.com/cli/browser"
)

// Options say how to open a browser. The zero value asks the desktop.
type Options struct {
	// Command is the program to use, with its arguments if any (quotes group words). %s stands for the address, which
	// otherwise comes last. Empty: BROWSER, then the desktop's choice.
	Command string
	// Getenv reads the environment: BROWSER and WSL's variables. Nil: there is none.
	Getenv func(string) string
	// Stderr receives what the browser prints. Only an *os.File is used, because a browser outlives this program and
	// would die of a broken pipe; anything else: its output is dropped.
	Stderr io.Writer
}

// grace is how long a program that fails to open a browser has to say so. One that runs longer is taken for the browser.
const grace = time.Second

// Open opens address. It returns nil as soon as a program has exited well or has run for a second, and an error when
// there is none or each one failed.
func Open(ctx context.Context, address string, o Options) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return errors.New("open browser: address is not a URL")
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return fmt.Errorf("open browser: scheme %q: only http and https addresses are opened", parsed.Scheme)
	}
	var failures []error
	for _, open := range o.openers(address) {
		err := settle(ctx, open)
		if err == nil || ctx.Err() != nil {
			return err
		}
		failures = append(failures, err)
	}
	return fmt.Errorf("open browser: %w", errors.Join(failures...))
}

// openers returns what to try, in order. Each runs until its program exits. A command that the person chose is never
// replaced by another one: opening the wrong browser, signed in as somebody else, is worse than opening none.
func (o Options) openers(address string) []func() error {
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	var commands [][]string
	switch {
	case o.Command != "":
		commands = append(commands, commandLine(o.Command, address))
	case getenv("BROWSER") != "":
		for command := range strings.SplitSeq(getenv("BROWSER"), string(os.PathListSeparator)) {
			if command != "" {
				commands = append(commands, commandLine(command, address))
			}
		}
	default:
		return append(o.windowsHost(getenv, address), func() error { return openOnDesktop(address) })
	}
	return o.runners(commands)
}

// windowsHost returns the ways to reach the Windows browser from inside WSL, where a Linux desktop is the exception.
func (o Options) windowsHost(getenv func(string) string, address string) []func() error {
	if !isWSL(getenv) {
		return nil
	}
	return o.runners([][]string{
		{"wslview", address},
		{"rundll32.exe", "url.dll,FileProtocolHandler", address},
	})
}

func (o Options) runners(commands [][]string) []func() error {
	var openers []func() error
	for _, command := range commands {
		openers = append(openers, func() error { return o.run(command) })
	}
	return openers
}

// run starts command and waits for its exit, so that no zombie is left. The program is not bound to a context: it is the
// person's browser, which lives on.
func (o Options) run(command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	if file, ok := o.Stderr.(*os.File); ok {
		cmd.Stdout, cmd.Stderr = file, file // standard output belongs to the command's answer
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command[0], err)
	}
	return nil
}

// stdoutIsAnswer turns the desktop opener's output away from standard output, which belongs to the command's answer.
var stdoutIsAnswer = sync.OnceFunc(func() { platform.Stdout = os.Stderr })

func openOnDesktop(address string) error {
	stdoutIsAnswer()
	return platform.OpenURL(address)
}

// settle runs open and waits for its end no longer than the grace. Its goroutine ends with the browser or with this
// program, whichever is first; nothing else could wait for a foreground browser without holding up the login.
func settle(ctx context.Context, open func() error) error {
	done := make(chan error, 1)
	go func() { done <- open() }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
