package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

const (
	saveTime  = 30 * time.Second // bounds a save, which goes on when the caller has gone away
	extraTime = 5 * time.Second  // bounds each request that the login can do without
)

// Outcome is a finished login.
type Outcome struct {
	Grant *store.Grant
	// Renewed is the earlier grant of the same user and app that this one replaced.
	Renewed *store.Grant
	// Taken is set when the grant had to be kept under another alias than the one asked for: a living grant of somebody
	// else has that name, or it has a refresh token and this one has none.
	Taken *store.Grant
	// Same are the aliases of further grants of the same user and app. Each is one of the five approvals that Salesforce
	// keeps; a sixth kills the oldest.
	Same []string
	// Warnings are things that went wrong without cost to the grant.
	Warnings []error
}

// UnsavedError says that the exchange worked and the tokens could not be kept.
type UnsavedError struct {
	Err     error
	Revoked bool // whether the refresh token was revoked, so that nothing is left over at Salesforce
}

func (e *UnsavedError) Error() string {
	if e.Revoked {
		return fmt.Sprintf("save the new login: %v (its tokens were revoked)", e.Err)
	}
	return fmt.Sprintf("save the new login: %v (its tokens could not be revoked: one approval stays behind in Salesforce)", e.Err)
}

func (e *UnsavedError) Unwrap() error   { return e.Err }
func (e *UnsavedError) ErrorID() string { return "login-unsaved" }

// Complete exchanges code and saves the grant. The code is spent only when the store has been proven writable. Once the
// exchange is done, cancelling ctx no longer stops the save: an approval that was given is kept.
func (j *Journey) Complete(ctx context.Context, code sftoken.Secret) (*Outcome, error) {
	return j.Run(ctx, func(ctx context.Context) (*sftoken.Token, error) {
		return j.Client.Exchange(ctx, j.Attempt, code)
	})
}

// Run is Complete for a flow that gets its token by get.
func (j *Journey) Run(ctx context.Context, get func(context.Context) (*sftoken.Token, error)) (*Outcome, error) {
	lease, previous, err := j.lease(ctx)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	j.step(StepProven)

	token, err := get(ctx)
	if err != nil {
		return nil, err
	}
	j.step(StepExchanged)
	return j.finish(ctx, lease, previous, token)
}

// Keep saves the grant of a token that is there. It is for a flow in which a person takes minutes: nobody holds a lease so
// long, and Prove has shown before that one can be had.
func (j *Journey) Keep(ctx context.Context, token *sftoken.Token) (*Outcome, error) {
	lease, previous, err := j.lease(ctx)
	if err != nil {
		return nil, &UnsavedError{Err: err, Revoked: j.revoke(ctx, token)}
	}
	defer lease.Release()
	return j.finish(ctx, lease, previous, token)
}

// finish describes the grant of a token and saves it.
func (j *Journey) finish(ctx context.Context, lease store.Lease, previous *store.Grant, token *sftoken.Token) (*Outcome, error) {
	if err := j.checkIDToken(ctx, token); err != nil {
		return nil, &UnsavedError{Err: err, Revoked: j.revoke(ctx, token)}
	}
	grant, warnings := j.describe(ctx, token)
	j.step(StepIdentity)

	outcome := &Outcome{Grant: grant, Warnings: warnings}
	if err := j.keep(ctx, lease, previous, outcome); err != nil {
		return nil, &UnsavedError{Err: err, Revoked: j.revoke(ctx, token)}
	}
	j.step(StepSaved)
	j.lookAround(ctx, outcome)
	return outcome, nil
}

// lease takes the alias's lease and proves that a save would work. previous is the grant that is there now, if any.
func (j *Journey) lease(ctx context.Context) (_ store.Lease, previous *store.Grant, err error) {
	lease, err := j.Store.Lease(ctx, j.Alias)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			lease.Release()
		}
	}()
	// A grant that cannot be read may be somebody's only one, so it is an error here and not an empty place.
	previous, err = lease.Load(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, err
	}
	if err := lease.Probe(ctx); err != nil {
		return nil, nil, err
	}
	return lease, previous, nil
}

// checkIDToken verifies the ID token if one came (C-48). Keys that cannot be fetched are no proof of forgery: the token
// came over TLS from the login host itself, which OpenID Connect Core section 3.1.3.7 item 6 accepts.
func (j *Journey) checkIDToken(ctx context.Context, token *sftoken.Token) error {
	if token.IDToken.IsZero() {
		return nil
	}
	id, err := j.Client.VerifyIDToken(ctx, token.IDToken, j.Attempt.Nonce)
	if err == nil {
		err = id.VerifyAccessToken(token.AccessToken)
	}
	if err == nil || errors.Is(err, sftoken.ErrTemporary) || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("check the ID token: %w", err)
}

// keep saves the grant under its alias, or under a free one next to it if saving would cost the previous grant.
func (j *Journey) keep(ctx context.Context, lease store.Lease, previous *store.Grant, o *Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	switch {
	case previous == nil:
	case mayReplace(previous, o.Grant):
		o.Grant.Generation = previous.Generation
		if sameApproval(previous, o.Grant) {
			o.Renewed = previous
		}
	default:
		o.Taken = previous
		lease.Release() // one lease at a time
		return j.keepBeside(ctx, o)
	}
	return j.save(ctx, lease, o)
}

// mayReplace reports whether next loses nothing of previous that still works.
func mayReplace(previous, next *store.Grant) bool {
	if previous.State == store.Dead {
		return true
	}
	return sameApproval(previous, next) && (!previous.Renewable() || next.Renewable())
}

func sameApproval(a, b *store.Grant) bool {
	return a.App.ClientID == b.App.ClientID &&
		sftoken.SameID(a.OrgID, b.OrgID) && sftoken.SameID(a.UserID, b.UserID)
}

// keepBeside saves the grant as alias-2, alias-3, … whichever is free.
func (j *Journey) keepBeside(ctx context.Context, o *Outcome) error {
	for n := 2; ctx.Err() == nil; n++ {
		o.Grant.Alias = fmt.Sprintf("%s-%d", j.Alias, n)
		lease, err := j.Store.Lease(ctx, o.Grant.Alias)
		if err != nil {
			return err
		}
		_, err = lease.Load(ctx)
		if errors.Is(err, store.ErrNotFound) {
			err = j.save(ctx, lease, o)
			lease.Release()
			return err
		}
		lease.Release()
	}
	return ctx.Err()
}

// save saves, and if that fails keeps the grant aside where the store can do so.
func (j *Journey) save(ctx context.Context, lease store.Lease, o *Outcome) error {
	err := lease.Save(ctx, o.Grant)
	if err == nil {
		return nil
	}
	spooler, ok := j.Store.(store.Spooler)
	if !ok || spooler.Spool(ctx, o.Grant) != nil {
		return err
	}
	o.Warnings = append(o.Warnings, fmt.Errorf("save the new login: %w (kept aside, and put in place by the next command)", err))
	return nil
}

// revoke takes back tokens that cannot be kept.
func (j *Journey) revoke(ctx context.Context, token *sftoken.Token) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), extraTime)
	defer cancel()
	spare := token.RefreshToken
	if spare.IsZero() {
		spare = token.AccessToken
	}
	return j.Client.Revoke(ctx, spare) == nil
}
