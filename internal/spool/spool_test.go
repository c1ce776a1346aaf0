package spool_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sftoken/sftoken/internal/spool"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

// What stores promise of their spools is tested in store/file.

func fresh(t *testing.T) spool.Spool {
	return spool.Spool{Dir: filepath.Join(t.TempDir(), "spool"), Kind: "test", Key: keys.Generate()}
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestPutAfterACrashedPut(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	do(t, s.Put(storetest.Grant("test")), os.WriteFile(filepath.Join(s.Dir, ".prod.spool.new"), []byte("half"), 0o600))
	g := storetest.Grant("prod")
	do(t, s.Put(g))
	got, err := s.Get("prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" || g.Generation != 1 {
		t.Errorf("spooled (-want +got):\n%s", diff)
	}
	if aliases, err := s.Aliases(); err != nil || !slices.Equal(slices.Sorted(slices.Values(aliases)), []string{"prod", "test"}) {
		t.Errorf("Aliases = %q, %v", aliases, err)
	}
	if ids, err := s.KeyIDs("prod"); err != nil || !slices.Equal(ids, []string{s.Key.ID()}) {
		t.Errorf("KeyIDs = %q, %v; want %s", ids, err, s.Key.ID())
	}
	if ids, err := s.KeyIDs("none"); err != nil || len(ids) > 0 {
		t.Errorf("KeyIDs of what is not spooled = %q, %v", ids, err)
	}
}

// The answer must not be lost because the data directory, with the record of the keys, is the disk that failed.
func TestPutWithoutTheRecordOfKeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	key, _, err := keys.Create(t.Context(), keys.Options{Dir: dir, Place: keys.File})
	do(t, err, os.Rename(dir, dir+"~"))
	s := spool.Spool{Dir: filepath.Join(t.TempDir(), "spool"), Kind: "test", Key: key}
	g := storetest.Grant("prod")
	do(t, s.Put(g))
	if got, err := s.Get("prod"); err != nil || storetest.Diff(g, got) != "" {
		t.Errorf("spooled: %v, or another grant", err)
	}
}

func TestSpoolsOfOthersDoNotOpen(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	do(t, s.Put(storetest.Grant("prod")))
	other := s
	other.Kind = "another store's"
	if _, err := other.Get("prod"); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Get by another kind of store: %v, want ErrDamaged", err)
	}
	do(t, s.Remove("prod"), s.Remove("prod"))
	if _, err := s.Get("prod"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get after Remove: %v, want ErrNotFound", err)
	}
	keyless := spool.Spool{Dir: s.Dir, Kind: s.Kind}
	if err := keyless.Put(storetest.Grant("prod")); !errors.Is(err, store.ErrKeyLost) {
		t.Errorf("Put without a key: %v, want ErrKeyLost", err)
	}
}
