package refresh

import (
	"context"
	"time"

	"github.com/sftoken/sftoken/store"
)

const (
	// policyAge is how old a token must be that came in answer to a rejection, before its own rejection is taken for an
	// expiry again. Clients without such a rule have made 1,500 token requests in 20 seconds.
	policyAge = time.Minute
	// reissueAge is the same for a token that Salesforce gave again, unchanged, in answer to its rejection (observed): no
	// session time-out is shorter than 15 minutes (salesforce-oauth.md section 4).
	reissueAge = 15 * time.Minute
)

// rejects reports whether the caller rejects the token that the grant holds. One that it no longer holds needs no refresh.
func (a *attempt) rejects() bool {
	return a.need.kind == needOther && a.grant != nil && a.grant.AccessToken.Equal(a.need.rejected)
}

// policy returns a *RejectedError when a refresh has already answered this rejection or the one before it (B-09).
func (a *attempt) policy() error {
	g := a.grant
	known := g.Expiry.Source == store.FromRejection // noted, but not refreshed yet
	if g.Rejected == "" || known || g.State == store.Dead {
		return nil
	}
	limit := policyAge
	if g.Rejected == g.AccessToken.Fingerprint() {
		limit = reissueAge
	}
	if age := a.now().Sub(g.RefreshedAt); age >= 0 && age < limit {
		return &RejectedError{Alias: a.alias, Age: age}
	}
	return nil
}

// note writes the rejection into the grant. It is saved with the mark; if there will be none, here. The error says why no
// refresh follows.
func (a *attempt) note(ctx context.Context) error {
	g := a.grant
	noted := a.rejects() && g.Expiry.Source != store.FromRejection
	if noted {
		g.Rejected = g.AccessToken.Fingerprint()
		g.Expiry = store.Expiry{At: a.now(), Source: store.FromRejection}
		a.tell(Rejected, nil)
	}
	var err error
	if !a.spendable() {
		err = a.hopeless()
	} else {
		err = a.paused()
	}
	if err != nil && noted {
		a.saveNote(ctx)
	}
	return err
}
