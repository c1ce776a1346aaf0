package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// patience is how long a caller waits for an early refresh while the old token still lives.
const patience = 5 * time.Second

// errAborted stands as a flight's error if its goroutine ends before its work does.
var errAborted = errors.New("refresh was abandoned")

// need is what a caller wants.
type need struct {
	kind     needKind
	rejected sftoken.Secret // needOther
	ahead    bool           // nobody waits
}

type needKind uint8

const (
	needAny     needKind = iota // a token that works
	needRefresh                 // one that is newer than the call
	needOther                   // one other than the rejected
)

// flight is the refresh of one grant that is under way in this process. What it found may be read once done is closed.
type flight struct {
	done   chan struct{}
	access *Access // with err: a token that lives, though it could not be refreshed
	err    error
}

// fly is step 2: it waits for the grant's flight, its own or one under way. Leaving cancels nothing.
func (e *Engine) fly(ctx context.Context, alias string, n need) (*Access, error) {
	entry := e.entry(alias)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		f, own, err := e.join(ctx, entry, alias, n)
		if err != nil {
			return nil, fmt.Errorf("refresh %s: %w", alias, err)
		}
		select {
		case <-f.done:
			if access, err, ok := n.meet(f, own); ok {
				return access, err
			}
		case <-late.C:
			if access := entry.living(e.now()); access != nil && n.kind == needAny {
				slow := *access
				slow.Warning = fmt.Errorf("refresh %s: no answer for %v: %w", alias, patience, sftoken.ErrTemporary)
				return &slow, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("refresh %s: %w", alias, context.Cause(ctx))
		}
	}
}

// maxAhead bounds the flights that nobody waits for.
const maxAhead = 32

var errEnoughAhead = errors.New("enough refreshes in the background")

// flyAhead returns the held token if it has not died, and sees to it that its refresh is under way. When that cannot start
// now, a later caller will start it.
func (e *Engine) flyAhead(ctx context.Context, alias string) *Access {
	entry := e.entry(alias)
	access := entry.living(e.now())
	if access != nil {
		_, _, _ = e.join(ctx, entry, alias, need{ahead: true})
	}
	return access
}

// meet reports whether the flight answers the need, and the answer. A flight that was started for somebody else's need may
// not.
func (n need) meet(f *flight, own bool) (*Access, error, bool) {
	other := n.kind == needOther
	switch {
	case f.err == nil && (own || n.kind == needAny || other && !f.access.Token.Equal(n.rejected)):
		return f.access, nil, true
	case f.err == nil:
		return f.access, nil, n.kind == needRefresh && f.access.Refreshed
	case f.access != nil && (n.kind == needAny || other && !f.access.Token.Equal(n.rejected)):
		return f.access, nil, true
	}
	return nil, f.err, own || n.kind != needRefresh
}

// join returns the flight under way, or starts one.
func (e *Engine) join(ctx context.Context, entry *entry, alias string, n need) (f *flight, own bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, context.Cause(ctx)
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if entry.flight != nil {
		return entry.flight, false, nil
	}
	f = &flight{done: make(chan struct{})}
	if n.kind == needAny { // a flight may have landed since the caller looked
		if f.access, f.err = e.cached(alias); f.access != nil || f.err != nil {
			close(f.done)
			return f, true, nil
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing.Err() != nil {
		return nil, false, ErrClosed
	}
	if n.ahead {
		if e.ahead >= maxAhead {
			return nil, false, errEnoughAhead
		}
		e.ahead++
	}
	e.flights.Add(1)
	entry.flight = f
	a := &attempt{Engine: e, entry: entry, alias: alias, need: n}
	go a.carry(context.WithoutCancel(ctx), f)
	return f, true, nil
}

// attempt is the work of one flight.
type attempt struct {
	*Engine
	entry *entry
	alias string
	need  need

	before time.Time    // when the grant had been refreshed last, at the first look
	lease  store.Lease  // from step 3 on
	grant  *store.Grant // as the store has it, but for what is being changed
	prior  doubt        // what the mark covers, to go back to when nothing was spent
	sends  int          // how often the refresh token was sent
	busy   int          // how often Salesforce was busy with it
	reread bool
	events []Event
}

// carry does the work, answers the waiting callers, and then does what need not keep them waiting.
func (a *attempt) carry(ctx context.Context, f *flight) {
	defer a.done()
	f.err = errAborted
	func() {
		defer a.land(f)
		f.access, f.err = a.run(ctx)
	}()
	if a.options.OnEvent != nil {
		for _, event := range a.events {
			a.options.OnEvent(event)
		}
	}
	if f.err == nil && f.access.Refreshed {
		a.learn(ctx)
	}
}

func (a *attempt) done() {
	if a.need.ahead {
		a.mu.Lock()
		a.ahead--
		a.mu.Unlock()
	}
	a.flights.Done()
}

func (a *attempt) land(f *flight) {
	a.entry.mu.Lock()
	a.entry.flight = nil
	a.entry.mu.Unlock()
	if errors.Is(f.err, store.ErrNotFound) { // else names that nobody knows would fill the memory
		a.entries.CompareAndDelete(a.alias, a.entry)
	}
	close(f.done)
}

// run looks at the store without a lease, which answers most callers, and refreshes if it must.
func (a *attempt) run(ctx context.Context) (*Access, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Deadline)
	defer cancel()
	var err error
	if a.grant, err = a.options.Store.Get(ctx, a.alias); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			a.entry.forget()
		}
		return nil, err
	}
	a.before = a.grant.RefreshedAt
	access, err := a.settle()
	if access != nil {
		return access, nil
	}
	if err == nil && !a.rejects() { // a rejection is noted even during a pause, or the token would be served again
		a.offer()
		err = a.paused()
	}
	if err == nil {
		if access, err = a.refresh(ctx); err == nil {
			return access, nil
		}
	}
	return a.rescue(err), err
}

// settle answers the need from the grant as it stands, with neither access nor error if only a refresh can.
func (a *attempt) settle() (*Access, error) {
	g := a.grant
	switch {
	case a.need.kind == needRefresh:
		if !g.RefreshedAt.Equal(a.before) {
			return a.refreshed(g), nil
		}
	case a.rejects():
		return nil, a.policy()
	case a.fresh(g, a.now()):
		return a.hold(g), nil
	}
	if a.spendable() {
		return nil, nil
	}
	return nil, a.hopeless()
}

// refreshed is the answer to those who waited for a refresh.
func (a *attempt) refreshed(g *store.Grant) *Access {
	access := *a.hold(g)
	access.Refreshed = true
	return &access
}

// rescue finds the token that lives although err befell its grant, and remembers the answer for those who come next.
func (a *attempt) rescue(err error) *Access {
	if a.grant == nil || a.rejects() || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	dead, isDead := errors.AsType[*DeadError](err)
	switch {
	case isDead && !a.alive(a.grant, a.now()):
		a.holdDead(dead)
		return nil
	case !a.alive(a.grant, a.now()):
		return nil
	case isDead:
		return a.hold(a.grant)
	}
	access := a.access(a.grant)
	access.Warning = err
	a.holdEarly(access, a.pausedUntil())
	return access
}
