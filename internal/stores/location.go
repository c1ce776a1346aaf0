// Package stores names and opens stores by location: "file:DIR", "sqlite:PATH", "postgres://…", "sf:". It remembers in a data
// directory which databases its keys encrypt, so that no key is removed while one of them needs it.
//
// It decides for nobody which store is used. A location holds no password: one in a URL ends up in process lists, shell
// histories and this package's own file. Only internal/cli imports it.
package stores

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Kind is a kind of store.
type Kind string

// The kinds.
const (
	File     Kind = "file"
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
	SF       Kind = "sf"
)

// Location names a store.
type Location struct {
	Kind Kind
	Path string // directory of File and SF, database file of SQLite; absolute. SF's may be empty: the Salesforce CLI's own
	URL  string // of Postgres
}

// LocationError is a text that names no store. It never quotes a password.
type LocationError struct {
	Text   string
	Reason string
	ID     string
}

func (e *LocationError) Error() string {
	if e.Text == "" {
		return "choose store: " + e.Reason
	}
	return fmt.Sprintf("choose store %q: %s", e.Text, e.Reason)
}

// ErrorID identifies the error for explanations.
func (e *LocationError) ErrorID() string { return e.ID }

// ErrorData gives the placeholders of the explanation.
func (e *LocationError) ErrorData() map[string]string {
	return map[string]string{"store": e.Text, "reason": e.Reason}
}

// Parse reads a location. Empty text, "file" and "file:" are the store of grants in the data directory itself.
func Parse(text, dataDir string) (Location, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "", kind == string(File):
		if rest == "" {
			rest = dataDir
		}
		path, err := filepath.Abs(rest)
		return Location{Kind: File, Path: path}, err
	case kind == string(SQLite) && rest != "":
		path, err := filepath.Abs(rest)
		return Location{Kind: SQLite, Path: path}, err
	case kind == string(SF) && rest == "":
		return Location{Kind: SF}, nil
	case kind == string(SF):
		path, err := filepath.Abs(rest)
		return Location{Kind: SF, Path: path}, err
	case (kind == "postgres" || kind == "postgresql") && strings.HasPrefix(rest, "//"):
		return parseURL(text)
	}
	return Location{}, &LocationError{
		Text: withoutSecrets(text), ID: "store-unknown",
		Reason: "it is none of file:DIRECTORY, sqlite:FILE, postgres://USER@HOST/DATABASE and sf:",
	}
}

func parseURL(text string) (Location, error) {
	u, err := url.Parse(text)
	if err != nil { // the error of url.Parse quotes the text
		return Location{}, &LocationError{ID: "store-unknown", Reason: "the postgres:// URL cannot be read"}
	}
	_, inUser := u.User.Password()
	query := u.Query()
	if inUser || query.Has("password") || query.Has("sslpassword") {
		return Location{}, &LocationError{
			ID:     "store-password",
			Reason: "the postgres:// URL has a password in it, which others can see; give it in PGPASSWORD, PGPASSFILE or a service file",
		}
	}
	return Location{Kind: Postgres, URL: text}, nil
}

// withoutSecrets keeps what may be a password out of an error: of what nobody understands only its scheme is told.
func withoutSecrets(text string) string {
	scheme, _, ok := strings.Cut(text, ":")
	if !ok || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return scheme + ":…"
}

// String is the location as Parse reads it.
func (l Location) String() string {
	if l.Kind == Postgres {
		return l.URL
	}
	return string(l.Kind) + ":" + l.Path
}

// Same reports whether two locations are the same store, as far as files tell: a link leads to the same one. That two URLs
// lead to one database is noticed only if they are equal.
func (l Location) Same(other Location) bool {
	if l.Kind != other.Kind || l.Kind == Postgres {
		return l == other
	}
	a, errA := os.Stat(l.Path)
	b, errB := os.Stat(other.Path)
	return l == other || errA == nil && errB == nil && os.SameFile(a, b)
}

// DataDir is the data directory whose keys encrypt the store: a store of files has its own, a database the user's.
func (l Location) DataDir(dataDir string) string {
	if l.Kind == File {
		return l.Path
	}
	return dataDir
}

// Shared reports whether other machines may use the store.
func (l Location) Shared() bool { return l.Kind == Postgres }
