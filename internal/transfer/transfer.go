// Package transfer brings grants into a store, out of a backup or another store, without ever putting an old grant in the
// place of a newer one.
//
// A generation counts the saves of one store, so that it orders the grants of two stores only together with the time of
// the last refresh. Where that leaves a doubt, what is there stays, and the person decides.
//
// It knows no terminal and opens no store. Only internal/cli imports it.
package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Verdict says what became of a grant.
type Verdict string

// The verdicts.
const (
	Added    Verdict = "added"
	Replaced Verdict = "replaced" // an older or a dead one, or any by force
	Same     Verdict = "same"     // it is there already
	Kept     Verdict = "kept"     // the one there is newer, or another login that works: nothing was changed
	Failed   Verdict = "failed"
)

// Result is what became of one grant.
type Result struct {
	Alias   string
	Verdict Verdict
	Grant   *store.Grant // as it was to be written; nil if it could not be read
	Err     error        // of Failed
}

// Options are the person's will.
type Options struct {
	Force bool // replace also what is newer, another login, or unreadable
}

// judge compares the grant that comes with the one that is there.
func judge(there, coming *store.Grant) Verdict {
	newer := coming.RefreshedAt.After(there.RefreshedAt)
	switch sameLogin := sameApproval(there, coming); {
	case sameLogin && there.RefreshToken.Equal(coming.RefreshToken):
		// One token, which one of the two has used later; what Salesforce said of it is true for both.
		if newer && there.State != store.Dead {
			return Replaced
		}
		return Same
	case there.State == store.Dead && coming.State != store.Dead:
		return Replaced
	case sameLogin && newer && coming.Generation > there.Generation:
		return Replaced
	}
	return Kept
}

func sameApproval(a, b *store.Grant) bool {
	return a.App.ClientID == b.App.ClientID &&
		sftoken.SameID(a.OrgID, b.OrgID) && sftoken.SameID(a.UserID, b.UserID)
}

// put writes coming under a lease of its alias, if it may, and reads it back through s.
func put(ctx context.Context, s store.Store, lease store.Lease, coming *store.Grant, o Options) (Verdict, error) {
	there, err := lease.Load(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		if !o.Force || !unreadable(err) {
			return Failed, err
		}
		if err := lease.Delete(ctx); err != nil { // the only way to be rid of it
			return Failed, err
		}
	}
	verdict := Added
	g := coming.Clone()
	g.Generation = 0
	if there != nil {
		if verdict = judge(there, coming); o.Force {
			verdict = Replaced
		}
		g.Generation = there.Generation
	}
	if verdict == Same || verdict == Kept {
		return verdict, nil
	}
	if err := lease.Probe(ctx); err != nil {
		return Failed, err
	}
	if err := lease.Save(ctx, g); err != nil {
		return Failed, err
	}
	if err := verify(ctx, s, g); err != nil {
		return Failed, err
	}
	return verdict, nil
}

func unreadable(err error) bool {
	return errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrKeyLost)
}

// verify reads a grant back and compares all of it.
func verify(ctx context.Context, s store.Store, want *store.Grant) error {
	got, err := s.Get(ctx, want.Alias)
	if err != nil {
		return fmt.Errorf("read %s back: %w", want.Alias, err)
	}
	a, err := store.Encode(want)
	if err != nil {
		return err
	}
	b, err := store.Encode(got)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return &store.Error{
			Op: "verify", Alias: want.Alias, Kind: store.ErrDamaged,
			Detail: "what was written reads back as something else", Mend: "check the disk, then try again",
		}
	}
	return nil
}

// Restore writes a grant of a backup made at the given time. One whose refresh token is spent by use becomes uncertain: it
// is not sent before Salesforce has said that it is the newest. With trust it is taken for the newest.
func Restore(ctx context.Context, s store.Store, g *store.Grant, made time.Time, trust bool, o Options) Result {
	if !trust {
		g = doubted(g, made)
	}
	r := Result{Alias: g.Alias, Grant: g}
	lease, err := s.Lease(ctx, g.Alias)
	if err != nil {
		r.Verdict, r.Err = Failed, err
		return r
	}
	defer lease.Release()
	r.Verdict, r.Err = put(ctx, s, lease, g, o)
	return r
}

func doubted(g *store.Grant, made time.Time) *store.Grant {
	if g.State == store.Dead || !g.MayRotate() {
		return g
	}
	g = g.Clone()
	g.State, g.Spending = store.Uncertain, nil
	g.Reason = store.Restored + " of " + made.UTC().Format(time.RFC3339)
	return g
}
