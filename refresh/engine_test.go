package refresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// Step 1: while a token is valid, nobody asks Salesforce.
func TestCachedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(expires(time.Hour)), nil)
		for range 100 {
			if got := w.token(); got != "00D!access-0" {
				t.Fatalf("token %q", got)
			}
		}
		w.wantRequests(0)
	})
}

// C-43: Salesforce sends no expires_in. A token whose expiry nobody knows is served until it is rejected.
func TestUnknownExpiryIsServedUntilRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(func(g *store.Grant) { g.Expiry = store.Expiry{} }), nil)
		w.token()
		time.Sleep(1000 * time.Hour)
		w.token()
		w.wantRequests(0)
		access, err := w.engine.Reject(t.Context(), alias, sftoken.NewSecret("00D!access-0"))
		if err != nil || access.Token.Reveal() != "00D!access-1" {
			t.Fatalf("Reject = %v, %v", access, err)
		}
		w.wantRequests(1)
	})
}

// C-53, steps 3 to 6: the new refresh token is kept, and everything about the doubt is gone.
func TestRefreshUnderRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		w := newWorld(t, i, grant(nil), nil)
		if got := w.token(); got != "00D!access-1" {
			t.Fatalf("token %q", got)
		}
		if told := w.told(); told != "refreshed rotated" {
			t.Errorf("events %q", told)
		}
		if got := w.events[1].RefreshToken.Reveal(); got != "refresh-1" {
			t.Errorf("rotated event carries %q", got)
		}
		g := stored(t, w.store)
		if g.RefreshToken.Reveal() != "refresh-1" || g.AccessToken.Reveal() != "00D!access-1" || g.Spending != nil ||
			g.State != store.Live || !g.Rotates || !g.RefreshedAt.Equal(time.Now()) {
			t.Errorf("stored %+v", g)
		}
	})
}

// C-53: without rotation the old refresh token stays.
func TestRefreshWithoutRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(nil), nil)
		for range 3 {
			if _, err := w.engine.Refresh(t.Context(), alias); err != nil {
				t.Fatal(err)
			}
		}
		w.wantRequests(3)
		if told := w.told(); told != "refreshed refreshed refreshed" {
			t.Errorf("events %q", told)
		}
		if g := stored(t, w.store); g.RefreshToken.Reveal() != "refresh-0" || g.Rotates {
			t.Errorf("stored %+v", g)
		}
	})
}

// B-01, issue 3 proof 2: one request, however many ask.
func TestCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.delay = true, 300*time.Millisecond
		w := newWorld(t, i, grant(nil), nil)
		start := time.Now()
		crowd(10_000, func() {
			if got := w.token(); got != "00D!access-1" {
				t.Errorf("token %q", got)
			}
		})
		w.wantRequests(1)
		if took := time.Since(start); took != i.delay {
			t.Errorf("took %v, the issuer %v", took, i.delay)
		}
	})
}

// B-01: three engines on one store stand for three processes.
func TestCrowdOfProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.delay = true, 300*time.Millisecond
		w := newWorld(t, i, grant(nil), nil)
		engines := []*refresh.Engine{w.engine, w.newEngine(nil), w.newEngine(nil)}
		var group sync.WaitGroup
		for n := range 300 {
			group.Go(func() {
				access, err := engines[n%len(engines)].Token(t.Context(), alias)
				if err != nil || access.Token.Reveal() != "00D!access-1" {
					t.Errorf("Token = %v, %v", access, err)
				}
			})
		}
		group.Wait()
		w.wantRequests(1)
	})
}

// Refresh asks for a new token even if the cached one is good; callers at the same time share one.
func TestRefreshIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.delay = time.Second
		w := newWorld(t, i, grant(expires(time.Hour)), nil)
		other := w.newEngine(nil)
		w.token()
		crowd(50, func() {
			for _, e := range []*refresh.Engine{w.engine, other} {
				if access, err := e.Refresh(t.Context(), alias); err != nil || !access.Refreshed {
					t.Errorf("Refresh = %+v, %v", access, err)
				}
			}
		})
		if n := i.requests(); n > 2 {
			t.Errorf("%d requests for two rounds", n)
		}
	})
}

// Step 2, list of 5.3 no. 2: a caller who hangs up at any moment of a slow refresh harms nobody.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, time.Second, 2999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer()
			i.rotates, i.delay = true, 3*time.Second
			w := newWorld(t, i, grant(nil), nil)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			stays := make(chan string)
			go func() { stays <- w.token() }()
			synctest.Wait()
			if _, err := w.engine.Token(ctx, alias); !errors.Is(err, context.Canceled) {
				t.Errorf("left after %v: %v", after, err)
			}
			if got := <-stays; got != "00D!access-1" {
				t.Errorf("who stayed got %q", got)
			}
			if g := stored(t, w.store); g.RefreshToken.Reveal() != "refresh-1" || g.Spending != nil {
				t.Errorf("stored %+v", g)
			}
			w.wantRequests(1)
		})
	}
}

// Step 2: the caller who started the flight leaves before anything is sent. Those who joined it get their token.
func TestStarterLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(nil), nil)
		lease, err := w.store.Lease(t.Context(), alias)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := w.engine.Token(ctx, alias)
			left <- err
		}()
		synctest.Wait()
		stays := make(chan string)
		go func() { stays <- w.token() }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		lease.Release()
		if got := <-stays; got != "00D!access-1" {
			t.Errorf("who stayed got %q", got)
		}
	})
}

// Step 2: the last caller leaving does not end the flight either; Close waits for it.
func TestEveryCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.delay = true, 3*time.Second
		w := newWorld(t, i, grant(nil), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.engine.Token(ctx, alias); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Token: %v", err)
		}
		if told := w.told(); told != "refreshed rotated" {
			t.Errorf("events %q", told)
		}
		if g := stored(t, w.store); g.RefreshToken.Reveal() != "refresh-1" {
			t.Errorf("stored %+v", g)
		}
		if _, err := w.engine.Refresh(t.Context(), alias); !errors.Is(err, refresh.ErrClosed) {
			t.Errorf("Refresh after Close: %v", err)
		}
	})
}

// Close ends what has sent nothing yet, and says when it cannot wait any longer.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(nil), nil)
		lease, err := w.store.Lease(t.Context(), alias)
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error)
		go func() {
			_, err := w.engine.Token(context.Background(), alias)
			waiting <- err
		}()
		synctest.Wait()
		go w.engine.Close(context.Background())
		if err := <-waiting; !errors.Is(err, refresh.ErrClosed) {
			t.Errorf("Token: %v", err)
		}
		lease.Release()
		w.wantRequests(0)
	})
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.delay = time.Minute
		w := newWorld(t, i, grant(nil), nil)
		go w.engine.Token(context.Background(), alias)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.engine.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if told := w.told(); told != "refreshed" {
			t.Errorf("events %q", told)
		}
	})
}

// A lease that somebody keeps is waited for up to the deadline, then the store's ErrLocked says so.
func TestLeaseDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(nil), nil)
		lease, err := w.store.Lease(t.Context(), alias)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		start := time.Now()
		w.fails(store.ErrLocked)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v", took)
		}
		w.wantRequests(0)
	})
}

// A grant without a refresh token serves its access token, and then says why there is no other.
func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(func(g *store.Grant) {
			g.RefreshToken, g.Expiry.At = sftoken.Secret{}, time.Now().Add(time.Minute)
		}), nil)
		w.token()
		time.Sleep(59 * time.Second)
		w.token() // no margin: nothing could be done with it
		time.Sleep(time.Second)
		w.fails(sftoken.ErrLoginRequired)
		w.wantRequests(0)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(func(g *store.Grant) { g.RefreshToken, g.Expiry = sftoken.Secret{}, store.Expiry{} }), nil)
		w.token()
		if _, err := w.engine.Reject(t.Context(), alias, sftoken.NewSecret("00D!access-0")); !errors.Is(err, sftoken.ErrLoginRequired) {
			t.Errorf("Reject: %v", err)
		}
		w.fails(sftoken.ErrLoginRequired)
	})
}

func TestUnknownAlias(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), nil, nil)
		w.fails(store.ErrNotFound)
		save(t, w.store, grant(expires(time.Hour)))
		w.token()
	})
}

// Forget has the next caller read the store, where a login or logout of somebody else may have changed things.
func TestForget(t *testing.T) {
	t.Parallel()
	for _, what := range []string{alias, ""} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, newIssuer(), grant(expires(time.Hour)), nil)
			w.token()
			lease, err := w.store.Lease(t.Context(), alias)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			if err := lease.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.engine.Forget(what)
			w.fails(store.ErrNotFound)
		})
	}
}

// crowd runs f in n goroutines and waits for them.
func crowd(n int, f func()) {
	var group sync.WaitGroup
	for range n {
		group.Go(f)
	}
	group.Wait()
}
