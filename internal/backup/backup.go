// Package backup is the form of a backup: grants and remembered apps in one file, encrypted by age to a passphrase or to
// age recipients, never plain. Anybody's age opens it (https://age-encryption.org/v1).
//
// Inside are lines of JSON: a manifest, the entries, and a line that counts them, without which the backup is cut off. It
// holds every secret that there is, so the file is as good as all the logins in it, for as long as they live.
//
// It reads no store and writes none. The only importer of age; only internal/cli imports it.
package backup

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/sftoken/sftoken/store"
)

// schema is the newest form that we know.
const schema = 1

const format = "sftoken backup"

// Manifest is the first line: what a backup says of itself.
type Manifest struct {
	Made    time.Time // when it was begun
	From    string    // the store, for people: "files in /home/x/.local/share/sftoken"
	Version string    // of sftoken
}

// Entry is a grant, or an app in the words of package apps.
type Entry struct {
	Grant *store.Grant
	App   []byte // JSON
}

// Counts is the last line.
type Counts struct {
	Grants int `json:"grants"`
	Apps   int `json:"apps"`
}

var (
	// ErrPassphrase: the passphrase does not open the backup.
	ErrPassphrase = errors.New("the passphrase is wrong")

	// ErrIdentity: none of the age identities opens the backup.
	ErrIdentity = errors.New("none of the identities opens it")

	// ErrNeedsIdentity: the backup is encrypted to age recipients, not to a passphrase.
	ErrNeedsIdentity = errors.New("it is encrypted to age recipients")

	// ErrNeedsPassphrase: the backup is encrypted to a passphrase, not to age recipients.
	ErrNeedsPassphrase = errors.New("it is encrypted to a passphrase")
)

// line is a line of the plain text. One of its parts is set.
type line struct {
	Format  string          `json:"format,omitempty"` // the manifest
	Schema  int             `json:"schema,omitempty"`
	Made    time.Time       `json:"made,omitzero"`
	From    string          `json:"from,omitempty"`
	Version string          `json:"version,omitempty"`
	Grant   json.RawMessage `json:"grant,omitempty"`
	App     json.RawMessage `json:"app,omitempty"`
	End     *Counts         `json:"end,omitempty"`
}

func damaged(detail string, err error) error {
	return &store.Error{
		Op: "read backup", Kind: store.ErrDamaged, ID: "backup-damaged", Detail: "damaged (" + detail + ")", Err: err,
		Mend: "take another copy of the backup",
	}
}
