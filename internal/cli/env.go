package cli

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Env is everything a command reaches outside of itself, so that a test runs a whole command in its own process. No other
// code of this module reads the environment, the arguments or the standard streams.
type Env struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer // the answer and nothing else
	Stderr io.Writer // everything said to a person, prompts too

	StdinTTY, StdoutTTY, StderrTTY bool

	Getenv  func(string) string
	Environ func() []string // for programs that are started
	Now     func() time.Time

	// Set by the global flags before a command runs.
	JSON    bool   // --json
	NoInput bool   // --no-input
	NoColor bool   // --no-color
	Lang    string // --lang
	Store   string // --store
	Trace   string // --trace

	scryptWork int // of a backup's passphrase; 0: age's own. Less in tests

	state
}

// ProcessEnv is the environment of the running process.
func ProcessEnv() *Env {
	return &Env{
		Args:      os.Args[1:],
		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
		StdinTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		Getenv:    os.Getenv,
		Environ:   os.Environ,
		Now:       time.Now,
	}
}

// Interactive reports whether a person sits there to be asked (C-75): both the stream that answers come from and the one
// that questions are drawn on are terminals, and nobody said --no-input.
func (e *Env) Interactive() bool { return e.StdinTTY && e.StderrTTY && !e.NoInput }

// ColorOut and ColorErr say whether colour may be used, for each stream on its own (C-76).
func (e *Env) ColorOut() bool { return e.StdoutTTY && e.mayColor() }

// ColorErr is ColorOut for stderr.
func (e *Env) ColorErr() bool { return e.StderrTTY && e.mayColor() }

func (e *Env) mayColor() bool {
	return !e.NoColor && e.Getenv("NO_COLOR") == "" && !e.dumb()
}

// dumb reports a terminal that cannot move its cursor, or a person who reads it by ear: prompts are then plain lines.
func (e *Env) dumb() bool { return e.Getenv("TERM") == "dumb" }
