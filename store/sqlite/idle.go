package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/sftoken/sftoken/store"
)

type idle struct {
	since int64 // as micros
	alias string
}

func (a idle) compare(b idle) int {
	return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.alias, b.alias))
}

// Idle implements store.IdleLister by an index: it opens no grant but those in the spool, and so does not notice which
// cannot be opened. Times count in microseconds.
func (s *Store) Idle(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.ready(ctx, "list idle grants", ""); err != nil {
			yield("", err)
			return
		}
		aliases, err := s.spool.Aliases()
		if err != nil {
			yield("", located(err, "list idle grants", ""))
			return
		}
		// The row of a spooled grant says what was before.
		var spooled []idle
		for _, alias := range aliases {
			g, err := s.newest(ctx, alias)
			switch {
			case err != nil:
				if !yield(alias, located(err, "get", alias)) {
					return
				}
			case g.State != store.Dead && g.RefreshedAt.Before(before):
				spooled = append(spooled, idle{micros(g.RefreshedAt), alias})
			}
		}
		slices.SortFunc(spooled, idle.compare)
		for i, err := range s.idleRows(ctx, micros(before)) {
			if err != nil {
				yield("", err)
				return
			}
			for len(spooled) > 0 && spooled[0].compare(i) < 0 {
				if !yield(spooled[0].alias, nil) {
					return
				}
				spooled = spooled[1:]
			}
			if !slices.Contains(aliases, i.alias) && !yield(i.alias, nil) {
				return
			}
		}
		for _, i := range spooled {
			if !yield(i.alias, nil) {
				return
			}
		}
	}
}

// idleRows goes through the rows that say idle, longest idle first.
func (s *Store) idleRows(ctx context.Context, before int64) iter.Seq2[idle, error] {
	return func(yield func(idle, error) bool) {
		last := idle{since: math.MinInt64}
		for {
			var found []idle
			err := s.query(ctx, idleQuery, []any{before, last.since, last.alias, page}, func(r *sql.Rows) error {
				var i idle
				err := r.Scan(&i.since, &i.alias)
				found = append(found, i)
				return err
			})
			if err != nil {
				yield(idle{}, located(err, "list idle grants", ""))
				return
			}
			for _, i := range found {
				if !yield(i, nil) {
					return
				}
				last = i
			}
			if len(found) < page {
				return
			}
		}
	}
}
