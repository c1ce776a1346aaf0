package refresh

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

const (
	// saveTime bounds one attempt to save.
	saveTime = 15 * time.Second
	// noteTime bounds the attempts to save what can be found out again: that a grant is dead, that nothing was spent.
	noteTime = 5 * time.Second
	// spoolAfter is after how many failed saves the answer is put aside.
	spoolAfter = 3
)

// errOvertaken says that the lease was lost and the grant has been replaced since.
var errOvertaken = errors.New("grant was replaced by somebody else")

// keep is step 6: it saves the answer, again and again until that holds, and only then lets anybody have it. Nothing stops
// it but the end of the process.
func (a *attempt) keep(ctx context.Context, token *sftoken.Token) (*Access, error) {
	spent := a.grant.RefreshToken
	a.take(token)
	spooled, err := a.persist(ctx, spent)
	switch {
	case errors.Is(err, errOvertaken):
		return a.refreshed(a.grant), nil
	case err != nil:
		return nil, err
	}
	a.at(stepSaved)
	a.resume()
	a.tell(Refreshed, nil)
	if !a.grant.RefreshToken.Equal(spent) {
		a.tell(Rotated, nil)
	}
	if spooled != nil {
		a.tell(Spooled, spooled)
	}
	return a.refreshed(a.grant), nil
}

// salvage keeps the new refresh token of an answer that must not be trusted otherwise: its rotation is a fact.
func (a *attempt) salvage(ctx context.Context, token sftoken.Secret) error {
	spent := a.grant.RefreshToken
	g := a.grant
	g.RefreshToken, g.Rotates = token, true
	doubt{state: store.Live}.restore(g)
	if _, err := a.persist(ctx, spent); err != nil {
		return err
	}
	a.tell(Rotated, nil)
	return nil
}

// persist saves the grant until that holds. If it had to be spooled, spooled says why.
func (a *attempt) persist(ctx context.Context, spent sftoken.Secret) (spooled, err error) {
	tries := 0
	save := func() (struct{}, error) {
		err := a.save(ctx)
		if errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrStale) {
			if err = a.regain(ctx, spent); err == nil {
				err = a.save(ctx)
			}
		}
		if tries++; err != nil && tries >= spoolAfter && a.spool(ctx) {
			spooled, err = err, nil
		}
		return struct{}{}, err
	}
	_, err = backoff.Retry(ctx, save, backoff.WithBackOff(saveSteps()), backoff.WithMaxElapsedTime(0), a.whileRepeating())
	return spooled, err
}

// take writes the answer into the grant. A refresh token that did not come is the one we have (C-53).
func (a *attempt) take(t *sftoken.Token) {
	g, now := a.grant, a.now()
	if !t.RefreshToken.IsZero() && !t.RefreshToken.Equal(g.RefreshToken) {
		g.RefreshToken, g.Rotates = t.RefreshToken, true
	}
	if !a.rejects() {
		g.Rejected = ""
	}
	g.AccessToken, g.IssuedAt, g.RefreshedAt = t.AccessToken, t.IssuedAt, now
	g.Expiry = a.expiryOf(t, now)
	g.State, g.Reason, g.Spending = store.Live, "", nil
	g.InstanceURL = cmp.Or(t.InstanceURL, g.InstanceURL)
	g.IdentityURL = cmp.Or(t.IdentityURL, g.IdentityURL)
	g.CommunityURL = cmp.Or(t.CommunityURL, g.CommunityURL)
	if t.Scopes != nil {
		g.Scopes = t.Scopes
	}
}

// save saves the grant once. No caller's leaving reaches it.
func (a *attempt) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return a.lease.Save(ctx, a.grant)
}

// saveNote saves what the next holder of the lease would find out by itself, so it does not insist.
func (a *attempt) saveNote(ctx context.Context) {
	save := func() (struct{}, error) { return struct{}{}, a.save(ctx) }
	_, err := backoff.Retry(ctx, save, backoff.WithBackOff(saveSteps()), backoff.WithMaxElapsedTime(noteTime))
	if err != nil {
		a.options.Log.WarnContext(ctx, "state of grant not saved", "alias", a.alias, "state", a.grant.State, "error", err)
	}
}

// spool puts the grant aside if the store can.
func (a *attempt) spool(ctx context.Context) bool {
	spooler, ok := a.options.Store.(store.Spooler)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if err := spooler.Spool(ctx, a.grant); err != nil {
		a.options.Log.WarnContext(ctx, "grant not spooled", "alias", a.alias, "error", err)
		return false
	}
	return true
}

// regain takes a lost lease again. If the store still has the refresh token that was spent, our answer replaces it; if it
// has another, somebody logged in or refreshed meanwhile and theirs stays; if it has nothing, a deleted grant does not
// come back.
func (a *attempt) regain(ctx context.Context, spent sftoken.Secret) error {
	a.release(a.lease)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.options.Deadline)
	defer cancel()
	lease, err := a.options.Store.Lease(ctx, a.alias)
	if err != nil {
		return err
	}
	a.lease = lease
	theirs, err := lease.Load(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return backoff.Permanent(err)
	case err != nil:
		return err
	case !theirs.RefreshToken.Equal(spent) || spent.IsZero() && !sameLogin(theirs, a.grant):
		a.grant = theirs
		return backoff.Permanent(errOvertaken)
	}
	a.grant.Generation = theirs.Generation
	return nil
}

func saveSteps() backoff.BackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: 20 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 5 * time.Second,
	}
}

func (a *attempt) whileRepeating() backoff.RetryOption {
	return backoff.WithNotify(func(err error, next time.Duration) {
		a.options.Log.Warn("grant not saved yet", "alias", a.alias, "again in", next, "error", err)
	})
}
