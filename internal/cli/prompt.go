package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
	"github.com/sftoken/sftoken/explain"
	"golang.org/x/term"
)

// question is one thing to ask on the terminal.
type question struct {
	id       string // catalogue: "ask.<id>" is the question, "ask.<id>-note" what helps to answer it
	data     map[string]any
	preset   string
	hidden   bool // a secret: nothing is shown of it, and no line repeats it afterwards
	validate func(string) error
}

// ask puts one question on stderr, again until the answer is sound, and returns the answer. Ctrl-C ends the command with
// exit code 130 (C-33).
func (e *Env) ask(ctx context.Context, q question) (string, error) {
	fmt.Fprintln(e.Stderr, e.dim(e.Text("ask."+q.id+"-note", q.data)))
	for {
		answer, err := e.askOnce(ctx, q)
		if err != nil {
			return "", err
		}
		if q.validate == nil {
			return answer, nil
		}
		wrong := q.validate(answer)
		if wrong == nil {
			return answer, nil
		}
		fmt.Fprintln(e.Stderr, e.red("*"), e.short(wrong))
	}
}

// askOnce takes one line and leaves it on the screen. The form is one line too, because its renderer takes away only the
// last one when it ends (seen with bubbletea 2.0.2).
func (e *Env) askOnce(ctx context.Context, q question) (string, error) {
	answer, ended := "", true
	title := e.Text("ask."+q.id, q.data)
	input := huh.NewInput().Inline(true).Title(title).Prompt(" ").Placeholder(q.preset).Value(&answer)
	input.Validate(func(string) error { ended = false; return nil }) // is not asked at the end of stdin
	if q.hidden {
		input.EchoMode(huh.EchoModePassword)
	}
	if e.dumb() && q.preset != "" { // the plain prompts show no preset
		input.Title(fmt.Sprintf("%s [%s]", title, q.preset))
	}
	if err := e.run(ctx, input); err != nil {
		return "", err
	}
	if e.dumb() && ended {
		return "", errInterrupted
	}
	answer = cmp.Or(strings.TrimSpace(answer), q.preset)
	if !e.dumb() {
		fmt.Fprintf(e.Stderr, "%s %s\n", title, e.bold(e.shown(q, answer)))
	}
	return answer, nil
}

// shown is what the screen keeps of an answer.
func (e *Env) shown(q question, answer string) string {
	switch {
	case answer == "":
		return e.Text("ask.nothing", nil)
	case q.hidden:
		return e.Text("ask.hidden", nil)
	}
	return answer
}

// choose lets the person pick one of several, and returns its index.
func (e *Env) choose(ctx context.Context, id string, names []string) (int, error) {
	picked := 0
	options := make([]huh.Option[int], len(names))
	for i, name := range names {
		options[i] = huh.NewOption(name, i)
	}
	field := huh.NewSelect[int]().Title(e.Text("ask."+id, nil)).Options(options...).Value(&picked)
	if err := e.run(ctx, field); err != nil {
		return 0, err
	}
	if !e.dumb() {
		fmt.Fprintf(e.Stderr, "%s %s\n", e.Text("ask."+id, nil), e.bold(names[picked]))
	}
	return picked, nil
}

// confirm asks a yes-or-no question whose safe answer is no.
func (e *Env) confirm(ctx context.Context, text string) (bool, error) {
	yes := false
	field := huh.NewConfirm().Title(text).
		Affirmative(e.Text("ask.yes", nil)).Negative(e.Text("ask.no", nil)).Value(&yes)
	return yes, e.run(ctx, field)
}

// run shows one field on the terminal. A terminal that cannot move its cursor gets plain lines, which a screen reader can
// follow too.
func (e *Env) run(ctx context.Context, field huh.Field) error {
	_ = os.Unsetenv("TEA_TRACE") // the form's library would write every key that is pressed to that file (C-70)
	form := huh.NewForm(huh.NewGroup(field)).
		WithInput(e.Stdin).
		WithOutput(e.Stderr).
		WithShowHelp(false).
		WithAccessible(e.dumb())
	form.WithTheme(huh.ThemeFunc(e.theme))
	err := e.runForm(ctx, form)
	if errors.Is(err, huh.ErrUserAborted) || ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// theme is huh's plainest, without a bar before the question.
func (e *Env) theme(dark bool) *huh.Styles {
	styles := huh.ThemeBase(dark)
	if e.ColorErr() {
		styles = huh.ThemeBase16(dark)
	}
	styles.Focused.Base = lipgloss.NewStyle()
	return styles
}

// runForm runs the form, and leaves it when ctx ends: the plain prompts read a line and know no context. The terminal is
// then put back as it was, for a hidden answer has its echo switched off.
func (e *Env) runForm(ctx context.Context, form *huh.Form) error {
	if !e.dumb() {
		return form.RunWithContext(ctx)
	}
	restore := func() {}
	if f, ok := e.Stdin.(*os.File); ok {
		if state, err := term.GetState(int(f.Fd())); err == nil {
			restore = func() { _ = term.Restore(int(f.Fd()), state) }
		}
	}
	done := make(chan error, 1)
	go func() { done <- form.RunWithContext(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		restore()
		return ctx.Err()
	}
}

// short says what is wrong with an answer without the words for a whole command's failure.
func (e *Env) short(err error) string {
	if entry := explain.Find(err); entry != nil {
		return entry.Title(e.Language())
	}
	return e.reportOf(err).Message
}
