package emulator

import (
	"net/netip"
	"slices"
	"time"
)

// grant is one approval of one app by one user: a refresh token, if the scopes have it, and the access tokens made from it.
// Server.mu guards its fields.
type grant struct {
	number       int32 // 1, 2, …
	generation   int32 // how many refresh tokens it has had
	clientID     string
	who          *account
	scopes       []string
	refreshToken string    // the living one; "" if there never was one
	created      time.Time // approval
	used         time.Time // last use of the refresh token
	dead         bool      // revoked: its access tokens are dead too
	end          *ending   // once dead
	latest       *session
	uses         int32 // of the refresh token, the approval included: UseCount
}

// ending is how a grant died. It is never changed, only replaced.
type ending struct {
	by     Cause
	at     time.Time
	reused time.Time // when a spent refresh token last came back
}

// revoke ends g and its access tokens. The first cause stays. s.mu is held.
func (g *grant) revoke(by Cause, now time.Time) {
	if !g.dead {
		g.dead, g.end = true, &ending{by: by, at: now}
	}
	if by == ByReuse {
		seen := *g.end
		seen.reused = now
		g.end = &seen
	}
}

// approval is what the limit of five counts.
type approval struct{ clientID, userID string }

// session is an access token.
type session struct {
	token   string
	grant   *grant
	issued  time.Time
	timeout time.Duration
	expires time.Time // slides with use
	revoked bool
	fixed   bool       // expires does not slide: the token is a JWT, which says its end
	address netip.Addr // it was given to; not valid when nobody noted it
}

func (a *session) lives(now time.Time) bool {
	return !a.revoked && !a.grant.dead && now.Before(a.expires)
}

// maxApprovals is Salesforce's limit of refresh tokens for one user and one app.
const maxApprovals = 5

// approve makes a grant. The sixth with a refresh token revokes the oldest, with its access tokens. s.mu is held.
func (s *Server) approve(clientID string, who *account, scopes []string, now time.Time) *grant {
	g := &grant{clientID: clientID, who: who, scopes: scopes, created: now, used: now, uses: 1}
	key := approval{clientID, id15(who.user.ID)}
	living := slices.DeleteFunc(s.approved[key], func(g *grant) bool {
		return g.dead || (g.refreshToken == "" && (g.latest == nil || !g.latest.lives(now)))
	})
	if slices.Contains(scopes, "refresh_token") {
		s.giveRefreshToken(g)
		holders := slices.DeleteFunc(slices.Clone(living), func(g *grant) bool { return g.refreshToken == "" })
		if len(holders) >= maxApprovals {
			holders[0].revoke(BySixthApproval, now)
		}
	}
	s.approved[key] = append(living, g)
	s.record(g)
	return g
}

// record gives g its number. s.mu is held.
func (s *Server) record(g *grant) {
	s.number++
	g.number = s.number
	s.all = append(s.all, g)
}

// giveRefreshToken replaces g's refresh token. Spent ones stay known, so that their reuse is seen. s.mu is held.
func (s *Server) giveRefreshToken(g *grant) {
	g.generation++
	g.refreshToken = s.mintRefreshToken()
	s.grants[g.refreshToken] = g
}

// approvedScopes reports whether who has a living approval of the app for all of scopes: then no consent page is shown.
// s.mu is held.
func (s *Server) approvedScopes(clientID string, who *account, scopes []string, now time.Time) bool {
	return slices.ContainsFunc(s.approved[approval{clientID, id15(who.user.ID)}], func(g *grant) bool {
		if g.dead || (g.refreshToken == "" && !g.latest.lives(now)) {
			return false
		}
		return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(g.scopes, scope) })
	})
}

// refreshLives reports whether app's policy still lets g's refresh token be used. Salesforce evaluates the policy only
// when the token is used. s.mu is held.
func (g *grant) refreshLives(app *App, now time.Time) bool {
	policy, _ := app.RefreshPolicy.parse() // validated
	idle := app.idleLimit(policy)
	switch {
	case g.dead, policy.never:
		return false
	case policy.lifetime > 0 && now.Sub(g.created) >= policy.lifetime:
		return false
	}
	return idle == 0 || now.Sub(g.used) < idle
}

// refreshExpiry is when g's refresh token will die if nothing happens; zero when the policy has no end. s.mu is held.
func (g *grant) refreshExpiry(app *App) time.Time {
	policy, _ := app.RefreshPolicy.parse()
	var end time.Time
	if policy.lifetime > 0 {
		end = g.created.Add(policy.lifetime)
	}
	if idle := app.idleLimit(policy); idle > 0 {
		if at := g.used.Add(idle); end.IsZero() || at.Before(end) {
			end = at
		}
	}
	return end
}

// openSession makes an access token for g. s.mu is held.
func (s *Server) openSession(g *grant, app *App, now time.Time) *session {
	if app.SameAccessToken && g.latest != nil && g.latest.lives(now) {
		return g.latest
	}
	timeout := app.SessionTimeout
	if timeout <= 0 {
		timeout = s.dir.current(g.who).org.SessionTimeout
	}
	a := &session{token: s.mintAccessToken(g.who.org.ID), grant: g, issued: now, timeout: timeout, expires: now.Add(timeout)}
	g.latest = a
	s.sessions[a.token] = a
	s.sweep(now)
	return a
}

// useSession finds the living access token and makes it live longer, as use does at Salesforce.
func (s *Server) useSession(token string) *session {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.sessions[token]
	if a == nil || !a.lives(now) {
		return nil
	}
	if !a.fixed {
		a.expires = now.Add(a.timeout)
	}
	return a
}

// ExpireSessions ends every access token now: the data API answers 401 to each. Refresh tokens stay.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.sessions {
		a.revoked = true
	}
}

const (
	sweepFloor   = 4096
	codeLife     = 15 * time.Minute
	codeMemory   = 24 * time.Hour // a code that comes back after this long is unknown rather than expired
	attemptLife  = time.Hour
	bridgeLife   = 60 * time.Second
	maxUnclaimed = 100_000 // attempts: anybody can start one
)

// sweep forgets what is over, each time the state has doubled since the last sweep. s.mu is held.
func (s *Server) sweep(now time.Time) {
	if len(s.sessions)+len(s.codes) < s.sweepAt {
		return
	}
	deleteFunc(s.sessions, func(a *session) bool { return !a.lives(now) })
	deleteFunc(s.codes, func(c *code) bool { return now.Sub(c.issued) > codeMemory })
	s.all = slices.DeleteFunc(s.all, func(g *grant) bool { return g.refreshToken == "" && !g.latest.lives(now) })
	deleteFunc(s.bridges, func(b *bridge) bool { return now.Sub(b.issued) > bridgeLife })
	s.sweepAt = max(sweepFloor, 2*(len(s.sessions)+len(s.codes)))
}

func deleteFunc[V any](m map[string]V, over func(V) bool) {
	for key, value := range m {
		if over(value) {
			delete(m, key)
		}
	}
}
