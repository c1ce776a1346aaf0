package refresh_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// C-43: where an expiry comes from, and what comes of it.
func TestExpirySources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		issuer  func(*issuer)
		grant   func(*store.Grant)
		session time.Duration
		source  store.ExpirySource
		in      time.Duration
	}{
		"jwt":                         {func(i *issuer) { i.lifetime = time.Hour }, nil, 0, store.FromJWT, time.Hour},
		"introspection":               {func(i *issuer) { i.exp = 2 * time.Hour }, nil, 0, store.FromIntrospection, 2 * time.Hour},
		"session":                     {func(i *issuer) {}, nil, 15 * time.Minute, store.FromSession, 15 * time.Minute},
		"public, unknown":             {func(i *issuer) { i.exp = 2 * time.Hour }, public, 0, "", 0},
		"introspection beats session": {func(i *issuer) { i.exp = 2 * time.Hour }, nil, 15 * time.Minute, store.FromIntrospection, 2 * time.Hour},
		"jwt beats both":              {func(i *issuer) { i.lifetime, i.exp = time.Hour, 2*time.Hour }, nil, 15 * time.Minute, store.FromJWT, time.Hour},
		"introspection failed":        {func(i *issuer) { i.introspect = losesIntrospection }, nil, 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				test.issuer(i)
				w := newWorld(t, i, grant(test.grant), func(o *refresh.Options) { o.SessionTimeout = test.session })
				w.token()
				synctest.Wait()
				g := stored(t, w.store)
				if g.Expiry.Source != test.source || test.in > 0 && time.Until(g.Expiry.At).Round(time.Second) != test.in {
					t.Errorf("expiry %+v", g.Expiry)
				}
				if g.State != store.Live || g.Spending != nil {
					t.Errorf("stored %v, mark %v", g.State, g.Spending)
				}
				access, err := w.engine.Token(t.Context(), alias)
				if err != nil || access.Expiry != g.Expiry {
					t.Errorf("Token = %+v, %v", access, err)
				}
				if test.in == 0 {
					return
				}
				time.Sleep(test.in - time.Minute - 2*time.Second)
				w.token()
				w.wantRequests(1)
				time.Sleep(2 * time.Second)
				w.token()
				w.wantRequests(2)
			})
		})
	}
}

// A token that lives shorter than the margin is not refreshed at every call (JWT tokens may live one minute).
func TestShortLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.lifetime = time.Minute
		w := newWorld(t, i, grant(nil), nil)
		for range 600 {
			w.token()
			time.Sleep(time.Second)
		}
		if n := i.requests(); n > 15 {
			t.Errorf("%d requests in ten minutes", n)
		}
	})
}

// B-19: the wall clock jumps by a day, either way, and back. No storm, and no dead token once the API says so.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"ahead": 24 * time.Hour, "back": -24 * time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var offset time.Duration
				clock := func() time.Time { return time.Now().Round(0).Add(offset) }
				i := newIssuer()
				i.lifetime = time.Hour
				w := newWorld(t, i, grant(nil), nil)
				w.engine.SetClock(clock)
				w.token()
				for _, offset = range []time.Duration{jump, 0, jump, 0} {
					other := w.newEngine(nil)
					other.SetClock(clock)
					for range 100 {
						w.token()
						if _, err := other.Token(t.Context(), alias); err != nil {
							t.Fatal(err)
						}
						time.Sleep(100 * time.Millisecond)
					}
				}
				if n := i.requests(); n > 5 {
					t.Errorf("%d requests for four jumps", n)
				}
			})
		})
	}
}

// B-19: the clock was set back by a day after a refresh. By it, the dead token would live on; a new process does not
// believe it.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.lifetime = time.Hour
		w := newWorld(t, i, grant(nil), nil)
		w.token()
		time.Sleep(2 * time.Hour)
		other := w.newEngine(nil)
		other.SetClock(func() time.Time { return time.Now().Add(-24 * time.Hour) })
		for range 10 {
			access, err := other.Token(t.Context(), alias)
			if err != nil || access.Token.Reveal() != i.access {
				t.Fatalf("Token = %+v, %v", access, err)
			}
		}
		w.wantRequests(2)
	})
}

// A grant whose expiry nobody recorded follows the session time-out of the options.
func TestSessionTimeoutOfOldGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(func(g *store.Grant) { g.Expiry = store.Expiry{} }),
			func(o *refresh.Options) { o.SessionTimeout = time.Hour })
		w.token()
		w.wantRequests(1)
	})
}
