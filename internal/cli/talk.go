package cli

import (
	"embed"
	"fmt"

	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/internal/message"
	"golang.org/x/text/language"
)

//go:embed text
var texts embed.FS

// state is what a run computes once.
type state struct {
	catalogue *message.Catalogue
	config    *config.Config
	rotation  rotation
	trace     *trace
	about     map[string]string // what the command is about, for hints: alias, host, redirect
	offer     string            // the command that looks into a failure
}

// Language is what messages are written in: --lang, SFTOKEN_LANG or the config file, then the locale.
func (e *Env) Language() language.Tag {
	wanted := e.Lang
	if c, err := e.Config(); wanted == "" && err == nil {
		wanted = c.Lang
	}
	return message.Choose(wanted, e.Getenv("LC_ALL"), e.Getenv("LC_MESSAGES"), e.Getenv("LANG"))
}

// Text returns a text of the catalogue in the person's language.
func (e *Env) Text(id string, data map[string]any) string {
	if e.catalogue == nil {
		e.catalogue = message.New(texts)
	}
	return e.catalogue.For(e.Language()).Text(id, data)
}

// Say writes a text of the catalogue to stderr, as a line.
func (e *Env) Say(id string, data map[string]any) {
	fmt.Fprintln(e.Stderr, e.Text(id, data))
}

// Warn is Say behind "warning:".
func (e *Env) Warn(id string, data map[string]any) {
	fmt.Fprintf(e.Stderr, "%s %s\n", e.bold("warning:"), e.Text(id, data))
}

func (e *Env) red(s string) string  { return e.style("31;1", s) }
func (e *Env) bold(s string) string { return e.style("1", s) }
func (e *Env) dim(s string) string  { return e.style("2", s) }

func (e *Env) style(code, s string) string {
	if !e.ColorErr() {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
