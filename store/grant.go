package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/sftoken/sftoken"
)

// Grant is one user's approval of one app in one org, and all that is needed to keep it alive: refresh token, identity,
// scopes, state.
type Grant struct {
	Alias      string // the user's short name for it
	Generation uint64 // set by the store: one more at every Save; 0 = never saved

	App        sftoken.App // with its client secret and private key: a grant is renewed without anything else
	AllowHosts []string    // sftoken.HostRules.Allow at login time

	// Flow is how the grant was obtained, and decides how it is renewed; Subject and Audience are those of the JWT bearer
	// flow, which is run again.
	Flow     sftoken.Flow
	Subject  string
	Audience string

	AccessToken  sftoken.Secret
	RefreshToken sftoken.Secret
	InstanceURL  string // where the org's API answers
	IdentityURL  string
	CommunityURL string

	OrgID, UserID, Username, DisplayName, Email string

	Scopes   []string  // nil when the answer named none
	IssuedAt time.Time // of the access token
	Expiry   Expiry    // of the access token, as far as known
	Rejected string    // fingerprint of the last access token that an API rejected: one refresh for one rejected token, ever

	State    State
	Reason   string    // why Dead or Uncertain: "invalid_grant: expired access/refresh token"
	Spending *Spending // set while the refresh token is being spent; found after a crash, it means the token may be dead
	Rotates  bool      // a refresh answered with a new refresh token at least once

	CreatedAt   time.Time
	RefreshedAt time.Time
}

// Expiry is when an access token dies and how we know. Salesforce sends no expires_in; the zero Expiry is "unknown".
type Expiry struct {
	At     time.Time
	Source ExpirySource
}

// ExpirySource is where a known expiry was learnt.
type ExpirySource string

// The sources of an expiry.
const (
	FromIntrospection ExpirySource = "introspection" // exp of the introspection answer
	FromJWT           ExpirySource = "jwt"           // exp of a JWT access token
	FromSession       ExpirySource = "session"       // the org's session time-out, configured by the user
	FromRejection     ExpirySource = "rejection"     // an API answered 401
)

// IsZero reports whether the expiry is unknown.
func (e Expiry) IsZero() bool { return e.At.IsZero() }

// Spending marks that the refresh token with this fingerprint is being sent to Salesforce. It is saved before the request
// leaves and removed by the save that follows the answer.
type Spending struct {
	Fingerprint string
	Since       time.Time
	Owner       string // process and host, for people
}

// State is what is known about the refresh token.
type State uint8

// The states of a grant.
const (
	Live      State = iota // believed to work
	Uncertain              // it was sent and no answer came: it may have been rotated
	Dead                   // Salesforce refused it for good
)

var stateNames = []string{Live: "live", Uncertain: "uncertain", Dead: "dead"}

// String returns "live", "uncertain" or "dead".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) {
	if int(s) >= len(stateNames) {
		return nil, fmt.Errorf("write grant state: no state %d", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames, string(text))
	if i < 0 {
		return fmt.Errorf("read grant state: no state %q", text)
	}
	*s = State(i)
	return nil
}

// Restored begins the Reason of an Uncertain grant that came out of a backup: its refresh token may have been spent since
// then, and Salesforce has to be asked before it is sent. Sending one that is spent ends the login for all who have it.
const Restored = "restored from a backup"

// MayRotate is false of a grant whose refreshes have been answered without a new refresh token: its token is not spent by
// use.
func (g *Grant) MayRotate() bool {
	return !g.RefreshToken.IsZero() && (g.Rotates || !g.RefreshedAt.After(g.CreatedAt))
}

// RunsAgain reports whether the grant is renewed by running its flow again, with what it holds. Nothing is spent by that.
func (g *Grant) RunsAgain() bool {
	if g.Flow.Facts().Renewal != sftoken.RenewByRunning {
		return false
	}
	if g.Flow == sftoken.FlowJWTBearer {
		return !g.App.PrivateKey.IsZero() && g.Subject != ""
	}
	return !g.App.ClientSecret.IsZero() || !g.App.PrivateKey.IsZero()
}

// Renewable reports whether the grant gives new access tokens without anybody logging in, as far as it knows.
func (g *Grant) Renewable() bool { return !g.RefreshToken.IsZero() || g.RunsAgain() }

// Clone returns a copy that shares nothing with g that can be changed.
func (g *Grant) Clone() *Grant {
	if g == nil {
		return nil
	}
	c := *g
	c.App.Scopes = slices.Clone(g.App.Scopes)
	c.AllowHosts = slices.Clone(g.AllowHosts)
	c.Scopes = slices.Clone(g.Scopes)
	if g.Spending != nil {
		spending := *g.Spending
		c.Spending = &spending
	}
	return &c
}
