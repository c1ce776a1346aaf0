package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// What every store has to do alike, for those who write one.

// ListByAlias is List for stores that have no better way: it gets one grant after the other.
func ListByAlias(ctx context.Context, s Store) iter.Seq2[*Grant, error] {
	return func(yield func(*Grant, error) bool) {
		aliases, err := s.Aliases(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, alias := range aliases {
			if err := ctx.Err(); err != nil {
				yield(nil, &Error{Op: "list grants", Err: err})
				return
			}
			g, err := s.Get(ctx, alias)
			if errors.Is(err, ErrNotFound) {
				continue // deleted meanwhile
			}
			if !yield(g, err) {
				return
			}
		}
	}
}

// CheckSave refuses a Save of g under the lease of alias while the grant in the store has the generation stored (0: there
// is none).
func CheckSave(alias string, g *Grant, stored uint64) error {
	switch {
	case g.Alias != alias:
		return fmt.Errorf("save %s: the grant is named %q", alias, g.Alias)
	case g.Generation == stored:
		return nil
	case stored == 0:
		return &Error{Op: "save", Alias: alias, Kind: ErrStale, Detail: fmt.Sprintf("generation %d was loaded, and the grant has been deleted since", g.Generation)}
	case g.Generation == 0:
		return &Error{Op: "save", Alias: alias, Kind: ErrStale, Detail: "there is a grant already, and it was not loaded first"}
	}
	return &Error{Op: "save", Alias: alias, Kind: ErrStale, Detail: fmt.Sprintf("generation %d was loaded, the store has %d", g.Generation, stored)}
}

// WaitError is what Lease answers when the context ends the waiting: ErrLocked if it was the deadline.
func WaitError(alias string, err error) error {
	e := &Error{Op: "lease", Alias: alias, Err: err}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Kind, e.Mend = ErrLocked, "wait for the other process to finish, or end it"
	}
	return e
}
