package sf

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/store"
)

// lease is sf's lock on the rotation of a user's refresh token. Leases of one alias queue up at a kernel lock first.
type lease struct {
	s     *Store
	alias string

	mu       sync.Mutex
	queue    *lock.Lock
	user     string // "" until a new login is saved
	rotation *claim // nil as long as there is no user
	reserves reserves
	half     *half
}

// half is what a Save that has failed left: sf's file is written, the sidecar is not.
type half struct {
	file       fs.FileInfo
	generation uint64 // before that Save
}

// Lease implements store.Store.
func (s *Store) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, store.WaitError(alias, ctx.Err())
	}
	for _, dir := range []string{s.sidecar, filepath.Join(s.sidecar, "grants")} {
		if err := durable.MakeDir(dir); err != nil {
			return nil, located(err, "lease", alias)
		}
	}
	queue, err := s.locks.Take(ctx, alias)
	if err != nil {
		return nil, located(err, "lease", alias)
	}
	l := &lease{s: s, alias: alias, queue: queue}
	if err := l.open(ctx); err != nil {
		_ = l.Release()
		return nil, located(err, "lease", alias)
	}
	return l, nil
}

// open takes sf's lock if there is a login, or may be one, and puts into place what a crash has left.
func (l *lease) open(ctx context.Context) error {
	user, err := l.s.userOf(ctx, l.alias)
	if err != nil || user == "" || !l.s.there() {
		return err
	}
	if err := l.claim(ctx, user); err != nil {
		return err
	}
	l.s.sweep(user)
	l.s.replay(ctx, user)
	l.s.adopt(ctx, user)
	return nil
}

// there tells whether sf has a directory at all. Without one there is nothing to lock, and nowhere to save to.
func (s *Store) there() bool { return durable.Stamp(s.dir) != nil }

func (l *lease) claim(ctx context.Context, user string) error {
	c, err := take(ctx, l.s.loginPath(user)+".token-rotation.lock", l.s.locks)
	if err != nil {
		if ctx.Err() != nil {
			return store.WaitError(l.alias, ctx.Err())
		}
		return err
	}
	l.user, l.rotation = user, c
	return nil
}

// adopt makes a generation of its own of a change by sf, so that the next one is another. What cannot be saved now is seen
// anew by the next reader.
func (s *Store) adopt(ctx context.Context, user string) {
	if s.key == nil {
		return
	}
	l, aside, err := s.both(ctx, user)
	if err != nil {
		return
	}
	if g := l.merge(aside); aside == nil || g.Generation != aside.Generation {
		_ = s.writeSidecar(user, g, nil)
	}
}

// held locks the lease for one operation, or says why it cannot go on.
func (l *lease) held(ctx context.Context, op string) (unlock func(), err error) {
	l.mu.Lock()
	if err = l.queue.Held(); err == nil && l.rotation != nil {
		err = l.rotation.held()
	}
	if err == nil && ctx.Err() != nil {
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
	g, err := l.s.read(ctx, l.user, l.alias)
	return g, located(err, "load", l.alias)
}

// Delete implements store.Lease. As sf's logout does, it removes the login with all its aliases.
func (l *lease) Delete(ctx context.Context) error {
	unlock, err := l.held(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	l.half = nil
	if l.user == "" {
		return nil
	}
	return located(l.remove(ctx), "delete", l.alias)
}

func (l *lease) remove(ctx context.Context) error {
	s, path := l.s, l.s.loginPath(l.user)
	if err := s.spool.Remove(nameOf(l.user)); err != nil {
		return err
	}
	writing, err := take(ctx, path+".lock", s.locks)
	if err != nil {
		return err
	}
	err = durable.Remove(path)
	if err = errors.Join(err, writing.release()); err != nil {
		return err
	}
	if err := s.forgetUser(ctx, l.user); err != nil {
		return err
	}
	return durable.Remove(s.sidecarPath(l.user))
}

// Release implements store.Lease.
func (l *lease) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserves.discard()
	var err error
	if l.rotation != nil {
		err = l.rotation.release()
		l.rotation = nil
	}
	return located(errors.Join(err, l.queue.Release()), "release", l.alias)
}

// String keeps keys and grants out of logs.
func (l *lease) String() string { return "lease on " + l.alias }

// sweep removes the temporary files that a crashed holder of the lease left.
func (s *Store) sweep(user string) {
	for _, what := range []string{"new", "reserve"} {
		durable.Sweep(filepath.Join(s.dir, tempLogin(user, what)))
		durable.Sweep(tempSidecar(s.sidecarPath(user), what))
	}
}
