package refresh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// IdleLimit is how long Salesforce lets a refresh token lie unused: 30 days, for everybody since November 2026
// (salesforce-oauth.md sections 3.4 and 4.1). The policy of an app may be shorter.
const IdleLimit = 30 * 24 * time.Hour

const (
	keepAliveEvery    = time.Hour
	keepAliveRate     = 5  // refreshes a second at one login host
	keepAliveParallel = 4  // and at the same time
	keepAliveHosts    = 16 // at the same time
	hostStrikes       = 3  // failures of a login host in a row, after which the rest of its grants is put off
)

// KeepAlive refreshes the grants that are about to die of disuse. Only Engine must be set; set nothing while it runs.
type KeepAlive struct {
	Engine *Engine
	// Limit is how long a refresh token may lie unused. 0: IdleLimit.
	Limit time.Duration
	// Within is how long before the end a grant is refreshed. 0: a third of Limit, which leaves days for mending what
	// stands in the way.
	Within time.Duration
	// Every is how often Serve looks, give or take a tenth. 0: one hour.
	Every time.Duration
	// OnResult, if not nil, is told of each grant as soon as it is done with, by one goroutine at a time.
	OnResult func(Result)
}

// Outcome is what KeepAlive did with a grant.
type Outcome string

// The outcomes.
const (
	Kept    Outcome = "refreshed"
	NotDue  Outcome = "not due" // it was used lately: told of grants that were named, or that another process refreshed
	NoNeed  Outcome = "no refresh token"
	Failed  Outcome = "failed"
	PutOff  Outcome = "put off" // its login host fails; it was not tried
	pending Outcome = ""
)

// Result is what became of one grant.
type Result struct {
	Alias   string
	Outcome Outcome
	Due     time.Time // when the refresh token would have died, as far as known
	Err     error     // Failed, PutOff
	Done    int       // how many grants are done with
	Of      int       // of how many
}

// Run looks once and refreshes what must be, all grants or the named ones. Failures are in the results and stop nobody
// else. It spreads the requests: at most 4 at once and 5 a second at one login host. When ctx ends, no further refresh
// starts; those under way are finished. Its error is that of ctx or of listing the store.
func (k *KeepAlive) Run(ctx context.Context, aliases ...string) error {
	r := &keepRun{KeepAlive: k, now: k.Engine.now()}
	if err := r.collect(ctx, aliases); err != nil {
		return err
	}
	hosts := make(chan struct{}, keepAliveHosts)
	var group sync.WaitGroup
	for host, due := range r.byHost {
		hosts <- struct{}{}
		group.Go(func() {
			defer func() { <-hosts }()
			r.refreshAll(ctx, host, due)
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// Serve runs again and again until ctx ends, and then returns nil. If the store cannot be listed, a Result without an alias
// says why, and the next look tries again.
func (k *KeepAlive) Serve(ctx context.Context, aliases ...string) error {
	every := k.Every
	if every <= 0 {
		every = keepAliveEvery
	}
	for {
		if err := k.Run(ctx, aliases...); err != nil && ctx.Err() == nil && k.OnResult != nil {
			k.OnResult(Result{Outcome: Failed, Err: err})
		}
		timer := time.NewTimer(jitter(every))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// jitter is d, give or take a tenth.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

// keepRun is one look.
type keepRun struct {
	*KeepAlive
	now    time.Time
	limit  time.Duration // how long a grant may lie
	after  time.Duration // and after how long it is refreshed
	byHost map[sftoken.Host][]Result

	mu       sync.Mutex // orders OnResult
	done, of int
}

func (k *KeepAlive) limits() (limit, after time.Duration) {
	limit = k.Limit
	if limit <= 0 {
		limit = IdleLimit
	}
	within := k.Within
	if within <= 0 {
		within = limit / 3
	}
	return limit, max(limit-within, 0)
}

// collect finds what is due, by login host. What needs no refresh is told at once.
func (r *keepRun) collect(ctx context.Context, aliases []string) error {
	r.byHost = map[sftoken.Host][]Result{}
	r.limit, r.after = r.limits()
	for _, alias := range aliases {
		r.add(ctx, alias, true)
	}
	if len(aliases) > 0 {
		return context.Cause(ctx)
	}
	for alias, err := range store.Idle(ctx, r.Engine.options.Store, r.now.Add(-r.after)) {
		switch {
		case err != nil && alias == "":
			return err
		case err != nil:
			r.of++
			r.tell(Result{Alias: alias, Outcome: Failed, Err: err})
		default:
			r.add(ctx, alias, false)
		}
	}
	return context.Cause(ctx)
}

func (r *keepRun) add(ctx context.Context, alias string, named bool) {
	result, host := r.look(ctx, alias)
	if errors.Is(result.Err, store.ErrNotFound) && !named || ctx.Err() != nil {
		return // logged out meanwhile, or told to stop
	}
	r.of++
	if result.Outcome == pending {
		r.byHost[host] = append(r.byHost[host], result)
		return
	}
	r.tell(result)
}

// look reads a grant; pending means that it is due.
func (r *keepRun) look(ctx context.Context, alias string) (Result, sftoken.Host) {
	result := Result{Alias: alias}
	g, err := r.Engine.options.Store.Get(ctx, alias)
	if err != nil {
		result.Outcome, result.Err = Failed, err
		return result, sftoken.Host{}
	}
	if !g.RefreshedAt.IsZero() {
		result.Due = g.RefreshedAt.Add(r.limit)
	}
	switch {
	case g.State == store.Dead:
		result.Outcome, result.Err = Failed, deadError(alias, g.Reason)
	case g.RefreshToken.IsZero():
		result.Outcome = NoNeed
	case r.now.Sub(g.RefreshedAt) < r.after:
		result.Outcome = NotDue
	}
	return result, g.App.Host
}

// lane is the work at one login host.
type lane struct {
	limiter *rate.Limiter
	mu      sync.Mutex
	strikes int
	last    error // the failure that counted last
}

func (r *keepRun) refreshAll(ctx context.Context, host sftoken.Host, due []Result) {
	l := &lane{limiter: rate.NewLimiter(keepAliveRate, 1)}
	work := make(chan Result)
	var group sync.WaitGroup
	for range min(keepAliveParallel, len(due)) {
		group.Go(func() {
			for result := range work {
				r.tell(r.refreshOne(ctx, l, result))
			}
		})
	}
	for _, result := range due {
		if ctx.Err() != nil {
			break
		}
		work <- result
	}
	close(work)
	group.Wait()
}

// refreshOne waits for its turn and refreshes one grant. Once begun it is not cancelled: the answer may hold the only
// living refresh token.
func (r *keepRun) refreshOne(ctx context.Context, l *lane, result Result) Result {
	if err := l.broken(); err != nil {
		result.Outcome, result.Err = PutOff, fmt.Errorf("refresh %s: not tried, its login host fails: %w", result.Alias, err)
		return result
	}
	if l.limiter.Wait(ctx) != nil || sleep(ctx, rand.N(time.Second/keepAliveRate)) != nil {
		return result // pending
	}
	if again, _ := r.look(ctx, result.Alias); again.Outcome != pending {
		return again // another process was faster
	}
	_, err := r.Engine.Refresh(context.WithoutCancel(ctx), result.Alias)
	l.count(err)
	result.Outcome, result.Err = Kept, err
	if err != nil {
		result.Outcome = Failed
	}
	return result
}

// broken returns why the login host is left alone for the rest of this run: a host that does not answer would leave one
// grant after the other in doubt.
func (l *lane) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.strikes < hostStrikes {
		return nil
	}
	return l.last
}

func (l *lane) count(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !errors.Is(err, sftoken.ErrTemporary) {
		l.strikes = 0
		return
	}
	l.strikes++
	l.last = err
}

func (r *keepRun) tell(result Result) {
	if result.Outcome == pending {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	result.Done, result.Of = r.done, max(r.of, r.done)
	if r.OnResult != nil {
		r.OnResult(result)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
