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

// List of 5.3, no. 17: a dead grant costs one request and one event however many ask, of whichever process.
func TestDeadStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.killed, i.delay = true, 100*time.Millisecond
		w := newWorld(t, i, grant(nil), nil)
		crowd(10_000, func() { w.fails(sftoken.ErrLoginRequired) })
		other := w.newEngine(nil)
		for range 100 {
			err := w.fails(sftoken.ErrLoginRequired)
			dead, ok := errors.AsType[*refresh.DeadError](err)
			if !ok || dead.Reason != "invalid_grant: expired access/refresh token" {
				t.Fatalf("error %v", err)
			}
			_, err = other.Token(t.Context(), alias)
			if wire, ok := errors.AsType[*sftoken.Error](err); !ok || wire.Code != "invalid_grant" {
				t.Fatalf("other process: %v", err)
			}
			time.Sleep(time.Minute)
		}
		if _, err := w.engine.Refresh(t.Context(), alias); !errors.Is(err, sftoken.ErrLoginRequired) {
			t.Errorf("Refresh: %v", err)
		}
		w.wantRequests(1)
		if told := w.told(); told != "dead" {
			t.Errorf("events %q", told)
		}
	})
}

// A login elsewhere revives a grant that this process remembers as dead.
func TestDeadGrantComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.killed = true
		w := newWorld(t, i, grant(nil), nil)
		w.fails(sftoken.ErrLoginRequired)
		again := grant(expires(time.Hour))
		again.Generation = stored(t, w.store).Generation
		save(t, w.store, again)
		time.Sleep(2 * time.Second)
		w.token()
	})
}

// A grant that Salesforce blocks is no login problem; whoever asks for a refresh in so many words gets one try.
func TestBlocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always = answerBlocked
		w := newWorld(t, i, grant(nil), nil)
		for range 10 {
			if err := w.fails(sftoken.ErrBlocked); errors.Is(err, sftoken.ErrLoginRequired) {
				t.Fatalf("%v asks for a login", err)
			}
		}
		w.wantRequests(1)
		i.always = none
		if _, err := w.engine.Refresh(t.Context(), alias); err != nil {
			t.Fatal(err)
		}
		w.wantRequests(2)
		w.token()
	})
}

// B-06, list of 5.3 no. 16: an early refresh that fails leaves the living token in use, with a warning, and the next try
// comes after a pause.
func TestEarlyRefreshFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fault{"503": answer503, "no connection": connect, "wrong secret": answerWrong} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.always = fault
				w := newWorld(t, i, grant(expires(time.Minute)), nil)
				for range 59 {
					access, err := w.engine.Token(t.Context(), alias)
					if err != nil || access.Token.Reveal() != "00D!access-0" || access.Warning == nil {
						t.Fatalf("Token = %+v, %v", access, err)
					}
					time.Sleep(time.Second)
				}
				if n := i.requests(); n > 8 {
					t.Errorf("%d requests in a minute", n)
				}
				time.Sleep(time.Second)
				if access, err := w.engine.Token(t.Context(), alias); err == nil {
					t.Errorf("a dead token was served: %+v", access)
				}
				if g := stored(t, w.store); g.State != store.Live || g.Spending != nil {
					t.Errorf("stored %v, mark %v", g.State, g.Spending)
				}
			})
		})
	}
}

// An early refresh that finds the grant dead says so beside the living token.
func TestEarlyRefreshFindsDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.killed = true
		w := newWorld(t, i, grant(expires(time.Minute)), nil)
		for range 59 {
			access, err := w.engine.Token(t.Context(), alias)
			if err != nil || !errors.Is(access.Warning, sftoken.ErrLoginRequired) {
				t.Fatalf("Token = %+v, %v", access, err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		w.fails(sftoken.ErrLoginRequired)
		w.wantRequests(1)
	})
}

// An early refresh that takes long does not keep callers from the living token.
func TestEarlyRefreshIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.delay = 20 * time.Second
		w := newWorld(t, i, grant(expires(time.Minute)), nil)
		start := time.Now()
		access, err := w.engine.Token(t.Context(), alias)
		if err != nil || access.Warning == nil || access.Token.Reveal() != "00D!access-0" {
			t.Fatalf("Token = %+v, %v", access, err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Minute)
		w.token()
		w.wantRequests(1)
	})
}

// B-06: Retry-After is honoured, by every caller.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.next, i.retryAfter = []fault{answer503}, "120"
		w := newWorld(t, i, grant(nil), nil)
		for range 119 {
			w.fails(sftoken.ErrTemporary)
			time.Sleep(time.Second)
		}
		w.wantRequests(1)
		time.Sleep(2 * time.Second)
		w.token()
		w.wantRequests(2)
	})
}

// B-06: an outage of 503 sees fewer and fewer requests, and its end is noticed.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always = answer503
		w := newWorld(t, i, grant(nil), nil)
		for range 3600 {
			w.fails(sftoken.ErrTemporary)
			time.Sleep(time.Second)
		}
		if n := i.requests(); n < 30 || n > 130 {
			t.Errorf("%d requests in an hour", n)
		}
		i.always = none
		time.Sleep(2 * time.Minute)
		w.token()
	})
}

// Step 8: "token request is already being processed": back off, read again, go on.
func TestBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.next = true, []fault{answerBusy, answerBusy}
		w := newWorld(t, i, grant(nil), nil)
		if got := w.token(); got != "00D!access-1" {
			t.Errorf("token %q", got)
		}
		w.wantRequests(3)
		if told := w.told(); told != "refreshed rotated" {
			t.Errorf("events %q", told)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always = answerBusy
		w := newWorld(t, i, grant(nil), nil)
		w.fails(sftoken.ErrTemporary)
		w.wantRequests(5)
		if g := stored(t, w.store); g.State != store.Live || g.Spending != nil {
			t.Errorf("stored %v, mark %v", g.State, g.Spending)
		}
	})
}

// B-05, step 8: the token is refused because somebody rotated it past our lease; theirs is in the store.
func TestRefusedButRotatedByAnother(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]fault{"expired": none, "busy": answerBusy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.current, i.next = "theirs", []fault{answer}
				s := &losing{}
				w := newWorld(t, i, grant(nil), nil)
				s.Store = w.store
				w.engine = w.newEngine(func(o *refresh.Options) { o.Store = s })
				w.engine.OnStep(func(step string) {
					if step != "answered" {
						return
					}
					g := stored(t, w.store)
					g.AccessToken, g.RefreshToken = sftoken.NewSecret("00D!theirs"), sftoken.NewSecret("theirs")
					g.Expiry, g.Spending = store.Expiry{At: time.Now().Add(time.Hour), Source: store.FromSession}, nil
					if err := s.last.Save(t.Context(), g); err != nil {
						t.Error(err)
					}
				})
				if got := w.token(); got != "00D!theirs" {
					t.Errorf("token %q", got)
				}
				w.wantRequests(1)
			})
		})
	}
}
