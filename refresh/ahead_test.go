package refresh_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

func ahead(o *refresh.Options) { o.Ahead, o.Margin = true, 10*time.Minute }

// With Ahead nobody who asks in the margin waits, and the next one has the new token.
func TestAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.lifetime, i.delay = time.Hour, 3*time.Second
		w := newWorld(t, i, grant(nil), ahead)
		old := w.token()
		time.Sleep(55 * time.Minute)
		start := time.Now()
		for range 100 {
			if got := w.token(); got != old {
				t.Fatal("not the old token")
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("callers waited %v", waited)
		}
		time.Sleep(4 * time.Second)
		if w.token() == old {
			t.Error("still the old token after the refresh")
		}
		w.wantRequests(2)
	})
}

// The failure of a refresh ahead is the warning beside the living token, and is not repeated at once; without a living
// token callers wait as ever.
func TestAheadFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.lifetime = time.Hour
		w := newWorld(t, i, grant(nil), ahead)
		w.token()
		i.always = answer503
		time.Sleep(55 * time.Minute)
		w.token()
		synctest.Wait()
		for range 50 {
			if access, err := w.engine.Token(t.Context(), alias); err != nil || access.Warning == nil {
				t.Fatalf("Token = %+v, %v; want a warning", access, err)
			}
		}
		w.wantRequests(2)
		i.always = none
		time.Sleep(10 * time.Minute)
		w.token()
		w.wantRequests(3)
	})
}

// However many grants are due at once, 32 are refreshed at a time, each of which Close waits for; the rest later.
func TestAheadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const grants = 100
		i := newIssuer()
		i.delay = time.Second
		w := newWorld(t, i, nil, ahead)
		ask := func() {
			for n := range grants {
				if _, err := w.engine.Token(t.Context(), fmt.Sprint("g", n)); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
		}
		for n := range grants {
			save(t, w.store, grant(func(g *store.Grant) {
				g.Alias, g.Expiry.At = fmt.Sprint("g", n), time.Now().Add(time.Hour)
			}))
		}
		ask()
		time.Sleep(55 * time.Minute)
		for _, want := range []int{32, 64, 96, 100} {
			ask()
			ask()
			time.Sleep(2 * time.Second)
			w.wantRequests(want)
		}
		if err := w.engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
