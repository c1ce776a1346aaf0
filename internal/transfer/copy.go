package transfer

import (
	"context"
	"errors"
	"iter"

	"github.com/sftoken/sftoken/store"
)

// Copy writes the grants of one store into another, each under its leases in both, so that nobody refreshes it on the way.
// It can be stopped and repeated: what is there already is left alone. It ends early only with the context.
//
// Two copies in opposite directions cannot wait for each other: whichever store's name sorts first is leased first.
func Copy(ctx context.Context, from, to store.Store, aliases []string, o Options) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for _, alias := range aliases {
			if ctx.Err() != nil {
				return
			}
			r := copyOne(ctx, from, to, alias, o)
			if errors.Is(r.Err, store.ErrNotFound) {
				continue // deleted meanwhile
			}
			if !yield(r) {
				return
			}
		}
	}
}

func copyOne(ctx context.Context, from, to store.Store, alias string, o Options) Result {
	r := Result{Alias: alias, Verdict: Failed}
	first, second := from, to
	if to.String() < from.String() {
		first, second = to, from
	}
	var leases []store.Lease
	for _, s := range []store.Store{first, second} {
		lease, err := s.Lease(ctx, alias)
		if err != nil {
			r.Err = err
			return r
		}
		defer lease.Release()
		leases = append(leases, lease)
	}
	source, target := leases[0], leases[1]
	if first != from {
		source, target = target, source
	}
	if r.Grant, r.Err = source.Load(ctx); r.Err != nil {
		return r
	}
	r.Verdict, r.Err = put(ctx, to, target, r.Grant, o)
	return r
}
