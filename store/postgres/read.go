package postgres

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// page is how many rows are read at a time, so that no connection is held while the caller looks at them.
const page = 500

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, alias string) (*store.Grant, error) {
	if err := ready(ctx, "get", alias); err != nil {
		return nil, err
	}
	g, err := s.newer(ctx, alias, func() (*store.Grant, error) { return s.saved(ctx, alias) })
	return g, located(err, "get", alias)
}

func ready(ctx context.Context, op, alias string) error {
	if err := store.ValidAlias(alias); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &store.Error{Op: op, Alias: alias, Err: err}
	}
	return nil
}

func (s *Store) saved(ctx context.Context, alias string) (*store.Grant, error) {
	var generation uint64
	var data []byte
	err := s.read(ctx, func() error { return s.pool.QueryRow(ctx, sqlGet, alias).Scan(&generation, &data) })
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &store.Error{Kind: store.ErrNotFound}
	}
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	return s.open(alias, generation, data)
}

// open decrypts a row.
func (s *Store) open(alias string, generation uint64, data []byte) (*store.Grant, error) {
	g, err := sealed.OpenGrant(s.key, grantKind, alias, data)
	if err == nil && g.Generation != generation {
		err = &store.Error{
			Kind: store.ErrDamaged, Detail: "damaged (the row says another generation than the grant in it)",
			Mend: "restore it from a backup, or delete it and log in again",
		}
	}
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Path = s.where
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// newer returns the newer of the spooled and the saved grant, unless the spooled one was deleted by a machine that does not
// see the spool.
func (s *Store) newer(ctx context.Context, alias string, saved func() (*store.Grant, error)) (*store.Grant, error) {
	if s.spool == nil {
		return saved()
	}
	if err := s.spool.Check(); err != nil {
		return nil, err
	}
	missing := false
	g, err := s.spool.Newer(alias, func() (*store.Grant, error) {
		g, err := saved()
		missing = errors.Is(err, store.ErrNotFound)
		return g, err
	})
	if err != nil || !missing {
		return g, err
	}
	var floor uint64
	err = s.read(ctx, func() error { return s.pool.QueryRow(ctx, sqlFloor, alias).Scan(&floor) })
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return g, nil
	case err != nil:
		return nil, s.failure(ctx, err)
	case g.Generation <= floor:
		return nil, &store.Error{Kind: store.ErrNotFound}
	}
	return g, nil
}

// read repeats once what only reads, or may be done twice, on a new connection if the one at hand turns out to be broken.
func (s *Store) read(ctx context.Context, query func() error) error {
	err := query()
	if broke(err) && ctx.Err() == nil {
		s.pool.Reset() // the others from before the database's restart are broken as well
		err = query()
	}
	return err
}

// KeyIDs implements store.Encrypted.
func (s *Store) KeyIDs(ctx context.Context, alias string) ([]string, error) {
	if err := ready(ctx, "look for keys of", alias); err != nil {
		return nil, err
	}
	ids, err := s.keyIDs(ctx, alias)
	return ids, located(err, "look for keys of", alias)
}

func (s *Store) keyIDs(ctx context.Context, alias string) (ids []string, err error) {
	if s.spool != nil {
		if ids, err = s.spool.KeyIDs(alias); err != nil {
			return nil, err
		}
	}
	var head []byte
	err = s.read(ctx, func() error { return s.pool.QueryRow(ctx, sqlHead, alias).Scan(&head) })
	if errors.Is(err, pgx.ErrNoRows) {
		return ids, nil
	}
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	id, err := keys.SealedWith(head)
	if err != nil || slices.Contains(ids, id) {
		return ids, err
	}
	return append(ids, id), nil
}

// Aliases implements store.Store.
func (s *Store) Aliases(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "list grants", Err: err}
	}
	aliases, err := s.spooledAliases()
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	var saved []string
	err = s.read(ctx, func() error {
		rows, err := s.pool.Query(ctx, sqlAliases)
		if err != nil {
			return err
		}
		saved, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, located(s.failure(ctx, err), "list grants", "")
	}
	if len(aliases) == 0 {
		return saved, nil
	}
	aliases = append(aliases, saved...)
	slices.Sort(aliases)
	return slices.Compact(aliases), nil
}

func (s *Store) spooledAliases() ([]string, error) {
	if s.spool == nil {
		return nil, nil
	}
	if err := s.spool.Check(); err != nil {
		return nil, err
	}
	return s.spool.Aliases()
}

type row struct {
	alias      string
	generation uint64
	sealed     []byte
}

// List implements store.Store.
func (s *Store) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return func(yield func(*store.Grant, error) bool) {
		spooled, err := s.spooledAliases()
		if err != nil {
			yield(nil, located(err, "list grants", ""))
			return
		}
		slices.Sort(spooled)
		// one yields a grant that may be in the spool.
		one := func(alias string) bool {
			g, err := s.Get(ctx, alias)
			return errors.Is(err, store.ErrNotFound) || yield(g, err)
		}
		for r, err := range s.rows(ctx) {
			if err != nil {
				yield(nil, located(err, "list grants", ""))
				return
			}
			for len(spooled) > 0 && spooled[0] < r.alias {
				if !one(spooled[0]) {
					return
				}
				spooled = spooled[1:]
			}
			if len(spooled) > 0 && spooled[0] == r.alias {
				continue // its turn comes with the next row
			}
			g, err := s.open(r.alias, r.generation, r.sealed)
			if !yield(g, located(err, "list grants", r.alias)) {
				return
			}
		}
		for _, alias := range spooled {
			if !one(alias) {
				return
			}
		}
	}
}

// rows goes through all rows in the order of their aliases, a page at a time.
func (s *Store) rows(ctx context.Context) iter.Seq2[row, error] {
	return pages(ctx, s, func(last row) ([]row, error) {
		rows, err := s.pool.Query(ctx, sqlPage, last.alias, int64(page))
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, func(r pgx.CollectableRow) (found row, err error) {
			return found, r.Scan(&found.alias, &found.generation, &found.sealed)
		})
	})
}

type idle struct {
	alias string
	since time.Time
}

// Idle implements store.IdleLister, by the index sftoken_grants_idle. A spooled grant counts as its row does: the spool is
// put into its place when somebody comes to refresh it.
func (s *Store) Idle(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		all := pages(ctx, s, func(last idle) ([]idle, error) {
			rows, err := s.pool.Query(ctx, sqlIdle, before, last.since, last.alias, int64(page))
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, func(r pgx.CollectableRow) (found idle, err error) {
				return found, r.Scan(&found.alias, &found.since)
			})
		})
		for found, err := range all {
			if !yield(found.alias, located(err, "list idle grants", "")) || err != nil {
				return
			}
		}
	}
}

// pages goes through what next returns after the last row of the page before, until a page is not full.
func pages[T any](ctx context.Context, s *Store, next func(last T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for {
			var found []T
			err := s.read(ctx, func() (err error) {
				found, err = next(last)
				return err
			})
			if err != nil {
				yield(*new(T), s.failure(ctx, err))
				return
			}
			for _, r := range found {
				if !yield(r, nil) {
					return
				}
			}
			if len(found) < page {
				return
			}
			last = found[len(found)-1]
		}
	}
}
