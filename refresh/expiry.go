package refresh

import (
	"context"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

const (
	// clockSlack is how far the clocks of machines that share a store may be apart.
	clockSlack = 5 * time.Minute
	// learnTime bounds the question when a new access token dies.
	learnTime = 10 * time.Second
	// maxLearning bounds how many such questions are open at once.
	maxLearning = 4
)

// expiry is when the access token dies as far as anybody knows. Salesforce sends no expires_in (C-43).
func (e *Engine) expiry(g *store.Grant) store.Expiry {
	if !g.Expiry.IsZero() || e.options.SessionTimeout <= 0 {
		return g.Expiry
	}
	return store.Expiry{At: obtained(g).Add(e.options.SessionTimeout), Source: store.FromSession}
}

// obtained is when the access token came, by the clock of the machine that got it.
func obtained(g *store.Grant) time.Time {
	for _, t := range []time.Time{g.RefreshedAt, g.IssuedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return g.CreatedAt
}

// due is when the token should be refreshed: the margin before it dies, or when it dies if no refresh can help. Zero:
// when an API rejects it.
func (e *Engine) due(g *store.Grant) time.Time {
	x := e.expiry(g)
	if x.IsZero() || !refreshable(g) {
		return x.At
	}
	// A JWT access token may live one minute only (salesforce-oauth.md section 4).
	life := x.At.Sub(obtained(g))
	return x.At.Add(-min(e.options.Margin, max(life, 0)/4))
}

// fresh reports whether the access token can be handed out without thinking of a refresh.
func (e *Engine) fresh(g *store.Grant, now time.Time) bool {
	due := e.due(g)
	switch {
	case g.AccessToken.IsZero() || g.Expiry.Source == store.FromRejection:
		return false
	case due.IsZero():
		return true
	case refreshable(g) && g.RefreshedAt.After(now.Add(clockSlack)):
		return false // the clock was set back since: what it says of the expiry is worth nothing (B-19)
	}
	return now.Before(due)
}

// alive reports whether the access token may still work.
func (e *Engine) alive(g *store.Grant, now time.Time) bool {
	x := e.expiry(g)
	return !g.AccessToken.IsZero() && x.Source != store.FromRejection && (x.IsZero() || now.Before(x.At))
}

func refreshable(g *store.Grant) bool { return g.State != store.Dead && g.Renewable() }

// expiryOf says when a token that has just come dies.
func (e *Engine) expiryOf(t *sftoken.Token, now time.Time) store.Expiry {
	switch {
	case !t.JWTExpiry.IsZero():
		return byOurClock(t.JWTExpiry, t.IssuedAt, now, store.FromJWT)
	case e.options.SessionTimeout > 0:
		return store.Expiry{At: now.Add(e.options.SessionTimeout), Source: store.FromSession}
	}
	return store.Expiry{}
}

// byOurClock turns Salesforce's time of expiry into ours. If our clock is behind, it was issued in the future. If it is
// ahead, a token that has just come seems to have expired: then its expiry is unknown, lest it be refreshed at every call
// (B-19).
func byOurClock(expires, issued, now time.Time, source store.ExpirySource) store.Expiry {
	if behind := issued.Sub(now); behind > time.Minute {
		expires = expires.Add(-behind)
	}
	if !expires.After(now) {
		return store.Expiry{}
	}
	return store.Expiry{At: expires, Source: source}
}

// learn asks Salesforce when the new access token dies, once its callers have it, unless the token itself has told. Only a
// client that can authenticate may ask. Whatever goes wrong here leaves the expiry as it is and nothing else.
func (a *attempt) learn(ctx context.Context) {
	if a.grant == nil || a.grant.App.IsPublic() || a.grant.AccessToken.IsZero() || !assumed(a.grant.Expiry) {
		return
	}
	// Callers of other grants come first: they wait, nobody waits for this.
	a.learning <- struct{}{}
	defer func() { <-a.learning }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), learnTime)
	defer cancel()
	if err := a.learnExpiry(ctx); err != nil {
		a.options.Log.DebugContext(ctx, "expiry not learnt", "alias", a.alias, "error", err)
	}
}

// assumed reports whether nobody has told when the token dies: the session time-out is what the user believes of the org.
func assumed(x store.Expiry) bool { return x.IsZero() || x.Source == store.FromSession }

func (a *attempt) learnExpiry(ctx context.Context) error {
	token := a.grant.AccessToken
	info, err := a.client().Introspect(ctx, token, sftoken.AccessTokenHint)
	if err != nil {
		return err
	}
	if !info.Active || info.ExpiresAt.IsZero() {
		return nil
	}
	lease, err := a.options.Store.Lease(ctx, a.alias)
	if err != nil {
		return err
	}
	defer a.release(lease)
	g, err := lease.Load(ctx)
	if err != nil || !g.AccessToken.Equal(token) || !assumed(g.Expiry) {
		return err
	}
	told := byOurClock(info.ExpiresAt, info.IssuedAt, a.now(), store.FromIntrospection)
	if told.IsZero() {
		return nil
	}
	g.Expiry = told
	if err := lease.Save(ctx, g); err != nil {
		return err
	}
	a.hold(g)
	return nil
}
