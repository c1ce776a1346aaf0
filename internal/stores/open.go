package stores

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/sf"
	"github.com/sftoken/sftoken/store/sqlite"
)

// ErrMissing: there is no database at the location.
var ErrMissing = errors.New("there is no such database")

// Options say how a store is opened.
type Options struct {
	DataDir string    // Location.DataDir
	Keys    *keys.Set // nil: aliases can be listed and grants deleted, but none read or saved
	Create  bool      // make an SQLite database that does not exist; else that is ErrMissing
	// SF says what sf's environment says of its key, and which hosts are allowed. The rest of it is set here.
	SF sf.Options
}

// Open opens the store at a location. One other than the data directory's own is remembered as one that the keys encrypt.
func Open(ctx context.Context, l Location, o Options) (store.Store, error) {
	if l.Kind == File {
		return file.Open(ctx, file.Options{Dir: l.Path, Key: o.Keys})
	}
	if l.Kind == SQLite && !o.Create {
		if _, err := os.Lstat(l.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, &store.Error{
				Op: "open store", Path: l.Path, Kind: ErrMissing, ID: "store-missing",
				Mend: "see that the path is right; a login makes a new database",
			}
		}
	}
	s, err := openOther(ctx, l, o)
	if err != nil || o.Keys == nil {
		return s, err
	}
	// Before anything is encrypted in it. In a data directory that cannot be written to no key can be retired either.
	if err := remember(ctx, o.DataDir, l); err != nil && !errors.Is(err, store.ErrReadOnly) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openOther(ctx context.Context, l Location, o Options) (store.Store, error) {
	switch l.Kind {
	case SQLite:
		return sqlite.Open(ctx, sqlite.Options{Path: l.Path, Key: o.Keys})
	case SF:
		o.SF.Dir, o.SF.Sidecar, o.SF.Key = l.Path, l.sidecar(o.DataDir), o.Keys
		return sf.Open(ctx, o.SF)
	}
	return postgres.Open(ctx, postgres.Options{DSN: l.URL, Key: o.Keys, SpoolDir: l.SpoolDir(o.DataDir)})
}

// SpoolDir is where a store keeps what it could not save.
func (l Location) SpoolDir(dataDir string) string {
	switch l.Kind {
	case File:
		return filepath.Join(l.Path, "spool")
	case SQLite:
		return l.Path + "-spool"
	case SF:
		return filepath.Join(l.sidecar(dataDir), "spool")
	}
	return filepath.Join(dataDir, "spool-postgres-"+digest(l.URL))
}

// sidecar is where a store of sf keeps what sf's files have no place for.
func (l Location) sidecar(dataDir string) string { return filepath.Join(dataDir, "sf-"+digest(l.Path)) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
