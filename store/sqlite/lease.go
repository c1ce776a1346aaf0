package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"sync"

	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/store"
)

// lease is the kernel lock on a grant's lock file.
type lease struct {
	s     *Store
	alias string

	mu   sync.Mutex
	lock *lock.Lock
	room bool  // set aside by Probe
	seen *seen // by the last Load or Save
}

// seen are the generations that the row and the newer of row and spool had. The lease excludes those who write: as long as
// the spool is the same they need not be read again. Should the row be another, it refuses to be replaced.
type seen struct {
	spool         fs.FileInfo
	saved, newest uint64
}

// Lease implements store.Store. It removes what a crashed holder left and puts a spooled grant into its place; if that
// fails the spool stays, and Load returns it.
func (s *Store) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, located(err, "lease", alias)
	}
	held, err := s.locks.Take(ctx, alias)
	if err != nil {
		return nil, located(err, "lease", alias)
	}
	s.spool.Replay(alias,
		func() (*store.Grant, error) { return s.saved(ctx, alias) },
		func(spooled, saved *store.Grant) error { return s.put(ctx, spooled, generation(saved)) })
	return &lease{s: s, alias: alias, lock: held}, nil
}

// held locks the lease for one operation, or says why it cannot go on.
func (l *lease) held(ctx context.Context, op string) (unlock func(), err error) {
	l.mu.Lock()
	if err = l.lock.Held(); err == nil {
		err = l.s.ready(ctx, op, l.alias)
	}
	if err != nil {
		l.mu.Unlock()
		return nil, located(err, op, l.alias)
	}
	return l.mu.Unlock, nil
}

// Load implements store.Lease.
func (l *lease) Load(ctx context.Context) (*store.Grant, error) {
	unlock, err := l.held(ctx, "load")
	if err != nil {
		return nil, err
	}
	defer unlock()
	g, err := l.load(ctx)
	return g, located(err, "load", l.alias)
}

func (l *lease) load(ctx context.Context) (*store.Grant, error) {
	look := &seen{spool: l.s.spool.Stamp(l.alias)} // first: a spool that changes after this look is read again
	l.seen = nil
	g, err := l.s.spool.Newer(l.alias, func() (*store.Grant, error) {
		g, err := l.s.saved(ctx, l.alias)
		look.saved = generation(g)
		return g, err
	})
	look.newest = generation(g)
	if err == nil || errors.Is(err, store.ErrNotFound) {
		l.seen = look
	}
	return g, err
}

// Delete implements store.Lease. The spool goes first, so that a deleted grant does not come back.
func (l *lease) Delete(ctx context.Context) error {
	unlock, err := l.held(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	l.seen = nil
	if err = l.s.spool.Remove(l.alias); err == nil {
		err = l.s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.StmtContext(ctx, l.s.remove).ExecContext(ctx, l.alias)
			return err
		})
	}
	return located(err, "delete", l.alias)
}

// Release implements store.Lease.
func (l *lease) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveRoom()
	return located(l.lock.Release(), "release", l.alias)
}

func (l *lease) giveRoom() {
	if l.room {
		l.s.room.Give()
		l.room = false
	}
}

// String keeps keys and grants out of logs.
func (l *lease) String() string { return "lease on " + l.alias }

// generation is that of a grant, 0 if there is none.
func generation(g *store.Grant) uint64 {
	if g == nil {
		return 0
	}
	return g.Generation
}
