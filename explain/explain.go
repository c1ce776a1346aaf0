// Package explain says what a failure means and what to do about it, in English and Japanese.
//
// It knows Salesforce's own errors by code, description and grant type, local ones by their ErrorID method, and failures
// of the network by their cause. The texts are in text/en.toml and text/ja.toml: a title and hints, one a line, with the
// names that Setup has today. What rests on inference instead of documentation or a reported case says so.
//
// It neither prints nor decides an exit code. Commands and pages that talk to people import it; others may.
package explain

import (
	"cmp"
	"embed"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

//go:embed text/*.toml
var files embed.FS

var texts = message.New(files)

// Entry explains one failure.
type Entry struct {
	ID   string            // stable: "refresh-dead", "port-in-use"
	data map[string]string // what the error itself names
}

// Lookup returns the entry with an id, for failures that are no errors, such as a login that brought no refresh token; nil
// if there is none.
func Lookup(id string) *Entry {
	if !slices.Contains(ids(), id) {
		return nil
	}
	return &Entry{ID: id}
}

// Title says in one line what happened.
func (e *Entry) Title(lang language.Tag) string {
	return texts.For(lang).Text(e.ID+".title", nil)
}

// Hints says what to do, a step or a command each. Placeholders are filled from data, such as alias, host and redirect,
// and from what the error names; names are compared without case. A hint that names something unknown is left out, except
// that an unknown alias is just not written.
func (e *Entry) Hints(lang language.Tag, data map[string]string) []string {
	text := texts.For(lang)
	values := map[string]any{"alias": ""}
	for name, value := range e.data {
		values[name] = value
	}
	for name, value := range data {
		if value != "" {
			values[strings.ToLower(name)] = value
		}
	}
	var hints []string
	for hint := range strings.Lines(text.Text(e.ID+".hints", values)) {
		// text/template writes this for a name that the map lacks.
		if hint = strings.Join(strings.Fields(hint), " "); hint != "" && !strings.Contains(hint, "<no value>") {
			hints = append(hints, hint)
		}
	}
	if slices.Contains(guesses, e.ID) {
		hints = append(hints, text.Text("guess", nil))
	}
	return hints
}

// guesses are the entries whose cause is inferred: no verbatim sample or official page was found for them.
var guesses = []string{"pkce-wrong", "app-set-up", "app-proof-required", "session-level"}

// ids returns the ids of all entries that an error can lead to, and of those only Lookup gives.
func ids() []string {
	all := slices.Clone(localIDs)
	for _, s := range signatures {
		all = append(all, s.id)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Find returns the entry of the failure behind err, or nil if there is none. It looks through everything that err wraps,
// from the outside in: the first explanation is the most particular one, except that an error which only says where a
// failure led, such as a dead grant, gives way to its cause.
func Find(err error) *Entry {
	var (
		found, fallback string
		data            = map[string]string{}
	)
	walk(err, func(err error) {
		collect(data, err)
		if found != "" {
			return
		}
		id := identify(err, data)
		if slices.Contains(consequences, id) {
			fallback = cmp.Or(fallback, id)
			return
		}
		found = id
	})
	if found = cmp.Or(found, fallback); found == "" {
		return nil
	}
	return &Entry{ID: found, data: data}
}
