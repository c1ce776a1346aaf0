package refresh

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// deadFor is how long a dead grant is answered from memory before the store is looked at again, where a login of another
// process may have revived it. Looking costs a read, never a request.
const deadFor = time.Second

// entry is what the engine remembers of one grant.
type entry struct {
	held atomic.Pointer[held]

	mu     sync.Mutex // guards the rest
	flight *flight
	pause  pause
}

// held is the answer to Token while it holds. It is never changed, only replaced.
type held struct {
	access *Access    // nil if there is none
	dead   *DeadError // with access == nil: the answer
	until  time.Time  // zero: until rejected
	wall   int64      // until by the wall clock, in Unix nanoseconds; 0: until rejected
	end    time.Time  // when the access token dies, not before until; zero: unknown
}

// holds reports whether now is before until by the wall clock and, where until has a monotonic reading, by that too. Only
// the wall clock sees that the machine slept; only the monotonic one is not fooled when the wall clock is set back.
func (h *held) holds(now time.Time) bool { return now.UnixNano() < h.wall && now.Before(h.until) }

func (n *entry) hold(h *held) {
	if !h.until.IsZero() {
		h.wall = h.until.UnixNano()
	}
	n.held.Store(h)
}

// cached is step 1: the answer, if it is known, without lock or allocation.
func (e *Engine) cached(alias string) (*Access, error) {
	found, ok := e.entries.Load(alias)
	if !ok {
		return nil, nil
	}
	h := found.(*entry).held.Load()
	if h == nil || h.wall != 0 && !h.holds(e.now()) {
		return nil, nil
	}
	if h.access == nil {
		return nil, h.dead
	}
	return h.access, nil
}

func (e *Engine) entry(alias string) *entry {
	if found, ok := e.entries.Load(alias); ok {
		return found.(*entry)
	}
	found, _ := e.entries.LoadOrStore(alias, new(entry))
	return found.(*entry)
}

// drop removes the access token from memory.
func (n *entry) drop(token sftoken.Secret) {
	if h := n.held.Load(); h != nil && h.access != nil && h.access.Token.Equal(token) {
		n.held.CompareAndSwap(h, nil)
	}
}

func (n *entry) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held.Store(nil)
	n.pause = pause{}
}

// living returns the held access token if it has not died, be it due for a refresh or not.
func (n *entry) living(now time.Time) *Access {
	h := n.held.Load()
	if h == nil || h.access == nil || !h.end.IsZero() && !now.Before(h.end) {
		return nil
	}
	return h.access
}

// hold keeps the grant's access token as the answer for as long as it is fresh.
func (a *attempt) hold(g *store.Grant) *Access {
	now := a.now()
	h := &held{access: a.access(g), until: a.due(g), end: a.expiry(g).At}
	h.until, h.end = onBothClocks(now, h.until), onBothClocks(now, h.end)
	a.entry.hold(h)
	return h.access
}

// holdEarly keeps a living token that could not be refreshed as the answer, with a warning, until a refresh may be tried
// again.
func (a *attempt) holdEarly(access *Access, again time.Time) {
	now := a.now()
	end := onBothClocks(now, access.Expiry.At)
	if again.After(now) && (end.IsZero() || again.Before(end)) {
		a.entry.hold(&held{access: access, until: again, end: end})
	}
}

// offer lets callers who lose patience with the flight have the living token.
func (a *attempt) offer() {
	now := a.now()
	if a.alive(a.grant, now) {
		end := onBothClocks(now, a.expiry(a.grant).At)
		a.entry.held.CompareAndSwap(nil, &held{access: a.access(a.grant), until: now, wall: now.UnixNano(), end: end})
	}
}

func (a *attempt) holdDead(dead *DeadError) {
	a.entry.hold(&held{dead: dead, until: a.now().Add(deadFor)})
}

// onBothClocks gives a stored time the monotonic reading that holds compares with.
func onBothClocks(now, t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return now.Add(t.Sub(now))
}

// access is what a caller gets of the grant, with a warning if it is in trouble.
func (a *attempt) access(g *store.Grant) *Access {
	access := &Access{
		Token: g.AccessToken, InstanceURL: g.InstanceURL, Username: g.Username, OrgID: g.OrgID,
		Expiry: a.expiry(g), Generation: g.Generation, login: g.App.Host, allow: g.AllowHosts,
	}
	switch g.State {
	case store.Dead:
		access.Warning = deadError(g.Alias, g.Reason)
	case store.Uncertain:
		access.Warning = inDoubt(g, nil)
	}
	return access
}
