// Package place opens stores that several processes of a test share. A Place fits into an argument as JSON.
//
// For tests only.
package place

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
	"github.com/sftoken/sftoken/store/sqlite"
)

// Place says where a store is.
type Place struct {
	Kind string // one of Kinds
	Dir  string // of the key, and of what the store keeps in files
	DSN  string // of the database, if it is a server's

	// LeaseTerm is how long a lease outlives its process, where it does; 0: the store's default.
	LeaseTerm time.Duration
}

// opener opens a store.
type opener func(ctx context.Context, p Place, key *keys.Set) (store.Store, error)

var openers = map[string]opener{
	"file": func(ctx context.Context, p Place, key *keys.Set) (store.Store, error) {
		return file.Open(ctx, file.Options{Dir: p.Dir, Key: key})
	},
	"sqlite": func(ctx context.Context, p Place, key *keys.Set) (store.Store, error) {
		return sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(p.Dir, "grants.db"), Key: key})
	},
	"postgres": func(ctx context.Context, p Place, key *keys.Set) (store.Store, error) {
		return postgres.Open(ctx, postgres.Options{
			DSN: p.DSN, ListenDSN: p.DSN, Key: key, SpoolDir: filepath.Join(p.Dir, "spool"), LeaseTerm: p.LeaseTerm,
		})
	},
}

// Kinds are the stores that processes can share.
var Kinds = []string{"file", "sqlite", "postgres"}

// New returns a fresh place for one test, on a database server of its own if it needs one.
func New(t testing.TB, kind string) Place {
	t.Helper()
	p := Place{Kind: kind, Dir: filepath.Join(t.TempDir(), "data")}
	if kind == "postgres" {
		server := pgtest.Start(t)
		p.DSN = server.DSN(server.NewDatabase(t))
	}
	return p
}

// Open opens the store, and makes its key first if it has none.
func (p Place) Open(ctx context.Context) (store.Store, error) {
	open, ok := openers[p.Kind]
	if !ok {
		return nil, fmt.Errorf("open store of a test: no kind %q", p.Kind)
	}
	key, _, err := keys.Create(ctx, keys.Options{Dir: p.Dir, Place: keys.File})
	if err != nil {
		return nil, err
	}
	return open(ctx, p, key)
}
