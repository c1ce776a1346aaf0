package store

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// IdleLister is a Store that finds idle grants without reading all of them. Use Idle, which falls back on List.
type IdleLister interface {
	Idle(ctx context.Context, before time.Time) iter.Seq2[string, error]
}

// Idle goes through the aliases of the grants that are not dead and whose RefreshedAt is before the given time, longest
// idle first; of equals by alias. A grant that has no RefreshedAt has been idle for ever. One that cannot be read yields
// its alias with its error, before the others, and listing goes on; an error without an alias ends it.
func Idle(ctx context.Context, s Store, before time.Time) iter.Seq2[string, error] {
	if lister, ok := s.(IdleLister); ok {
		return lister.Idle(ctx, before)
	}
	return func(yield func(string, error) bool) {
		type idle struct {
			alias string
			since time.Time
		}
		var found []idle
		for g, err := range s.List(ctx) {
			if err != nil {
				alias := ""
				if e, ok := errors.AsType[*Error](err); ok {
					alias = e.Alias
				}
				if !yield(alias, err) || alias == "" {
					return
				}
				continue
			}
			if g.State != Dead && g.RefreshedAt.Before(before) {
				found = append(found, idle{g.Alias, g.RefreshedAt})
			}
		}
		slices.SortFunc(found, func(a, b idle) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.alias, b.alias)) })
		for _, f := range found {
			if !yield(f.alias, nil) {
				return
			}
		}
	}
}
