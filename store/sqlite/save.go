package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// reserveSize is what Probe sets aside at least. A grant of 2 KiB changes half a dozen pages of 4 KiB.
const reserveSize = 128 << 10

// patience is how long a write waits for another program's transaction. Ours take a millisecond.
const patience = 10 * time.Second

// Save implements store.Lease.
func (l *lease) Save(ctx context.Context, g *store.Grant) error {
	unlock, err := l.held(ctx, "save")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.save(ctx, g), "save", l.alias)
}

func (l *lease) save(ctx context.Context, g *store.Grant) error {
	if l.seen == nil || !durable.Same(l.seen.spool, l.s.spool.Stamp(l.alias)) {
		if _, err := l.load(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err // nothing is written over what cannot be read
		}
	}
	if err := store.CheckSave(l.alias, g, l.seen.newest); err != nil {
		return err
	}
	saved := l.seen.saved
	l.seen = nil // until it is known whether the save holds
	next := *g
	next.Generation++
	err := l.s.put(ctx, &next, saved)
	if errors.Is(err, store.ErrNoSpace) && l.reserve != nil {
		l.reserve.Discard()
		l.reserve = nil
		err = l.s.put(ctx, &next, saved)
	}
	if err != nil {
		return err
	}
	g.Generation++
	_ = l.s.spool.Remove(l.alias) // older than the grant now: if it stays, nobody reads it
	l.seen = &seen{spool: l.s.spool.Stamp(l.alias), saved: g.Generation, newest: g.Generation}
	return nil
}

// put writes g, in the generation that it has, in the place of the row that has the generation old (0: there is none).
func (s *Store) put(ctx context.Context, g *store.Grant, old uint64) error {
	data, err := sealed.SealGrant(s.key, grantKind, g)
	if err != nil {
		return err
	}
	id, err := keys.SealedWith(data) // not the key's own: it may be another by now
	if err != nil {
		return err
	}
	stmt, args := s.insert, []any{g.Generation, int64(g.State), micros(g.RefreshedAt), id, data, g.Alias}
	if old > 0 {
		stmt, args = s.update, append(args, old)
	}
	return s.change(ctx, func(ctx context.Context) error {
		result, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return &store.Error{Path: s.path, Kind: store.ErrLeaseLost, Detail: "the lease is lost: somebody changed the grant without it"}
	})
}

// change waits for the turn to write, and writes. The context ends the waiting, for other goroutines and for other programs'
// transactions; a write that has begun goes on, since half way it would not be known whether it holds.
func (s *Store) change(ctx context.Context, write func(ctx context.Context) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.failure(ctx, ctx.Err())
	}
	began := time.Now()
	for {
		err := write(context.WithoutCancel(ctx))
		switch {
		case err == nil:
			return nil
		case !isBusy(err) || time.Since(began) > patience:
			return s.failure(context.WithoutCancel(ctx), err)
		case ctx.Err() != nil:
			return s.failure(ctx, err)
		}
	}
}

// Probe implements store.Lease.
func (l *lease) Probe(ctx context.Context) error {
	unlock, err := l.held(ctx, "probe")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.probe(ctx), "probe", l.alias)
}

func (l *lease) probe(ctx context.Context) error {
	g, err := l.s.newest(ctx, l.alias)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if g == nil {
		g = &store.Grant{Alias: l.alias}
	}
	data, err := sealed.SealGrant(l.s.key, grantKind, g)
	if err != nil {
		return err
	}
	if l.reserve != nil {
		l.reserve.Discard()
		l.reserve = nil
	}
	if l.reserve, err = durable.Prepare(l.s.locks.Path(l.alias), l.s.reservePath(l.alias), reserveSize+4*len(data)); err != nil {
		return err
	}
	return l.s.change(ctx, func(ctx context.Context) error {
		tx, err := l.s.writer.BeginTx(ctx, nil) // takes the write lock: _txlock=immediate
		if err != nil {
			return err
		}
		return tx.Rollback()
	})
}

// Spool implements store.Spooler. It does not look at the database, which may be what fails.
func (s *Store) Spool(ctx context.Context, g *store.Grant) error {
	if err := store.ValidAlias(g.Alias); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &store.Error{Op: "spool", Alias: g.Alias, Err: err}
	}
	return located(s.spool.Put(g), "spool", g.Alias)
}
