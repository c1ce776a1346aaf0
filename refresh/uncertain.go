package refresh

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

const (
	// askTime bounds the question whether a refresh token is active.
	askTime = 15 * time.Second
	// doubtTime is how long an unreachable login host delays the one replay.
	doubtTime = 10 * time.Minute

	spentBackup = "it came out of a backup, and Salesforce says that its refresh token is no longer active"

	replaying = "sent again after a lost answer"
	inactive  = "the answer to a refresh was lost, and Salesforce says that the refresh token is no longer active"
	lostTwice = "the answer to a refresh was lost, and the answer to its one repetition too"
)

// doubt is what a grant says about whether its refresh token is spent.
type doubt struct {
	state    store.State
	reason   string
	spending *store.Spending
}

func doubtOf(g *store.Grant) doubt { return doubt{g.State, g.Reason, g.Spending} }

func (d doubt) restore(g *store.Grant) { g.State, g.Reason, g.Spending = d.state, d.reason, d.spending }

// doubtful reports whether the refresh token may be spent: an answer was lost, or a process ended between mark and save.
func (a *attempt) doubtful() bool {
	g := a.grant
	if g.RunsAgain() {
		return false
	}
	return g.State == store.Uncertain || g.Spending != nil && g.Spending.Fingerprint == g.RefreshToken.Fingerprint()
}

// resolve is step 7. Nil means that the refresh token may be sent.
func (a *attempt) resolve(ctx context.Context) error {
	g := a.grant
	if g.State != store.Uncertain {
		a.suspect(ctx, fmt.Errorf("%s ended while it was refreshing", g.Spending.Owner))
	}
	if a.sends >= maxSends {
		return a.undecided(nil)
	}
	active, err := a.isActive(ctx)
	switch {
	case err == nil && active:
		doubt{state: store.Live}.restore(g)
		return nil
	case err == nil:
		return a.bury(ctx, &DeadError{Alias: a.alias, Reason: whyInactive(g)})
	case restored(g):
		return a.undecided(err)
	case a.alive(g, a.now()):
		return a.undecided(err)
	case classify(err).unanswered() && a.now().Sub(since(g)) < doubtTime:
		return a.undecided(err) // the answer to a replay would be lost as well, and there is only one replay
	case strings.HasPrefix(g.Reason, replaying) && g.MayRotate():
		return a.bury(ctx, &DeadError{Alias: a.alias, Reason: lostTwice})
	}
	return nil
}

// isActive asks Salesforce about the refresh token, which is believed not to rotate it. Public clients ask too: they are
// refused, but by that know that Salesforce answers.
func (a *attempt) isActive(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := a.client().Introspect(ctx, a.grant.RefreshToken, sftoken.RefreshTokenHint)
	if err != nil {
		return false, err
	}
	return info.Active, nil
}

// restored reports a grant that came out of a backup. Its refresh token may have been spent long ago, and whoever rotated it
// lives by its successor, so that a replay would end somebody else's login: there is none.
func restored(g *store.Grant) bool {
	return g.State == store.Uncertain && strings.HasPrefix(g.Reason, store.Restored)
}

func whyInactive(g *store.Grant) string {
	if restored(g) {
		return spentBackup
	}
	return inactive
}

// lost notes that no answer came. A replay is used up only if there was none at all: an answer such as 502 says that
// Salesforce is in trouble, and that the token was hardly spent.
func (a *attempt) lost(ctx context.Context, v verdict, cause error) {
	g := a.grant
	again := a.prior.state == store.Uncertain
	if again && v == unclear {
		a.prior.restore(g)
		a.saveNote(ctx)
		return
	}
	if again {
		g.State, g.Reason = store.Uncertain, replaying+": "+cause.Error()
		a.saveNote(ctx)
		return
	}
	a.suspect(ctx, cause)
}

// suspect makes a live grant uncertain.
func (a *attempt) suspect(ctx context.Context, cause error) {
	a.grant.State, a.grant.Reason = store.Uncertain, "no answer: "+cause.Error()
	a.saveNote(ctx)
	a.tell(Uncertain, cause)
}

// undecided ends a flight that could not find out. The living access token, if there is one, is served to its end (B-03).
func (a *attempt) undecided(cause error) error {
	err := inDoubt(a.grant, cause)
	a.backOff(err)
	return err
}

// inDoubt is the error of an uncertain grant. Where an answer was lost, time may tell; of a restored one nobody will, unless
// Salesforce could only not be reached.
func inDoubt(g *store.Grant, cause error) error {
	if restored(g) && (cause == nil || !classify(cause).unanswered()) {
		return &RestoredError{Alias: g.Alias, Reason: g.Reason, Err: cause}
	}
	return &UncertainError{Alias: g.Alias, Since: since(g), Err: cause}
}

func since(g *store.Grant) time.Time {
	if g.Spending != nil {
		return g.Spending.Since
	}
	return g.RefreshedAt
}

// bury makes the grant dead, with its reason.
func (a *attempt) bury(ctx context.Context, dead *DeadError) error {
	doubt{state: store.Dead, reason: dead.Reason}.restore(a.grant)
	a.saveNote(ctx)
	a.tell(Dead, dead)
	return dead
}
