// Package explain says what a failure means and what to do about it, in English and Japanese.
//
// entries.toml holds what each entry is recognised by: Salesforce's own errors by code, words, endpoint and flow, ours by
// their ErrorID. text/en.toml and text/ja.toml hold the words: a title, causes in the order of their likelihood, how to
// tell them apart, and hints, one a line, with the names that Setup has today. What rests on inference instead of
// documentation or a reported case says so. Find looks into an error, Text into whatever a person pastes.
//
// It neither prints nor decides an exit code, and asks no network. Commands and pages that talk to people import it;
// others may.
package explain

import (
	"cmp"
	"embed"
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
	if k := named(id); k == nil || k.ID != id {
		return nil
	}
	return &Entry{ID: id}
}

// Part returns the group of entries to which this one belongs.
func (e *Entry) Part() string { return named(e.ID).Part }

// Evidence says what the entry rests on; it is empty for failures of this program or machine.
func (e *Entry) Evidence() Evidence { return named(e.ID).Evidence }

// Yields reports an entry that only says where a failure led: a cause that is found otherwise counts more.
func (e *Entry) Yields() bool { return named(e.ID).Yields }

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
	if e.Evidence() == Inferred {
		hints = append(hints, text.Text("guess", nil))
	}
	return hints
}

// Causes says why it happens, a cause each, the likeliest first. There are none where the title says it.
func (e *Entry) Causes(lang language.Tag) []string { return e.lines(lang, "causes") }

// Tell says how to tell the causes apart, a check each.
func (e *Entry) Tell(lang language.Tag) []string { return e.lines(lang, "tell") }

func (e *Entry) lines(lang language.Tag, field string) []string {
	id := e.ID + "." + field
	text := texts.For(lang).Text(id, nil)
	if text == id { // it has none
		return nil
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
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
		if k := named(id); k != nil && k.Yields {
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
