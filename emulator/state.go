package emulator

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// state is what an emulator knows and forgets with Reset. Server.mu guards it.
type state struct {
	dir      directory
	apps     map[string]*App // an *App is never changed, only replaced
	attempts map[string]*attempt
	browsers map[string]*account
	codes    map[string]*code
	grants   map[string]*grant // by refresh token, living or spent
	all      []*grant          // by number
	number   int32             // of the newest grant
	approved map[approval][]*grant
	sessions map[string]*session // by access token
	bridges  map[string]*bridge
	devices  map[string]*device   // by device code
	checks   map[string]*check    // by browser name: logins that wait for a code
	letters  map[string]*letter   // by identifier: headless requests that wait for a code
	usedJTIs map[string]time.Time // by client id and jti: when the client assertion ends
	sweepAt  int
}

func newState(config *Config) state {
	t := state{
		dir:      newDirectory(config),
		apps:     map[string]*App{},
		attempts: map[string]*attempt{},
		browsers: map[string]*account{},
		codes:    map[string]*code{},
		grants:   map[string]*grant{},
		approved: map[approval][]*grant{},
		sessions: map[string]*session{},
		bridges:  map[string]*bridge{},
		devices:  map[string]*device{},
		checks:   map[string]*check{},
		letters:  map[string]*letter{},
		usedJTIs: map[string]time.Time{},
		sweepAt:  sweepFloor,
	}
	for i := range config.Apps {
		t.apps[config.Apps[i].ClientID] = config.Apps[i].clone()
	}
	return t
}

// clone copies all that can change in place. What is only ever replaced, such as an *App, is shared; a test knows the list.
func (t *state) clone() state {
	grants, sessions := map[*grant]*grant{}, map[*session]*session{}
	var ofSession func(*session) *session
	ofGrant := func(old *grant) *grant {
		if old == nil || grants[old] != nil {
			return grants[old]
		}
		g := *old
		grants[old] = &g
		g.latest = ofSession(old.latest)
		return &g
	}
	ofSession = func(old *session) *session {
		if old == nil || sessions[old] != nil {
			return sessions[old]
		}
		a := *old
		sessions[old] = &a
		a.grant = ofGrant(old.grant)
		return &a
	}

	c := *t
	c.dir = t.dir.clone()
	c.apps, c.attempts, c.browsers, c.bridges = maps.Clone(t.apps), maps.Clone(t.attempts), maps.Clone(t.browsers), maps.Clone(t.bridges)
	c.checks, c.letters, c.usedJTIs = maps.Clone(t.checks), maps.Clone(t.letters), maps.Clone(t.usedJTIs)
	c.devices = mapped(t.devices, func(old *device) *device {
		d := *old
		return &d
	})
	c.grants = mapped(t.grants, ofGrant)
	c.sessions = mapped(t.sessions, ofSession)
	c.approved = mapped(t.approved, func(list []*grant) []*grant { return each(list, ofGrant) })
	c.all = each(t.all, ofGrant)
	c.codes = mapped(t.codes, func(old *code) *code {
		k := *old
		k.grant = ofGrant(old.grant)
		return &k
	})
	return c
}

func mapped[K comparable, V any](m map[K]V, copied func(V) V) map[K]V {
	out := make(map[K]V, len(m))
	for key, value := range m {
		out[key] = copied(value)
	}
	return out
}

func each[V any](list []V, copied func(V) V) []V {
	out := slices.Clone(list)
	for i, value := range out {
		out[i] = copied(value)
	}
	return out
}

func (d *directory) clone() directory {
	c := *d
	c.orgs, c.ordered = slices.Clone(d.orgs), slices.Clone(d.ordered)
	c.byName, c.byID, c.byDomain, c.moved = maps.Clone(d.byName), maps.Clone(d.byID), maps.Clone(d.byDomain), maps.Clone(d.moved)
	c.logins = mapped(d.logins, slices.Clone[[]time.Time])
	return c
}

// Snapshot is all that an emulator knew at a moment: orgs, users, apps, grants, tokens, codes, browsers and the clock.
// The journal and the faults are not in it.
type Snapshot struct {
	state  state
	org    records
	at     time.Time
	random rand.ChaCha8
}

// Snapshot remembers the present.
func (s *Server) Snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Snapshot{state: s.state.clone(), org: s.org.snapshot(), at: s.now(), random: s.random.mark()}
}

// Restore goes back to a snapshot of this server, as often as one likes; the clock too. With a seed, the tokens that follow
// are the same again.
func (s *Server) Restore(from *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = from.state.clone()
	s.org.restore(&from.org)
	s.advance.Store(int64(from.at.Sub(s.clock())))
	s.random.rewind(from.random)
}

// Reset makes the server as New made it: the configured orgs, users, apps and faults, no grants, an empty journal, the clock
// of Options. Signing keys stay.
func (s *Server) Reset() {
	s.ClearRequests()
	s.Script(s.ordered...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = s.fresh.state.clone()
	s.org.restore(&s.fresh.org)
	s.advance.Store(0)
	s.random.rewind(s.fresh.random)
}
