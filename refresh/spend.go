package refresh

import (
	"context"
	"errors"
	"fmt"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// maxSends bounds how often one flight sends a refresh token whose answers get lost.
const maxSends = 2

// step names the moments at which tests kill the engine or look at the store.
type step string

const (
	stepLeased   step = "leased"
	stepLooked   step = "looked again"
	stepMarked   step = "marked"
	stepAnswered step = "answered"
	stepSaved    step = "saved"
)

func (a *attempt) at(s step) {
	if a.onStep != nil {
		a.onStep(s)
	}
}

// refresh is steps 3 to 8. It alone spends refresh tokens.
func (a *attempt) refresh(ctx context.Context) (*Access, error) {
	// Until the token is sent, closing the engine ends this.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	closeCancels := context.AfterFunc(a.closing, cancel)

	// 3. Take the lease.
	var err error
	if a.lease, err = a.options.Store.Lease(ctx, a.alias); err != nil {
		if a.closing.Err() != nil {
			err = fmt.Errorf("refresh %s: %w", a.alias, ErrClosed)
		}
		return nil, err
	}
	defer func() { a.release(a.lease) }()
	a.at(stepLeased)

	// 4. Look again.
	if a.grant, err = a.lease.Load(ctx); err != nil {
		return nil, err
	}
	a.at(stepLooked)
	if access, err := a.settle(); access != nil || err != nil {
		return access, err
	}
	if err := a.note(ctx); err != nil {
		return nil, err
	}
	if !closeCancels() {
		return nil, fmt.Errorf("refresh %s: %w", a.alias, ErrClosed)
	}

	ctx = context.WithoutCancel(ctx) // from here on each request has a deadline of its own
	for {
		// 7. If the token may be spent already, find out before sending it again.
		if a.doubtful() {
			if err := a.resolve(ctx); err != nil {
				return nil, err
			}
		}
		// 5. Prove that the answer can be saved, mark, and send, once.
		if err := a.mark(ctx); err != nil {
			return nil, err
		}
		token, err := a.send(ctx)
		a.at(stepAnswered)
		if err == nil {
			// 6. Save before anybody gets it.
			return a.keep(ctx, token)
		}
		// 7 and 8. No token: may it be sent again?
		if err := a.refused(ctx, err); err != nil {
			return nil, err
		}
		if access, err := a.settle(); access != nil || err != nil {
			return access, err
		}
	}
}

// mark proves that the store can be written and saves there that the refresh token is being spent (B-02).
func (a *attempt) mark(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	if err := a.lease.Probe(ctx); err != nil {
		return err
	}
	g := a.grant
	a.prior = doubtOf(g)
	if g.RunsAgain() {
		return nil // nothing is spent (renew.go)
	}
	if g.State == store.Uncertain {
		g.Reason = replaying // should this process end now, the next one must know
	}
	g.Spending = &store.Spending{Fingerprint: g.RefreshToken.Fingerprint(), Since: a.now(), Owner: a.owner}
	if err := a.lease.Save(ctx, g); err != nil {
		return err
	}
	a.at(stepMarked)
	return nil
}

// send makes the one request.
func (a *attempt) send(ctx context.Context) (*sftoken.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Deadline)
	defer cancel()
	a.sends++
	return renew(ctx, a.client(), a.grant)
}

func (a *attempt) client() *sftoken.Client {
	return &sftoken.Client{App: a.grant.App, Hosts: sftoken.HostRules{Allow: a.grant.AllowHosts}, HTTP: a.options.HTTP}
}

// spendable reports whether there is something to renew the grant by. Whoever asks for a refresh in so many words gets one try at
// a grant that Salesforce had blocked: an administrator may have relented.
func (a *attempt) spendable() bool {
	blocked := a.need.kind == needRefresh && errors.Is(a.hopeless(), sftoken.ErrBlocked)
	return a.grant.Renewable() && (a.grant.State != store.Dead || blocked)
}

// hopeless says why no refresh can be tried.
func (a *attempt) hopeless() *DeadError {
	if a.grant.State == store.Dead {
		return deadError(a.alias, a.grant.Reason)
	}
	return deadError(a.alias, notRenewable(a.grant))
}

func (a *attempt) release(lease store.Lease) {
	if err := lease.Release(); err != nil {
		a.options.Log.Warn("lease not released", "alias", a.alias, "error", err)
	}
}
