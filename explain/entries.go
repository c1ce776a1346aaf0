package explain

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/BurntSushi/toml"
)

//go:embed entries.toml
var entriesFile string

// kinds is what entries.toml says of every entry. It is read when the first failure is explained: a command that works
// does not pay for it.
var kinds = sync.OnceValue(func() []*kind {
	all, err := parseEntries(entriesFile)
	if err != nil {
		panic(err) // a fault of the program, found by a test
	}
	return all
})

// kind is what an entry is recognised by, without its words.
type kind struct {
	ID       string
	Part     string
	Evidence Evidence
	Errors   []string // ids of our errors that have no entry of their own
	Yields   bool     // gives way to the entry of the cause
	Signs    []sign
}

// Evidence says what an entry rests on.
type Evidence string

// What an entry can rest on. Failures of this program and this machine need no evidence: they have none.
const (
	Documented Evidence = "documented" // by Salesforce, in pages or source, or by an RFC
	Reported   Evidence = "reported"   // met by people, word for word
	Inferred   Evidence = "inferred"   // a guess: no report or page with exactly this was found
)

// parts are the groups of entries, in the order in which they are listed.
var parts = []string{"salesforce", "flows", "api", "setup", "browser", "input", "store", "network"}

func parseEntries(text string) ([]*kind, error) {
	var file struct{ Entry []*kind }
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("read entries: unknown key %s", unknown[0])
	}
	for _, k := range file.Entry {
		for i := range k.Signs {
			for j, text := range k.Signs[i].Text {
				k.Signs[i].Text[j] = level(text)
			}
		}
	}
	return file.Entry, nil
}

// named returns the entry with an id, or the one that explains our errors with that id; nil if there is none.
func named(id string) *kind {
	for _, k := range kinds() {
		if k.ID == id || slices.Contains(k.Errors, id) {
			return k
		}
	}
	return nil
}

// All returns every entry, grouped by Part.
func All() []*Entry {
	var all []*Entry
	for _, part := range parts {
		for _, k := range kinds() {
			if k.Part == part {
				all = append(all, &Entry{ID: k.ID})
			}
		}
	}
	return all
}
