package emulator

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// administration is what an org's administrators and APIs leave behind, besides apps and grants. It has a lock of its own,
// which is never held while Server.mu is taken.
type administration struct {
	mu sync.Mutex
	records

	open     atomic.Int32 // deployments that are not done
	settling sync.Mutex   // held while one takes effect
}

// records are the part that a snapshot holds.
type records struct {
	history     []loginEvent
	events      int
	saved       map[string]time.Time // when an app was last saved, by client id
	cursors     map[string]*cursor   // query results that are fetched in parts; never changed
	deployments map[string]*deployment
	staged      map[string]*stagedCredentials // by app; never changed, only replaced
	serial      int
}

func newAdministration() *administration {
	return &administration{records: records{
		saved: map[string]time.Time{}, cursors: map[string]*cursor{}, deployments: map[string]*deployment{}, staged: map[string]*stagedCredentials{},
	}}
}

// clone copies all that can change in place.
func (r *records) clone() records {
	c := *r
	c.history = slices.Clone(r.history)
	c.saved, c.cursors, c.staged = maps.Clone(r.saved), maps.Clone(r.cursors), maps.Clone(r.staged)
	c.deployments = mapped(r.deployments, func(old *deployment) *deployment {
		d := *old
		return &d
	})
	return c
}

func (o *administration) snapshot() records {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.records.clone()
}

func (o *administration) restore(from *records) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = from.clone()
	open := 0
	for _, d := range o.deployments {
		if !d.done {
			open++
		}
	}
	o.open.Store(int32(open)) // #nosec G115 -- at most maxDeployments
}

// next returns a new id with the prefix of its object.
func (o *administration) next(prefix string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.serial++
	return serialID(prefix, o.serial)
}

func serialID(prefix string, n int) string {
	digits := strings.ToUpper(strconv.FormatInt(int64(n), 36))
	return id18(prefix + "EMU" + strings.Repeat("0", max(0, 9-len(digits))) + digits)
}

// stableID is an id that depends on name alone: apps are configured without ids.
func stableID(prefix, name string) string {
	sum := sha256.Sum256([]byte(prefix + name))
	digits := make([]byte, 9)
	for i := range digits {
		digits[i] = tokenAlphabet[:62][int(sum[i])%62]
	}
	return id18(prefix + "EMU" + string(digits))
}

// propagating reports whether an app was saved so short a time ago that the login servers do not know it yet: Setup warns
// of 2 to 10 minutes (O), 30 for external client apps (Q). Off unless the configuration says otherwise.
func (s *Server) propagating(clientID string) bool {
	if s.propagation <= 0 {
		return false
	}
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	at, ok := s.org.saved[clientID]
	return ok && s.now().Sub(at) < s.propagation
}

// saved notes that an administrator has saved an app just now.
func (s *Server) saved(clientID string) {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	s.org.saved[clientID] = s.now()
}
