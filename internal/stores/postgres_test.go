package stores_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sftoken/sftoken/internal/rekey"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/internal/transfer"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
	"github.com/sftoken/sftoken/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Clean()
	os.Exit(code)
}

// From files to SQLite, to PostgreSQL, with a new key on the way: the grants stay what they are.
func TestThroughAllStores(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dir := filepath.Join(t.TempDir(), "data")
	options := keys.Options{Dir: dir, Place: keys.File}
	set, _, err := keys.Create(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	var all []store.Store
	for _, text := range []string{"", "sqlite:" + filepath.Join(dir, "x.db"), server.DSN(server.NewDatabase(t))} {
		l, err := stores.Parse(text, dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stores.Open(t.Context(), l, stores.Options{DataDir: dir, Keys: set, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		all = append(all, s)
	}
	aliases := []string{"a", "b", "c"}
	for _, alias := range aliases {
		save(t, all[0], storetest.Grant(alias))
	}
	for i, to := range all[1:] {
		for r := range transfer.Copy(t.Context(), all[i], to, aliases, transfer.Options{}) {
			if r.Verdict != transfer.Added {
				t.Errorf("copy %s to %v: %s, %v", r.Alias, to, r.Verdict, r.Err)
			}
		}
	}
	r, err := rekey.Run(t.Context(), set, rekey.Options{Keys: options, Stores: all, Retire: true})
	if err != nil || len(r.Failed) > 0 || r.Sealed != 9 || len(r.Retired) != 1 {
		t.Fatalf("rekey: %+v, %v", r, err)
	}
	for _, s := range all {
		for _, alias := range aliases {
			g, err := s.Get(t.Context(), alias)
			if err != nil {
				t.Error(err)
				continue
			}
			g.Generation = storetest.Grant(alias).Generation
			if diff := storetest.Diff(storetest.Grant(alias), g); diff != "" {
				t.Errorf("%v: %s changed (-want +got):\n%s", s, alias, diff)
			}
			if ids, err := s.(store.Encrypted).KeyIDs(t.Context(), alias); err != nil || !slices.Equal(ids, []string{set.ID()}) {
				t.Errorf("%v: %s is encrypted with %v, %v", s, alias, ids, err)
			}
		}
	}
}

func save(t *testing.T, s store.Store, g *store.Grant) {
	t.Helper()
	l, err := s.Lease(t.Context(), g.Alias)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Save(t.Context(), g), l.Release()); err != nil {
		t.Fatal(err)
	}
}
