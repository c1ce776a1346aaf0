package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// roomSize is what Probe sets aside. A grant of 2 KiB changes half a dozen pages of 4 KiB.
const roomSize = 128 << 10

// Save implements store.Lease.
func (l *lease) Save(ctx context.Context, g *store.Grant) error {
	unlock, err := l.held(ctx, "save")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.save(ctx, g), "save", l.alias)
}

// know loads the grant if what the lease saw of it may be out of date.
func (l *lease) know(ctx context.Context) error {
	if l.seen != nil && durable.Same(l.seen.spool, l.s.spool.Stamp(l.alias)) {
		return nil
	}
	if _, err := l.load(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

func (l *lease) save(ctx context.Context, g *store.Grant) error {
	if err := l.know(ctx); err != nil {
		return err // nothing is written over what cannot be read
	}
	if err := store.CheckSave(l.alias, g, l.seen.newest); err != nil {
		return err
	}
	saved := l.seen.saved
	l.seen = nil // until it is known whether the save holds
	next := *g
	next.Generation++
	err := l.s.put(ctx, &next, saved)
	if errors.Is(err, store.ErrNoSpace) && l.room {
		l.s.room.Yield()
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
	do, err := s.putting(g, old)
	if err != nil {
		return err
	}
	return s.change(ctx, do)
}

func (s *Store) putting(g *store.Grant, old uint64) (write, error) {
	data, err := sealed.SealGrant(s.key, grantKind, g)
	if err != nil {
		return nil, err
	}
	id, err := keys.SealedWith(data) // not the key's own: it may be another by now
	if err != nil {
		return nil, err
	}
	stmt, args := s.insert, []any{g.Generation, int64(g.State), micros(g.RefreshedAt), id, data, g.Alias}
	if old > 0 {
		stmt, args = s.update, append(args, old)
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return &store.Error{Path: s.path, Kind: store.ErrLeaseLost, Detail: "the lease is lost: somebody changed the grant without it"}
	}, nil
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
	if l.s.key == nil {
		return sealed.NoKey()
	}
	if err := l.s.key.Check(); err != nil {
		return err
	}
	if err := l.know(ctx); err != nil {
		return err
	}
	l.giveRoom() // another lease may have used it up
	if err := l.s.room.Take(); err != nil {
		return err
	}
	l.room = true
	return l.s.change(ctx, func(context.Context, *sql.Tx) error { return nil }) // takes the write lock
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
