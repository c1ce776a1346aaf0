package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/storetest"
)

// elsewhere is a store whose spool is on "another disk".
func elsewhere(t *testing.T) (s *file.Store, grant, spool string) {
	t.Helper()
	dir := t.TempDir()
	s, err := file.Open(t.Context(), file.Options{Dir: filepath.Join(dir, "data"), SpoolDir: filepath.Join(dir, "other", "spool"), Key: keys.Generate()})
	do(t, err)
	return s, filepath.Join(dir, "data/grants/prod.grant"), filepath.Join(dir, "other/spool/prod.spool")
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
	got, err := s.Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(want, got); diff != "" {
		t.Errorf("the store has another grant (-want +got):\n%s", diff)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestSpoolIsReplayedAtTheNextLease(t *testing.T) {
	t.Parallel()
	s, _, spool := elsewhere(t)
	save(t, s, storetest.Grant("prod"))
	g := rotated(t, s, "answer")
	do(t, s.Spool(t.Context(), g))
	expect(t, s, g)
	if !exists(spool) {
		t.Fatal("reading removed the spool")
	}
	lease(t, s, "prod")
	expect(t, s, g)
	if exists(spool) {
		t.Error("after the lease the spool is still there")
	}
}

func TestSpoolOfAGrantNeverSaved(t *testing.T) {
	t.Parallel()
	s, grant, _ := elsewhere(t)
	g := storetest.Grant("prod")
	do(t, s.Spool(t.Context(), g))
	expect(t, s, g)
	if got, err := s.Aliases(t.Context()); err != nil || len(got) != 1 || got[0] != "prod" {
		t.Errorf("Aliases = %q, %v; want prod", got, err)
	}
	lease(t, s, "prod")
	expect(t, s, g)
	if !exists(grant) {
		t.Error("after the lease the grant is not in its place")
	}
}

// What crashes between the steps leave behind; see the package comment.
func TestSpoolAfterCrash(t *testing.T) {
	t.Parallel()
	t.Run("put into place but not removed", func(t *testing.T) {
		t.Parallel()
		s, _, spool := elsewhere(t)
		save(t, s, storetest.Grant("prod"))
		g := rotated(t, s, "answer")
		do(t, s.Spool(t.Context(), g))
		left, err := os.ReadFile(spool)
		do(t, err)
		l := lease(t, s, "prod")
		do(t, l.Release(), os.WriteFile(spool, left, 0o600))
		expect(t, s, g)
		lease(t, s, "prod")
		expect(t, s, g)
		if exists(spool) {
			t.Error("the spool is still there")
		}
	})
	t.Run("older than the grant", func(t *testing.T) {
		t.Parallel()
		s, _, spool := elsewhere(t)
		save(t, s, storetest.Grant("prod"))
		g := rotated(t, s, "answer")
		do(t, s.Spool(t.Context(), g))
		left, err := os.ReadFile(spool)
		do(t, err)
		g.RefreshToken = sftoken.NewSecret("later answer")
		save(t, s, g)
		do(t, os.WriteFile(spool, left, 0o600))
		expect(t, s, g)
		lease(t, s, "prod")
		expect(t, s, g)
		if exists(spool) {
			t.Error("the spool is still there")
		}
	})
	t.Run("half written", func(t *testing.T) {
		t.Parallel()
		s, _, spool := elsewhere(t)
		save(t, s, storetest.Grant("prod"))
		g := rotated(t, s, "answer")
		do(t, os.MkdirAll(filepath.Dir(spool), 0o700))
		half := filepath.Join(filepath.Dir(spool), ".prod.spool.new")
		do(t, os.WriteFile(half, []byte("half"), 0o600))
		lease(t, s, "prod")
		if exists(half) {
			t.Error("half a spool is still there")
		}
		do(t, s.Spool(t.Context(), g))
		expect(t, s, g)
	})
}

func TestSpoolThatCannotBeReadStopsTheGrant(t *testing.T) {
	t.Parallel()
	s, _, spool := elsewhere(t)
	save(t, s, storetest.Grant("prod"))
	do(t, s.Spool(t.Context(), rotated(t, s, "answer")), os.Truncate(spool, 50))
	for range 2 { // a lease in between does not remove it
		_, err := s.Get(t.Context(), "prod")
		if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), spool) || !strings.Contains(err.Error(), "may be spent") {
			t.Errorf("Get: %v, want ErrDamaged with the spool's path and what removing it means", err)
		}
		do(t, lease(t, s, "prod").Release())
	}
	do(t, lease(t, s, "prod").Delete(t.Context()))
	if exists(spool) {
		t.Error("a deleted grant's spool is still there")
	}
}

func TestSpoolNeverGoesBack(t *testing.T) {
	t.Parallel()
	s, _, _ := elsewhere(t)
	save(t, s, storetest.Grant("prod"))
	old := rotated(t, s, "older")
	g := rotated(t, s, "answer")
	do(t, s.Spool(t.Context(), g))
	if err := s.Spool(t.Context(), old); !errors.Is(err, store.ErrStale) {
		t.Errorf("Spool of an older generation: %v, want ErrStale", err)
	}
	expect(t, s, g)
}

// A grant's place that cannot be written leaves the spool to be read, saved over, and replayed when it can.
func TestReplayWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	s, grant, spool := elsewhere(t)
	save(t, s, storetest.Grant("prod"))
	g := rotated(t, s, "answer")
	do(t, s.Spool(t.Context(), g))
	blocker := filepath.Join(filepath.Dir(grant), ".prod.grant.new")
	do(t, os.MkdirAll(filepath.Join(blocker, "x"), 0o700)) // the temporary file cannot be made
	l := lease(t, s, "prod")
	expect(t, s, g)
	if !exists(spool) {
		t.Fatal("the spool was removed before it was in place")
	}
	do(t, l.Release(), os.RemoveAll(blocker))
	lease(t, s, "prod")
	expect(t, s, g)
	if exists(spool) {
		t.Error("the spool is still there")
	}
}
