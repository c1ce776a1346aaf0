package refresh_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// brokers.md 5.3, item 20: a grant out of a backup is spent only if Salesforce says that its refresh token is active. Where
// it does not say, nothing is ever sent, however often somebody asks: the newest token may be in somebody else's hands.
func TestRestored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		introspect int
		spent      bool // by somebody else since the backup
		alive      bool // its access token
		want       error
		state      store.State
		requests   int
	}{
		"active":                       {introspects, false, false, nil, store.Live, 1},
		"active, with a living token":  {introspects, false, true, nil, store.Uncertain, 0}, // nothing to ask for yet
		"spent since":                  {introspects, true, false, sftoken.ErrLoginRequired, store.Dead, 0},
		"nobody says":                  {refusesIntrospection, false, false, sftoken.ErrLoginRequired, store.Uncertain, 0},
		"nobody says, and it is spent": {refusesIntrospection, true, false, sftoken.ErrLoginRequired, store.Uncertain, 0},
		"nobody says, a living token":  {refusesIntrospection, true, true, nil, store.Uncertain, 0},
		"no network":                   {losesIntrospection, false, false, sftoken.ErrTemporary, store.Uncertain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.rotates, i.introspect = true, test.introspect
				w := newWorld(t, i, grant(func(g *store.Grant) {
					g.State, g.Reason, g.Rotates = store.Uncertain, store.Restored+" of 2026-11-19T12:00:00Z", true
					g.RefreshedAt = time.Now().Add(-48 * time.Hour)
					if test.alive {
						g.Expiry = store.Expiry{At: time.Now().Add(time.Hour), Source: store.FromIntrospection}
					}
					if test.spent {
						g.RefreshToken = sftoken.NewSecret("spent long ago")
					}
				}), nil)
				for range 5 { // a replay must not come later either
					access, err := w.engine.Token(t.Context(), alias)
					if !errors.Is(err, test.want) || test.want == nil && err != nil {
						t.Errorf("Token: %v, want %v", err, test.want)
					}
					if test.alive && test.state == store.Uncertain {
						if _, ok := errors.AsType[*refresh.RestoredError](access.Warning); !ok {
							t.Errorf("warning %v", access.Warning)
						}
					}
					time.Sleep(11 * time.Minute) // of synctest: past every pause
				}
				w.wantRequests(test.requests)
				if g := stored(t, w.store); g.State != test.state {
					t.Errorf("stored %v, reason %q; want %v", g.State, g.Reason, test.state)
				}
				if i.reused != 0 {
					t.Errorf("a dead refresh token was presented %d times", i.reused)
				}
			})
		})
	}
}
