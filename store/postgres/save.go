package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// deletionGap is how far a deletion raises the generations of its alias: no spool of another machine is as far ahead.
const deletionGap = 1000

// Load implements store.Lease.
func (l *lease) Load(ctx context.Context) (*store.Grant, error) {
	unlock, err := l.held(ctx, "load")
	if err != nil {
		return nil, err
	}
	defer unlock()
	g, err := l.s.newer(ctx, l.alias, func() (*store.Grant, error) { return l.look(ctx, sqlLoad, l.alias, l.s.owner, l.fence) })
	return g, located(err, "load", l.alias)
}

// look runs a statement that returns whether the lease is held, and the grant's row.
func (l *lease) look(ctx context.Context, sql string, args ...any) (*store.Grant, error) {
	var held bool
	var generation uint64
	var data []byte
	err := l.s.read(ctx, func() error { return l.s.pool.QueryRow(ctx, sql, args...).Scan(&held, &generation, &data) })
	switch {
	case err != nil:
		return nil, l.s.failure(ctx, err)
	case !held:
		return nil, l.loss()
	case generation == 0:
		return nil, &store.Error{Kind: store.ErrNotFound}
	}
	return l.s.open(l.alias, generation, data)
}

// Probe implements store.Lease. It writes to the log of the database as a Save does, and renews the lease.
func (l *lease) Probe(ctx context.Context) error {
	unlock, err := l.held(ctx, "probe")
	if err != nil {
		return err
	}
	defer unlock()
	if l.s.key == nil {
		return located(sealed.NoKey(), "probe", l.alias)
	}
	_, err = l.s.newer(ctx, l.alias, func() (*store.Grant, error) {
		return l.look(ctx, sqlProbe, l.alias, l.s.owner, l.fence, l.s.term.Seconds())
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return located(err, "probe", l.alias)
}

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
	if g.Alias != l.alias {
		return store.CheckSave(l.alias, g, 0)
	}
	for again := true; ; again = false {
		next, known, err := l.beneath(ctx, g)
		if err != nil {
			return err // nothing is written over what cannot be read
		}
		brokeOff, err := l.put(ctx, g, next, known)
		switch {
		case err == nil:
			g.Generation = next
			if l.s.spool != nil {
				_ = l.s.spool.Remove(l.alias) // older than the grant now: if it stays, nobody reads it
			}
			return nil
		case brokeOff:
			l.turn.doubt(g, next)
		}
		if !brokeOff || !again || ctx.Err() != nil {
			return err
		}
		l.s.pool.Reset() // the other connections from before the database's restart are broken as well
	}
}

// beneath is the generation that a save of g gives, and those that the database may have before it.
func (l *lease) beneath(ctx context.Context, g *store.Grant) (next uint64, known []uint64, err error) {
	next, known = l.turn.after(g)
	if l.s.spool == nil {
		return next, known, nil
	}
	spooled, err := l.s.spool.Get(l.alias)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return next, known, nil
	case err != nil:
		return 0, nil, err
	case spooled.Generation > g.Generation:
		return 0, nil, store.CheckSave(l.alias, g, spooled.Generation)
	case spooled.Generation < g.Generation:
		return next, known, nil
	}
	saved, err := l.look(ctx, sqlLoad, l.alias, l.s.owner, l.fence) // is older than its spool
	switch {
	case errors.Is(err, store.ErrNotFound):
		return next, append(known, 0), nil
	case err != nil:
		return 0, nil, err
	case saved.Generation > g.Generation:
		return 0, nil, store.CheckSave(l.alias, g, saved.Generation)
	}
	return next, append(known, saved.Generation), nil
}

// put writes g as the generation next over one that is known. If it broke off, it may have happened.
func (l *lease) put(ctx context.Context, g *store.Grant, next uint64, known []uint64) (brokeOff bool, err error) {
	written := *g
	written.Generation = next
	data, err := sealed.SealGrant(l.s.key, grantKind, &written)
	if err != nil {
		return false, err
	}
	keyID, err := keys.SealedWith(data)
	if err != nil {
		return false, err
	}
	over := make([]int64, len(known))
	for i, generation := range known {
		over[i] = int64(generation)
	}
	var held, saved bool
	var stored uint64
	err = l.s.pool.QueryRow(ctx, sqlSave, l.alias, l.s.owner, l.fence, over,
		int64(next), int16(g.State), g.RefreshedAt, keyID, data).Scan(&held, &stored, &saved)
	switch {
	case err != nil:
		return broke(err), l.s.failure(ctx, err)
	case !held:
		return false, l.loss()
	case !saved:
		return false, cmp.Or(store.CheckSave(l.alias, g, stored), error(&store.Error{Kind: store.ErrStale}))
	}
	return false, nil
}

// Delete implements store.Lease.
func (l *lease) Delete(ctx context.Context) error {
	unlock, err := l.held(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	return located(l.delete(ctx), "delete", l.alias)
}

func (l *lease) delete(ctx context.Context) error {
	if l.s.spool != nil {
		if err := l.s.spool.Remove(l.alias); err != nil { // first, so that a deleted grant does not come back
			return err
		}
	}
	var floor uint64
	var deleted int
	err := l.s.read(ctx, func() error {
		return l.s.pool.QueryRow(ctx, sqlDelete, l.alias, l.s.owner, l.fence, int64(deletionGap)).Scan(&floor, &deleted)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return l.loss()
	}
	if err != nil {
		return l.s.failure(ctx, err)
	}
	l.turn.mu.Lock()
	defer l.turn.mu.Unlock()
	l.turn.floor = floor
	return nil
}

// Spool implements store.Spooler. It does not ask the database, which is what has failed.
func (s *Store) Spool(ctx context.Context, g *store.Grant) error {
	if err := ready(ctx, "spool", g.Alias); err != nil {
		return err
	}
	if s.spool == nil {
		return &store.Error{Op: "spool", Alias: g.Alias, Kind: store.ErrReadOnly, Detail: "the store was opened without a directory for it"}
	}
	spooled := *g
	if found, ok := s.turns.Load(g.Alias); ok {
		next, _ := found.(*turn).after(g)
		spooled.Generation = next - 1
	}
	err := s.spool.Put(&spooled)
	if err == nil || errors.Is(err, durable.ErrUnsynced) {
		g.Generation = spooled.Generation
	}
	return located(err, "spool", g.Alias)
}

// replay puts a spooled grant into its place, unless it was deleted since.
func (l *lease) replay(ctx context.Context) {
	if l.s.spool == nil {
		return
	}
	saved := func() (*store.Grant, error) { return l.look(ctx, sqlLoad, l.alias, l.s.owner, l.fence) }
	l.s.spool.Replay(l.alias, saved, func(spooled, saved *store.Grant) error {
		if spooled.Generation <= l.turn.floor {
			return nil
		}
		var stored uint64
		if saved != nil {
			stored = saved.Generation
		}
		_, err := l.put(ctx, spooled, spooled.Generation, []uint64{stored})
		return err
	})
}
