package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, place(t), keys.Generate()) })
}

// place is where a database can be made.
func place(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "sftoken.db") }

func open(t testing.TB, path string, key *keys.Set) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// filled returns a store with one grant, and the path of its database.
func filled(t testing.TB, alias string) (*sqlite.Store, string) {
	t.Helper()
	path := place(t)
	s := open(t, path, keys.Generate())
	save(t, s, storetest.Grant(alias))
	return s, path
}

func lease(t testing.TB, s store.Store, alias string) store.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), alias)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release() })
	return l
}

func save(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	l := lease(t, s, g.Alias)
	do(t, l.Save(t.Context(), g), l.Release())
}

func rotated(t *testing.T, s store.Store, token string) *store.Grant {
	t.Helper()
	g, err := s.Get(t.Context(), "prod")
	do(t, err)
	g.RefreshToken = sftoken.NewSecret(token)
	return g
}

func expect(t *testing.T, s store.Store, want *store.Grant) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Alias)
	do(t, err)
	if diff := storetest.Diff(want, got); diff != "" {
		t.Errorf("the store has another grant (-want +got):\n%s", diff)
	}
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
