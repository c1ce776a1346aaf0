package sqlite_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

// Two stores on one database share nothing but the file and the kernel locks, like two processes.
func TestTwoStoresOnOneDatabase(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	storetest.Run(t, func(t *testing.T) store.Store {
		path := place(t)
		return &pair{Store: open(t, path, key), other: open(t, path, key)}
	})
}

// pair takes every second lease from the other store.
type pair struct {
	*sqlite.Store
	other *sqlite.Store
	count atomic.Int64
}

func (p *pair) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if p.count.Add(1)%2 == 0 {
		return p.other.Lease(ctx, alias)
	}
	return p.Store.Lease(ctx, alias)
}

func TestRemovedLockFileLosesTheLease(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err, os.Remove(path+"-locks/prod.lock"))
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Save after the lock file was removed: %v, want ErrLeaseLost", err)
	}
	do(t, l.Release())
	save(t, s, g)
}

// Should two hold the lease nevertheless, the generation decides, in the statement that writes.
func TestSaveIsFenced(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, "prod")
	g, err := s.Get(t.Context(), "prod")
	do(t, err)
	for _, old := range []uint64{0, 7} { // as if the grant had not been there, or in another generation, a moment ago
		zombie := g.Clone()
		zombie.Generation = old + 1
		zombie.Reason = "written by a zombie"
		if err := s.Put(t.Context(), zombie, old); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("write over generation %d: %v, want ErrLeaseLost", old, err)
		}
		expect(t, s, g)
	}
	l := lease(t, s, "prod")
	do(t, l.Delete(t.Context()), l.Release())
	if err := s.Put(t.Context(), g, 1); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("write over a deleted grant: %v, want ErrLeaseLost", err)
	}
	if _, err := s.Get(t.Context(), "prod"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the deleted grant came back: %v", err)
	}
}

// Another program holds a write transaction: reading goes on, and a save waits as long as its context.
func TestForeignTransaction(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	other := open(t, path, nil)
	run(t, other, `BEGIN IMMEDIATE`)
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := l.Save(short, g); !errors.Is(err, store.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Save: %v, want ErrLocked and the deadline", err)
	}
	if g.Generation != 1 {
		t.Errorf("a save that failed moved the generation to %d", g.Generation)
	}
	saved := make(chan error)
	go func() { saved <- l.Save(t.Context(), g) }()
	run(t, other, `COMMIT`)
	do(t, <-saved)
	expect(t, s, g)
}

// The settings that durability rests on: https://www.sqlite.org/pragma.html#pragma_synchronous
func TestDurableSettings(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, "prod")
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "trusted_schema": "0"} {
		var got string
		do(t, s.Writer().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("PRAGMA %s = %s, want %s", pragma, got, want)
		}
	}
}
