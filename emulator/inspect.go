package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Cause is what ended a grant.
type Cause string

// The causes.
const (
	ByRevocation    Cause = "revocation"     // its refresh token came to the revocation endpoint
	ByReuse         Cause = "reuse"          // a spent refresh token came back
	ByCodeReuse     Cause = "code_reuse"     // the code it was made from came back
	BySixthApproval Cause = "sixth_approval" // the user approved the app once too often
	ByAdministrator Cause = "administrator"  // RevokeGrant, or the usage of apps by REST
)

// Grant is one approval of one app by one user, as it is now. Tokens in it are fingerprints; see [Fingerprint].
type Grant struct {
	ID           int           `json:"id"` // counted from 1
	ClientID     string        `json:"client_id"`
	Username     string        `json:"username"`
	Org          string        `json:"org"` // its my_domain
	Scopes       []string      `json:"scopes"`
	Created      time.Time     `json:"created"`
	Used         time.Time     `json:"used"`       // last use of the refresh token, or the approval
	Generation   int           `json:"generation"` // how many refresh tokens it has had; 0: never one
	RefreshToken string        `json:"refresh_token,omitzero"`
	RefreshLives bool          `json:"refresh_lives"` // whether the next refresh would get past the app's policy
	RevokedBy    Cause         `json:"revoked_by,omitzero"`
	RevokedAt    time.Time     `json:"revoked_at,omitzero"`
	ReuseSeen    time.Time     `json:"reuse_seen,omitzero"` // when a spent refresh token last came
	AccessTokens []AccessToken `json:"access_tokens"`       // those that live
}

// AccessToken is a living access token.
type AccessToken struct {
	Token   string    `json:"token"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// GrantFilter chooses grants. The zero value chooses all of them.
type GrantFilter struct {
	ID       int    // 0: any
	ClientID string // "": any
	Username string // "": any
	Newest   int    // no more than so many, the newest; 0: no limit
}

// Grants returns the grants that f chooses, oldest first. Those that are over are among them, unless they never had a
// refresh token.
func (s *Server) Grants(f GrantFilter) []Grant {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen := []*grant{}
	for _, g := range slices.Backward(s.all) {
		if f.Newest > 0 && len(chosen) == f.Newest {
			break
		}
		if (f.ID == 0 || int32(f.ID) == g.number) && (f.ClientID == "" || f.ClientID == g.clientID) &&
			(f.Username == "" || strings.EqualFold(f.Username, s.dir.current(g.who).user.Username)) {
			chosen = append(chosen, g)
		}
	}
	slices.Reverse(chosen)
	living := map[*grant][]AccessToken{}
	for _, g := range chosen {
		living[g] = []AccessToken{}
	}
	for _, a := range s.sessions {
		if list, ok := living[a.grant]; ok && a.lives(now) {
			living[a.grant] = append(list, AccessToken{Fingerprint(a.token), a.issued, a.expires})
		}
	}
	out := make([]Grant, 0, len(chosen))
	for _, g := range chosen {
		who := s.dir.current(g.who)
		slices.SortFunc(living[g], func(x, y AccessToken) int {
			return cmp.Or(x.Issued.Compare(y.Issued), strings.Compare(x.Token, y.Token))
		})
		var end ending
		if g.end != nil {
			end = *g.end
		}
		out = append(out, Grant{
			ID: int(g.number), ClientID: g.clientID, Username: who.user.Username, Org: who.org.MyDomain, Scopes: slices.Clone(g.scopes),
			Created: g.created, Used: g.used, Generation: int(g.generation), RefreshToken: Fingerprint(g.refreshToken),
			RefreshLives: g.refreshToken != "" && g.refreshLives(s.apps[g.clientID], now),
			RevokedBy:    end.by, RevokedAt: end.at, ReuseSeen: end.reused, AccessTokens: living[g],
		})
	}
	return out
}

// RevokeGrant ends a grant and its access tokens, as an administrator does in Setup.
func (s *Server) RevokeGrant(id int) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.all {
		if int(g.number) == id {
			g.revoke(ByAdministrator, now)
			return nil
		}
	}
	return fmt.Errorf("revoke grant %d: no such grant", id)
}

// Tokens are what Approve gives.
type Tokens struct {
	Grant        int    `json:"grant"` // Grant.ID
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitzero"` // none without the scope refresh_token
}

// Approve gives an app tokens as if the user had logged in and pressed Allow, for tests that begin after the login. Without
// scopes it grants all of the app's. The app's and the org's policies are heeded.
func (s *Server) Approve(clientID, username string, scopes ...string) (Tokens, error) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	app, who := s.apps[clientID], s.dir.byName[strings.ToLower(username)]
	switch {
	case app == nil:
		return Tokens{}, fmt.Errorf("approve app %q: no such app", clientID)
	case who == nil:
		return Tokens{}, fmt.Errorf("approve app %q: no such user %q", clientID, username)
	}
	granted, no := app.grantable(strings.Join(scopes, " "))
	if no == nil {
		no = who.refused()
	}
	if no == nil {
		no = app.admits(who)
	}
	if no != nil {
		return Tokens{}, fmt.Errorf("approve app %q for %s: %s (%s)", clientID, username, no.code, no.description)
	}
	g := s.approve(clientID, who, granted, now)
	return Tokens{Grant: int(g.number), AccessToken: s.openSession(g, app, now).token, RefreshToken: g.refreshToken}, nil
}
