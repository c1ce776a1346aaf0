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

var rejected = sftoken.NewSecret("00D!access-0")

// B-09: fifty reports of one token, at once and one after the other, by two processes: one refresh.
func TestRejectFiftyTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates, i.delay = true, time.Second
		w := newWorld(t, i, grant(expires(time.Hour)), nil)
		engines := []*refresh.Engine{w.engine, w.newEngine(nil)}
		report := func() {
			for _, e := range engines {
				access, err := e.Reject(t.Context(), alias, rejected)
				if err != nil || access.Token.Reveal() != "00D!access-1" {
					t.Errorf("Reject = %+v, %v", access, err)
				}
			}
		}
		w.token()
		crowd(50, report)
		for range 50 {
			report()
		}
		w.wantRequests(1)
		if told := w.told(); told != "rejected refreshed rotated" {
			t.Errorf("events %q", told)
		}
	})
}

// DESIGN.md: a 401 to a fresh token is a policy. A caller who loops on it makes no storm.
func TestRejectForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newIssuer(), grant(expires(time.Hour)), nil)
		for range 10_000 {
			access, err := w.engine.Token(t.Context(), alias)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.engine.Reject(t.Context(), alias, access.Token)
			if policy, ok := errors.AsType[*refresh.RejectedError](err); err != nil && (!ok || !errors.Is(policy, sftoken.ErrBlocked)) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		w.wantRequests(1)
		time.Sleep(time.Minute) // the new token had its time: this may be an expiry
		if _, err := w.engine.Reject(t.Context(), alias, sftoken.NewSecret("00D!access-1")); err != nil {
			t.Errorf("Reject a minute later: %v", err)
		}
		w.wantRequests(2)
	})
}

// Salesforce may answer with the same access token again (observed). That is no reason to ask again.
func TestRejectedTokenComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.sameAccess = true
		w := newWorld(t, i, grant(expires(time.Hour)), nil)
		for range 50 {
			w.engine.Reject(t.Context(), alias, rejected)
			w.token()
		}
		w.wantRequests(1)
		if _, err := w.engine.Reject(t.Context(), alias, rejected); !errors.Is(err, sftoken.ErrBlocked) {
			t.Errorf("Reject: %v", err)
		}
		time.Sleep(15 * time.Minute)
		i.sameAccess = false
		if _, err := w.engine.Reject(t.Context(), alias, rejected); err != nil {
			t.Errorf("Reject once the session may have ended: %v", err)
		}
	})
}

// A rejected token is not served again although Salesforce cannot be reached, in no process, and what was learnt says so.
func TestRejectDuringOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always = answer503
		w := newWorld(t, i, grant(expires(time.Hour)), nil)
		w.token()
		if _, err := w.engine.Refresh(t.Context(), alias); !errors.Is(err, sftoken.ErrTemporary) {
			t.Fatalf("Refresh: %v", err)
		}
		if _, err := w.engine.Reject(t.Context(), alias, rejected); !errors.Is(err, sftoken.ErrTemporary) {
			t.Errorf("Reject: %v", err)
		}
		w.wantRequests(1) // the pause after the first failure holds
		w.fails(sftoken.ErrTemporary)
		if _, err := w.newEngine(nil).Token(t.Context(), alias); !errors.Is(err, sftoken.ErrTemporary) {
			t.Errorf("other process: %v", err)
		}
		if g := stored(t, w.store); g.Expiry.Source != store.FromRejection || g.Rejected != rejected.Fingerprint() {
			t.Errorf("stored expiry %+v, rejected %q", g.Expiry, g.Rejected)
		}
		back := w.newEngine(nil)
		back.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
		if access, err := back.Token(t.Context(), alias); err == nil {
			t.Errorf("clock set back: Token = %+v", access)
		}
		i.always = none
		time.Sleep(time.Minute)
		w.token()
	})
}

// A rejected token of a grant that is dead is served no more.
func TestRejectDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.killed = true
		w := newWorld(t, i, grant(expires(30*time.Second)), nil)
		if access, err := w.engine.Token(t.Context(), alias); err != nil || access.Warning == nil {
			t.Fatalf("Token = %+v, %v", access, err)
		}
		for range 10 {
			if _, err := w.engine.Reject(t.Context(), alias, rejected); !errors.Is(err, sftoken.ErrLoginRequired) {
				t.Errorf("Reject: %v", err)
			}
			w.fails(sftoken.ErrLoginRequired)
		}
		w.wantRequests(1)
	})
}
