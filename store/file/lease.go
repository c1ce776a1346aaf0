package file

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/sftoken/sftoken/internal/durable"
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

// seen is a generation and the files that it is known from. The lease excludes those who write: as long as these files are
// there, they need not be read again.
type seen struct {
	grant, spool fs.FileInfo
	generation   uint64
}

// Lease implements store.Store. It makes the directories if they are missing, removes what a crashed holder left and puts a
// spooled grant into its place; if that fails the spool stays, and Load returns it.
func (s *Store) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, store.WaitError(alias, ctx.Err())
	}
	for _, dir := range []string{s.dir, s.grants} {
		if err := durable.MakeDir(dir); err != nil {
			return nil, located(err, "lease", alias)
		}
	}
	held, err := s.locks.Take(ctx, alias)
	if err != nil {
		return nil, located(err, "lease", alias)
	}
	s.sweep(alias)
	s.spool.Replay(alias, func() (*store.Grant, error) { return s.saved(alias) },
		func(spooled, _ *store.Grant) error { return s.put(spooled) })
	return &lease{s: s, alias: alias, lock: held}, nil
}

// held locks the lease for one operation, or says why it cannot go on.
func (l *lease) held(ctx context.Context, op string) (unlock func(), err error) {
	l.mu.Lock()
	if err = l.lock.Held(); err == nil && ctx.Err() != nil {
		err = &store.Error{Err: ctx.Err()}
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
	g, err := l.load()
	return g, located(err, "load", l.alias)
}

func (l *lease) load() (*store.Grant, error) {
	look := l.look() // first: a file that is replaced after this look is read again
	g, err := l.s.read(l.alias)
	l.seen = nil
	if err == nil {
		look.generation = g.Generation
	}
	if err == nil || errors.Is(err, store.ErrNotFound) {
		l.seen = look
	}
	return g, err
}

func (l *lease) look() *seen {
	return &seen{grant: durable.Stamp(l.s.grantPath(l.alias)), spool: l.s.spool.Stamp(l.alias)}
}

// generation is that of the newest grant; 0 if there is none.
func (l *lease) generation() (uint64, error) {
	if err := l.s.check(); err != nil {
		return 0, err
	}
	if look := l.look(); l.seen == nil || !durable.Same(l.seen.grant, look.grant) || !durable.Same(l.seen.spool, look.spool) {
		if _, err := l.load(); err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
	}
	return l.seen.generation, nil
}

// Delete implements store.Lease.
func (l *lease) Delete(ctx context.Context) error {
	unlock, err := l.held(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	l.seen = nil
	if err = l.s.spool.Remove(l.alias); err == nil {
		err = durable.Remove(l.s.grantPath(l.alias))
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
