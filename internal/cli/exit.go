package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/agent"
	"github.com/sftoken/sftoken/internal/appsetup"
	"github.com/sftoken/sftoken/internal/backup"
	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/internal/imports"
	"github.com/sftoken/sftoken/internal/keyfile"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/store"
)

// Exit codes (house rules). They are part of the command's interface: scripts branch on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // wrong usage, or no such alias
	exitRefused     = 3 // refused by the person
	exitLogin       = 4 // login needed
	exitTryAgain    = 5 // server or network
	exitBlocked     = 6 // Salesforce says no for good
	exitStore       = 7 // store locked or damaged
	exitInterrupted = 130

	exitNotExecutable = 126 // of exec, as of env(1): the program is there but cannot be run
	exitNotFound      = 127 // it is not there
)

// localError is an error of the command line itself. Its words are in the catalogue under "error.<id>", its hints, one a
// line, under "hint.<id>".
type localError struct {
	id    string
	code  int
	data  map[string]any
	hints bool
	err   error // cause, may be nil
}

func (e *localError) Error() string {
	if e.err != nil {
		return e.id + ": " + e.err.Error()
	}
	return e.id
}

func (e *localError) Unwrap() error { return e.err }

var errInterrupted error = &localError{id: "interrupted", code: exitInterrupted}

// usageError is a fault in the command line, with what was probably meant.
type usageError struct {
	id      string // its words are in the catalogue under "usage.<id>"
	data    map[string]any
	command string // whose help to read
	meant   []string
}

func (e *usageError) Error() string { return "usage: " + e.id }

// toldError ends a command that has told its errors itself, with the answer.
type toldError struct{ code int }

func (e *toldError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// exitOf gives the exit code of an error. The order matters: a refusal by a person or by Salesforce is named before the
// network condition that carried it.
func exitOf(err error) int {
	if local, ok := errors.AsType[*localError](err); ok {
		return local.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if refused, ok := errors.AsType[*agent.Refused](err); ok {
		return refused.Exit
	}
	for _, rule := range exitRules {
		if errors.Is(err, rule.is) {
			return rule.code
		}
	}
	if is[*store.Error](err) {
		return exitStore
	}
	if wrongInput(err) {
		return exitUsage
	}
	return exitFailed
}

// wrongInput reports an error about what the person gave.
func wrongInput(err error) bool {
	for _, as := range []func(error) bool{
		is[*sftoken.HostError], is[*sftoken.AppError], is[*store.AliasError], is[*config.Error], is[*login.PendingError],
		is[*stores.LocationError], is[*backup.RecipientError], is[*rest.OtherHostError],
		is[*appsetup.MissingError], is[*appsetup.TakenError], is[*appsetup.ExistsError], is[*imports.Error], is[*keyfile.Error],
	} {
		if as(err) {
			return true
		}
	}
	return false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

var exitRules = []struct {
	is   error
	code int
}{
	{sftoken.ErrDenied, exitRefused},
	{sftoken.ErrBlocked, exitBlocked},
	{sftoken.ErrLoginRequired, exitLogin},
	{sftoken.ErrTemporary, exitTryAgain},
	{store.ErrNotFound, exitUsage},
	{login.ErrTimeout, exitLogin},
	{context.DeadlineExceeded, exitTryAgain},
}

func errorID(err error) string {
	if e, ok := errors.AsType[interface {
		error
		ErrorID() string
	}](err); ok {
		return e.ErrorID()
	}
	return ""
}

// report is what is said of an error, on stderr or as JSON.
type report struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Hints   []string `json:"hints"`
}

// fail tells err and returns the exit code. With --json the report is the answer and goes to stdout (C-73).
func (e *Env) fail(err error) int {
	if told, ok := errors.AsType[*toldError](err); ok {
		return told.code
	}
	if e.JSON {
		_ = e.WriteJSON(map[string]report{"error": e.reportOf(err)})
	} else {
		e.tell(err)
	}
	return exitOf(err)
}

// tell writes an error and what to do about it to stderr.
func (e *Env) tell(err error) {
	r := e.reportOf(err)
	fmt.Fprintf(e.Stderr, "%s %s\n", e.red("error:"), r.Message)
	for _, hint := range r.Hints {
		fmt.Fprintf(e.Stderr, "%s %s\n", e.bold("hint:"), hint)
	}
}

func (e *Env) reportOf(err error) report {
	if local, ok := errors.AsType[*localError](err); ok {
		r := report{Code: local.id, Message: e.Text("error."+local.id, local.data), Hints: []string{}}
		if local.err != nil {
			r.Message += ": " + local.err.Error()
		}
		if local.hints {
			r.Hints = lines(e.Text("hint."+local.id, local.data))
		}
		return r
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		return report{Code: "usage", Message: e.usageText(usage), Hints: e.usageHints(usage)}
	}
	if refused, ok := errors.AsType[*agent.Refused](err); ok {
		return report(refused.Report)
	}
	r := report{Code: "failed", Message: err.Error(), Hints: []string{}}
	if wire, ok := errors.AsType[*sftoken.Error](err); ok && wire.Code != "" {
		r.Code = wire.Code
	}
	if id := errorID(err); id != "" {
		r.Code = id
	}
	if entry := explain.Find(err); entry != nil {
		// What happened in the person's words comes first, what to search the web for after it.
		r.Message = entry.Title(e.Language()) + ": " + err.Error()
		r.Hints = append(r.Hints, entry.Hints(e.Language(), e.about)...)
	}
	if e.offer != "" {
		r.Hints = append(r.Hints, e.Text("doctor.offer", map[string]any{"command": e.offer}))
	}
	return r
}

func (e *Env) usageText(u *usageError) string {
	data := map[string]any{"command": u.command}
	maps.Copy(data, u.data)
	return e.Text("usage."+u.id, data)
}

func (e *Env) usageHints(u *usageError) []string {
	hints := []string{}
	if len(u.meant) > 0 {
		hints = append(hints, e.Text("usage.meant", map[string]any{"meant": strings.Join(u.meant, ", ")}))
	}
	return append(hints, e.Text("usage.help", map[string]any{"command": u.command}))
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// WriteJSON writes v to stdout, indented, as the whole answer of a command under --json.
func (e *Env) WriteJSON(v any) error {
	encoder := json.NewEncoder(e.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
