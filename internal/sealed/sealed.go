// Package sealed keeps private files encrypted: a grant, the remembered apps, a pending login attempt. Each file is whole
// or not there, durable when a write returns, readable by its owner only, and bound to what it is for: a sealed file that
// was renamed, or copied over another, does not open.
//
// It knows nothing of what is inside, and does not lock: who reads, changes and writes back excludes others itself. An old
// copy of the same file, put back by hand, opens: it is what it says it is.
//
// For store/file and internal packages.
package sealed

import (
	"errors"
	"strconv"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Label says what a file holds. It is not kept in the file: whoever opens it must know.
type Label struct {
	Kind string // "grant", "app", "attempt"
	Name string // which one of its kind: an alias; may be empty if there is one only
}

// associated cannot be the same for two labels: the parts are quoted. The number is the format of this encoding.
func (l Label) associated() []byte {
	return []byte("sftoken sealed file 1 " + strconv.Quote(l.Kind) + " " + strconv.Quote(l.Name))
}

// Read opens the file at path. A missing one is fs.ErrNotExist; all errors are *store.Error with the path: ErrDamaged,
// ErrKeyLost (no key, or not this one), ErrNewerFormat, ErrUnsafe.
func Read(key *keys.Set, path string, label Label) ([]byte, error) {
	data, err := durable.Read(path)
	if err != nil {
		return nil, err
	}
	plaintext, err := Open(key, label, data)
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Path = path
	}
	return plaintext, err
}

// Open decrypts what Seal made with the same label. Its errors are those of Read, without a path.
func Open(key *keys.Set, label Label, data []byte) ([]byte, error) {
	if key == nil {
		return nil, &store.Error{
			Op: "read", Kind: store.ErrKeyLost, Detail: "there is no key to decrypt it with",
			Mend: "bring the key back, or delete it and log in again",
		}
	}
	plaintext, err := key.Open(data, label.associated())
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op = "read"
		if e.Mend == "" {
			e.Mend = "restore it from a backup, or delete it and log in again"
		}
	}
	return plaintext, err
}

// Seal encrypts plaintext for whatever has this label: a file, a row.
func Seal(key *keys.Set, label Label, plaintext []byte) []byte {
	return key.Seal(plaintext, label.associated())
}

// Write puts plaintext, encrypted, at path in one durable step. The directory must exist (durable.MakeDir).
func Write(key *keys.Set, path string, label Label, plaintext []byte) error {
	return durable.Write(path, Seal(key, label, plaintext))
}

// Remove deletes the file at path for good. A missing one is no error.
func Remove(path string) error { return durable.Remove(path) }
