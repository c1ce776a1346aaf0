package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/store"
)

// page is how many rows List and Idle read at a time. Between pages they hold nothing, so that a slow caller keeps neither
// a connection nor the log from being written back.
const page = 256

const (
	aliasQuery = `SELECT alias FROM grants ORDER BY alias`
	pageQuery  = `SELECT alias, generation, sealed FROM grants WHERE alias > ? ORDER BY alias LIMIT ?`
	idleQuery  = `SELECT refreshed_at, alias FROM grants WHERE state <> 2 AND refreshed_at < ?
		AND (refreshed_at, alias) > (?, ?) ORDER BY refreshed_at, alias LIMIT ?`
)

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, alias string) (*store.Grant, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if err := s.ready(ctx, "get", alias); err != nil {
		return nil, err
	}
	g, err := s.newest(ctx, alias)
	return g, located(err, "get", alias)
}

// newest returns the newer of the spooled and the saved grant.
func (s *Store) newest(ctx context.Context, alias string) (*store.Grant, error) {
	return s.spool.Newer(alias, func() (*store.Grant, error) { return s.saved(ctx, alias) })
}

func (s *Store) saved(ctx context.Context, alias string) (*store.Grant, error) {
	r := row{alias: alias}
	err := s.get.QueryRowContext(ctx, alias).Scan(&r.generation, &r.sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, &store.Error{Kind: store.ErrNotFound}
	case err != nil:
		return nil, s.failure(ctx, err)
	}
	return s.decrypt(r)
}

type row struct {
	alias      string
	generation uint64
	sealed     []byte
}

func (s *Store) decrypt(r row) (*store.Grant, error) {
	g, err := sealed.OpenGrant(s.key, grantKind, r.alias, r.sealed)
	if err == nil && g.Generation != r.generation {
		g, err = nil, &store.Error{
			Kind:   store.ErrDamaged,
			Detail: fmt.Sprintf("damaged (generation %d in the row of generation %d)", g.Generation, r.generation),
		}
	}
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Path = s.path
		if errors.Is(err, store.ErrDamaged) {
			e.Mend = "restore the database from a backup, or delete the grant and log in again"
		}
	}
	return g, err
}

// KeyIDs implements store.Encrypted.
func (s *Store) KeyIDs(ctx context.Context, alias string) ([]string, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if err := s.ready(ctx, "look at", alias); err != nil {
		return nil, err
	}
	ids, err := s.spool.KeyIDs(alias) // first, as in Newer
	if err != nil {
		return nil, located(err, "look at", alias)
	}
	err = s.query(ctx, `SELECT key_id FROM grants WHERE alias = ?`, []any{alias}, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, located(err, "look at", alias)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Aliases implements store.Store.
func (s *Store) Aliases(ctx context.Context) ([]string, error) {
	if err := s.ready(ctx, "list grants", ""); err != nil {
		return nil, err
	}
	aliases, err := s.spool.Aliases() // first, as in Newer
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	err = s.query(ctx, aliasQuery, nil, func(rows *sql.Rows) error {
		aliases = append(aliases, "")
		return rows.Scan(&aliases[len(aliases)-1])
	})
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	slices.Sort(aliases)
	return slices.Compact(aliases), nil
}

// List implements store.Store. It is no snapshot: a grant is as it was when its page was read, or newer.
func (s *Store) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return func(yield func(*store.Grant, error) bool) {
		for after, more := "", true; more; {
			var rows []row
			if err := s.ready(ctx, "list grants", ""); err != nil {
				yield(nil, err)
				return
			}
			spooled, err := s.spool.Aliases() // first, as in Newer
			if err == nil {
				err = s.query(ctx, pageQuery, []any{after, page}, func(r *sql.Rows) error {
					rows = append(rows, row{})
					last := &rows[len(rows)-1]
					return r.Scan(&last.alias, &last.generation, &last.sealed)
				})
			}
			if err != nil {
				yield(nil, located(err, "list grants", ""))
				return
			}
			more = len(rows) == page
			for r := range s.withSpooled(rows, spooled, after, more) {
				if !s.yield(ctx, r, yield) {
					return
				}
				after = r.alias
			}
		}
	}
}

// withSpooled merges a page of rows, which begins behind after, with the spooled grants that belong into it. Those come
// without sealed, to be read anew.
func (s *Store) withSpooled(rows []row, spooled []string, after string, more bool) iter.Seq[row] {
	return func(yield func(row) bool) {
		slices.Sort(spooled)
		spooled = slices.DeleteFunc(spooled, func(alias string) bool { return alias <= after })
		for _, r := range rows {
			for len(spooled) > 0 && spooled[0] <= r.alias {
				if spooled[0] == r.alias {
					r.sealed = nil
				} else if !yield(row{alias: spooled[0]}) {
					return
				}
				spooled = spooled[1:]
			}
			if !yield(r) {
				return
			}
		}
		for _, alias := range spooled {
			if more || !yield(row{alias: alias}) {
				return
			}
		}
	}
}

// yield gives List's caller one grant, and reports whether to go on.
func (s *Store) yield(ctx context.Context, r row, yield func(*store.Grant, error) bool) bool {
	if err := ctx.Err(); err != nil {
		yield(nil, &store.Error{Op: "list grants", Err: err})
		return false
	}
	var g *store.Grant
	var err error
	if r.sealed != nil {
		g, err = s.decrypt(r)
	} else {
		g, err = s.newest(ctx, r.alias)
	}
	if errors.Is(err, store.ErrNotFound) {
		return true // deleted meanwhile
	}
	return yield(g, located(err, "get", r.alias))
}

// query runs scan for each row.
func (s *Store) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	rows, err := s.reader.QueryContext(ctx, text, args...)
	if err != nil {
		return s.failure(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return s.failure(ctx, err)
		}
	}
	if err := rows.Err(); err != nil {
		return s.failure(ctx, err)
	}
	return nil
}
