package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sftoken/sftoken/store"
)

const (
	// A waiter that nobody wakes asks after firstPoll, then less and less often. A refresh holds a lease for a third of a second.
	firstPoll = 10 * time.Millisecond
	maxPoll   = 250 * time.Millisecond
	// releaseTime bounds the attempt to give a lease back, which runs out by itself if that fails.
	releaseTime = 5 * time.Second
)

// turn orders this process's goroutines that want the lease of one alias, so that one of them asks the database, and knows
// what a lease must know of the one before it.
type turn struct {
	token chan struct{}

	mu    sync.Mutex
	floor uint64   // no generation up to this one is given again
	base  uint64   // saves of this generation …
	tried []uint64 // … as these broke off, and may have happened
}

// lease is the right that comes with a fence.
type lease struct {
	s     *Store
	alias string
	fence int64
	turn  *turn

	lost  atomic.Bool // somebody else has it
	renew context.CancelFunc
	ended chan struct{} // closed when the renewing has ended

	mu       sync.Mutex
	released bool
}

// Lease implements store.Store. It puts a spooled grant into its place; if that fails the spool stays, and Load returns it.
func (s *Store) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, store.WaitError(alias, ctx.Err())
	}
	found, _ := s.turns.LoadOrStore(alias, &turn{token: make(chan struct{}, 1)})
	l := &lease{s: s, alias: alias, turn: found.(*turn), ended: make(chan struct{})}
	select {
	case l.turn.token <- struct{}{}:
	case <-ctx.Done():
		return nil, store.WaitError(alias, ctx.Err())
	}
	if err := l.take(ctx); err != nil {
		<-l.turn.token
		return nil, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.renew = stop
	go l.keep(renewing)
	l.replay(ctx)
	return l, nil
}

// take waits for the lease's row. While somebody has it, it only looks: to try would lock the row.
func (l *lease) take(ctx context.Context) error {
	freed, forget := l.s.ears.subscribe(l.alias)
	defer forget()
	var left time.Duration // until the lease that somebody else has runs out
	var holder string
	for delay := l.s.poll; ; delay = max(l.s.poll, min(delay*3/2, maxPoll)) {
		var taken bool
		var err error
		if left <= 0 {
			taken, err = l.acquire(ctx)
		}
		if err == nil && !taken {
			left, err = l.left(ctx, &holder)
		}
		switch {
		case taken:
			return nil
		case ctx.Err() != nil:
			return waitError(l.alias, holder, ctx.Err())
		case err != nil:
			return located(l.s.failure(ctx, err), "lease", l.alias)
		}
		select {
		case <-freed:
			left = 0
		case <-time.After(min(delay/2+rand.N(delay), left)):
		case <-ctx.Done():
		}
	}
}

// acquire takes the row if it is free. It may be repeated: the row knows its owner.
func (l *lease) acquire(ctx context.Context) (taken bool, err error) {
	var floor uint64
	err = l.s.read(ctx, func() error {
		return l.s.pool.QueryRow(ctx, sqlAcquire, l.alias, l.s.owner, l.s.term.Seconds()).Scan(&l.fence, &floor, nil)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.turn.mu.Lock()
	defer l.turn.mu.Unlock()
	l.turn.floor, l.turn.tried = floor, nil // whatever broke off has ended: it held the row
	return true, nil
}

// left says for how long somebody holds the lease, unless he renews it, and who.
func (l *lease) left(ctx context.Context, holder *string) (time.Duration, error) {
	var owner string
	var seconds float64
	err := l.s.read(ctx, func() error { return l.s.pool.QueryRow(ctx, sqlHolder, l.alias).Scan(&owner, &seconds) })
	if err == nil {
		*holder = owner
	}
	return time.Duration(seconds * float64(time.Second)), err
}

func waitError(alias, holder string, cause error) error {
	err := store.WaitError(alias, cause)
	if e, ok := errors.AsType[*store.Error](err); ok && e.Kind != nil && holder != "" {
		e.Detail = "somebody else holds the lease: process " + holder
	}
	return err
}

// keep renews the lease until it is released or lost.
func (l *lease) keep(ctx context.Context) {
	defer close(l.ended)
	tick := time.NewTicker(l.s.term / 3)
	defer tick.Stop()
	for !l.lost.Load() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, l.s.term/3)
		tag, err := l.s.pool.Exec(within, sqlRenew, l.alias, l.s.owner, l.fence, l.s.term.Seconds())
		cancel()
		if err == nil && tag.RowsAffected() == 0 {
			l.lost.Store(true)
		} // after an error the next tick tries again: as long as nobody takes it, the lease is good
	}
}

// held locks the lease for one operation, or says why it cannot go on.
func (l *lease) held(ctx context.Context, op string) (unlock func(), err error) {
	l.mu.Lock()
	switch {
	case l.released:
		err = &store.Error{Op: op, Alias: l.alias, Kind: store.ErrLeaseLost, Detail: "the lease was released"}
	case l.lost.Load():
		err = l.loss()
	case ctx.Err() != nil:
		err = &store.Error{Err: ctx.Err()}
	default:
		return l.mu.Unlock, nil
	}
	l.mu.Unlock()
	return nil, located(err, op, l.alias)
}

// loss is what the database said, or says to everything from now on.
func (l *lease) loss() error {
	l.lost.Store(true)
	return &store.Error{
		Kind: store.ErrLeaseLost, Mend: "take it again and load the grant",
		Detail: "the lease is lost: it ran out and somebody else took it, or the database crashed just after giving it",
	}
}

// Release implements store.Lease.
func (l *lease) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return nil
	}
	l.released = true
	l.renew()
	<-l.ended
	defer func() { <-l.turn.token }()
	if l.lost.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	err := l.s.read(ctx, func() error {
		_, err := l.s.pool.Exec(ctx, sqlRelease, l.alias, l.s.owner, l.fence)
		return err
	})
	if err != nil {
		return located(l.s.failure(ctx, err), "release", l.alias)
	}
	return nil
}

// String keeps keys and grants out of logs.
func (l *lease) String() string { return "lease on " + l.alias }

// GoString does so for %#v.
func (l *lease) GoString() string { return l.String() }

// after is the generation that follows g's, and those that a save of g may find in the database.
func (t *turn) after(g *store.Grant) (next uint64, known []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known = []uint64{g.Generation}
	if t.base == g.Generation {
		known = append(known, t.tried...)
	}
	return max(slices.Max(append(known, t.tried...)), t.floor) + 1, known
}

// doubt notes that a save of g as next broke off.
func (t *turn) doubt(g *store.Grant, next uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != g.Generation {
		t.base, t.tried = g.Generation, nil
	}
	t.tried = append(t.tried, next)
}
