package refresh_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// Step 7: the answer to the first request is lost. What a caller without a living access token gets, and what it costs.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      fault
		introspect int
		rotates    bool
		grant      func(*store.Grant)
		want       error // of Token
		state      store.State
		requests   int
		reused     int
		told       string
	}{
		"before rotation, active":   {lostBefore, introspects, true, nil, nil, store.Live, 2, 0, "uncertain refreshed rotated"},
		"after rotation, inactive":  {lostAfter, introspects, true, nil, sftoken.ErrLoginRequired, store.Dead, 1, 0, "uncertain dead"},
		"cut off, inactive":         {cutAfter, introspects, true, nil, sftoken.ErrLoginRequired, store.Dead, 1, 0, "uncertain dead"},
		"hanging, inactive":         {hang, introspects, true, nil, sftoken.ErrLoginRequired, store.Dead, 1, 0, "uncertain dead"},
		"502 after, inactive":       {answer502After, introspects, true, nil, sftoken.ErrLoginRequired, store.Dead, 1, 0, "uncertain dead"},
		"502 before, active":        {answer502, introspects, true, nil, nil, store.Live, 2, 0, "uncertain refreshed rotated"},
		"no rotation, active":       {lostAfter, introspects, false, nil, nil, store.Live, 2, 0, "uncertain refreshed"},
		"before, no introspection":  {lostBefore, refusesIntrospection, true, nil, nil, store.Live, 2, 0, "uncertain refreshed rotated"},
		"before, public client":     {lostBefore, refusesIntrospection, true, public, nil, store.Live, 2, 0, "uncertain refreshed rotated"},
		"after, no introspection":   {lostAfter, refusesIntrospection, true, nil, sftoken.ErrLoginRequired, store.Dead, 2, 1, "uncertain dead"},
		"no network for either one": {lostBefore, losesIntrospection, true, nil, sftoken.ErrTemporary, store.Uncertain, 1, 0, "uncertain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.rotates, i.introspect, i.next = test.rotates, test.introspect, []fault{test.fault}
				w := newWorld(t, i, grant(test.grant), nil)
				if _, err := w.engine.Token(t.Context(), alias); !errors.Is(err, test.want) {
					t.Errorf("Token: %v, want %v", err, test.want)
				}
				w.wantRequests(test.requests)
				if i.reused != test.reused {
					t.Errorf("a dead refresh token was presented %d times, want %d", i.reused, test.reused)
				}
				if g := stored(t, w.store); g.State != test.state || (g.State != store.Uncertain) != (g.Spending == nil) {
					t.Errorf("stored %v, mark %v, reason %q", g.State, g.Spending, g.Reason)
				}
				if told := w.told(); told != test.told {
					t.Errorf("events %q, want %q", told, test.told)
				}
			})
		})
	}
}

// B-03: while the access token lives it is served, with a warning, and nothing is replayed. Then there is one replay.
func TestLivingTokenIsServedToItsEnd(t *testing.T) {
	t.Parallel()
	for _, first := range []fault{lostBefore, lostAfter} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer()
			i.rotates, i.introspect, i.next = true, refusesIntrospection, []fault{first}
			w := newWorld(t, i, grant(expires(30*time.Second)), nil)
			for range 29 {
				access, err := w.engine.Token(t.Context(), alias)
				if err != nil || access.Token.Reveal() != "00D!access-0" {
					t.Fatalf("Token = %+v, %v", access, err)
				}
				if _, ok := errors.AsType[*refresh.UncertainError](access.Warning); !ok {
					t.Fatalf("warning %v", access.Warning)
				}
				time.Sleep(time.Second)
			}
			w.wantRequests(1)
			time.Sleep(time.Minute)
			_, err := w.engine.Token(t.Context(), alias)
			if want := map[bool]error{true: sftoken.ErrLoginRequired}[first == lostAfter]; !errors.Is(err, want) {
				t.Errorf("after its end: %v, want %v", err, want)
			}
			w.wantRequests(2)
		})
	}
}

// B-03: the one replay is lost as well. A grant that may rotate needs a login then; nobody tries a third time.
func TestReplayLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.introspect, i.always = true, refusesIntrospection, lostBefore
		w := newWorld(t, i, grant(func(g *store.Grant) { g.Rotates = true }), nil)
		w.fails(sftoken.ErrTemporary)
		time.Sleep(time.Minute)
		for range 3 {
			w.fails(sftoken.ErrLoginRequired)
			time.Sleep(time.Minute)
		}
		w.wantRequests(2)
		if told := w.told(); told != "uncertain dead" {
			t.Errorf("events %q", told)
		}
	})
}

// A grant known not to rotate is not spent by use: an outage, however long, does not end it.
func TestOutageWithoutRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.introspect, i.always = refusesIntrospection, hang
		w := newWorld(t, i, grant(func(g *store.Grant) { g.CreatedAt = g.RefreshedAt.Add(-time.Hour) }), nil)
		for range 5 {
			w.fails(sftoken.ErrTemporary)
			time.Sleep(time.Hour)
		}
		i.always = none
		w.token()
	})
}

// A gateway's 502 does not use up the one replay: rotating grants survive an outage that answers.
func TestOutageThatAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.introspect, i.always = true, refusesIntrospection, answer502
		w := newWorld(t, i, grant(func(g *store.Grant) { g.Rotates = true }), nil)
		for range 5 {
			w.fails(sftoken.ErrTemporary)
			time.Sleep(time.Hour)
		}
		i.always = none
		w.token()
	})
}

// B-04: a connection that never came about is no doubt.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always = connect
		w := newWorld(t, i, grant(nil), nil)
		w.fails(sftoken.ErrTemporary)
		if g := stored(t, w.store); g.State != store.Live || g.Spending != nil {
			t.Errorf("stored %v, mark %v", g.State, g.Spending)
		}
		i.always = none
		time.Sleep(time.Minute)
		w.token()
		if i.asked != 0 {
			t.Errorf("introspected %d times", i.asked)
		}
	})
}

// B-02, issue 3 proof 1: a process ends at each step; the next one goes on.
func TestCrashAtEachStep(t *testing.T) {
	t.Parallel()
	for _, rotates := range []bool{false, true} {
		for _, step := range refresh.Steps {
			name := map[bool]string{false: "kept ", true: "rotating "}[rotates] + step
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					i := newIssuer()
					i.rotates = rotates
					w := newWorld(t, i, grant(nil), nil)
					w.engine.OnStep(func(s string) {
						if s == step {
							runtime.Goexit()
						}
					})
					if access, err := w.engine.Token(t.Context(), alias); err == nil {
						t.Fatalf("Token = %+v from an ended process", access)
					}
					next := w.newEngine(nil)
					access, err := next.Token(t.Context(), alias)
					if rotates && step == "answered" { // the one window no client can close
						if !errors.Is(err, sftoken.ErrLoginRequired) {
							t.Fatalf("Token = %+v, %v", access, err)
						}
					} else if err != nil || access.Warning != nil {
						t.Fatalf("Token = %+v, %v", access, err)
					}
					if i.reused != 0 {
						t.Error("a dead refresh token was presented")
					}
					if g := stored(t, w.store); err == nil && g.RefreshToken.Reveal() != i.current {
						t.Errorf("stored %q, issued %q", g.RefreshToken.Reveal(), i.current)
					}
				})
			})
		}
	}
}

// A crash in the middle of the one replay uses it up.
func TestCrashInReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.introspect = true, refusesIntrospection
		w := newWorld(t, i, grant(nil), nil)
		die := func(s string) {
			if s == "marked" {
				runtime.Goexit()
			}
		}
		for range 2 {
			e := w.newEngine(nil)
			e.OnStep(die)
			if _, err := e.Token(t.Context(), alias); err == nil {
				t.Fatal("no error from an ended process")
			}
		}
		w.fails(sftoken.ErrLoginRequired)
		w.wantRequests(0)
	})
}

// A mark of a refresh token that the grant no longer has says nothing.
func TestOldMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		w := newWorld(t, i, grant(func(g *store.Grant) { g.Spending = &store.Spending{Fingerprint: "00000000", Since: time.Now()} }), nil)
		w.token()
		if told := w.told(); told != "refreshed" || i.asked != 0 {
			t.Errorf("events %q, introspected %d times", told, i.asked)
		}
	})
}

// A rotation inside an answer that must not be trusted is kept all the same.
func TestUntrustedAnswerKeepsItsRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.untrusted = true, true
		w := newWorld(t, i, grant(nil), nil)
		if _, err := w.engine.Token(context.Background(), alias); err == nil {
			t.Fatal("no error")
		}
		g := stored(t, w.store)
		if g.RefreshToken.Reveal() != "refresh-1" || g.AccessToken.Reveal() != "00D!access-0" || g.State != store.Live || g.Spending != nil {
			t.Errorf("stored %+v", g)
		}
		i.untrusted = false
		time.Sleep(time.Minute)
		w.token()
	})
}
