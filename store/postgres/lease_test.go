package postgres_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

// brokers 5.3 no. 4: the lease lasts as long as the work, however short its term.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.LeaseTerm = 600 * time.Millisecond
	s, other := open(t, o), open(t, o)
	l := lease(t, s, "prod")
	ctx, cancel := context.WithTimeout(t.Context(), 3*o.LeaseTerm)
	defer cancel()
	if _, err := other.Lease(ctx, "prod"); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Lease while another works for 3 terms: %v, want ErrLocked", err)
	}
	do(t, l.Save(t.Context(), storetest.Grant("prod")))
}

// Whoever lost the lease can do nothing with it, and his giving it back does not take it from the new holder.
func TestLostLease(t *testing.T) {
	t.Parallel()
	o := options(t)
	s, other := open(t, o), open(t, o)
	put(t, s, storetest.Grant("prod"))
	for _, op := range []string{"load", "probe", "save", "delete"} {
		l := lease(t, s, "prod")
		g, err := l.Load(t.Context())
		do(t, err)
		server(t).Exec(t, databaseOf(o), "UPDATE sftoken_leases SET expires_at = 'epoch'")
		second := lease(t, other, "prod")
		run := map[string]func() error{
			"load":   func() error { _, err := l.Load(t.Context()); return err },
			"probe":  func() error { return l.Probe(t.Context()) },
			"save":   func() error { return l.Save(t.Context(), g) },
			"delete": func() error { return l.Delete(t.Context()) },
		}
		for range 2 { // the database says so, then the lease knows
			if err := run[op](); !errors.Is(err, store.ErrLeaseLost) {
				t.Errorf("%s under a lost lease: %v, want ErrLeaseLost", op, err)
			}
		}
		do(t, l.Release())
		g, err = second.Load(t.Context())
		do(t, err, second.Save(t.Context(), g), second.Release())
	}
}

// A waiter with a session that listens wakes when the lease is released, not when it looks next.
func TestReleaseWakesTheWaiter(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.ListenDSN, o.LeaseTerm = o.DSN, time.Hour
	holder, waiter := open(t, o), open(t, o)
	waiter.SetPoll(time.Hour)
	hears(t, waiter)
	l := lease(t, holder, "prod")
	taken := make(chan error, 1)
	go func() {
		second, err := waiter.Lease(t.Context(), "prod")
		if err == nil {
			err = second.Release()
		}
		taken <- err
	}()
	waitFor(t, func() bool {
		return server(t).Exec(t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = '"+databaseOf(o)+
			"' AND state = 'idle' AND query LIKE '%extract(epoch FROM expires_at%'") != "0"
	})
	do(t, l.Release())
	select {
	case err := <-taken:
		do(t, err)
	case <-time.After(20 * time.Second):
		t.Error("the waiter sleeps on")
	}
}

// hears waits until the store listens.
func hears(t *testing.T, s watching) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	do(t, s.Watch(ctx, func(string) { cancel() }))
}

type watching interface {
	Watch(context.Context, func(string)) error
}

// Two stores on one database: each learns what the other changed, and not what it did itself.
func TestWatch(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.ListenDSN = o.DSN
	mine, theirs := open(t, o), open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := make(chan string, 10)
	ended := make(chan error, 1)
	go func() { ended <- mine.Watch(ctx, func(alias string) { changes <- alias }) }()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("Watch tells of %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("Watch does not tell of %q", want)
		}
	}
	expect("") // what was remembered before may be old

	put(t, mine, storetest.Grant("own"))
	put(t, theirs, storetest.Grant("theirs"))
	expect("theirs")
	l := lease(t, theirs, "own")
	do(t, l.Delete(t.Context()), l.Release())
	expect("own")

	server(t).Exec(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+databaseOf(o)+"' AND query LIKE 'LISTEN%'")
	expect("") // what happened until it listens again was missed
	g, err := theirs.Get(t.Context(), "theirs")
	do(t, err)
	put(t, theirs, g)
	expect("theirs")
	cancel()
	do(t, <-ended)
}

func TestWatchNeedsASession(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	if err := s.Watch(t.Context(), func(string) {}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Watch without ListenDSN: %v, want errors.ErrUnsupported", err)
	}
}

// brokers 5.3 no. 19: a deleted grant does not come back from the spool of a machine that did not see the deletion, and a
// new login is not overwritten by it.
func TestDeletedGrantStaysDeleted(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	o.SpoolDir = ""
	elsewhere := open(t, o)
	g := storetest.Grant("prod")
	put(t, s, g)
	l := lease(t, s, "prod")
	for range 3 {
		do(t, s.Spool(t.Context(), g))
	}
	do(t, l.Release())

	l = lease(t, elsewhere, "prod")
	do(t, l.Delete(t.Context()), l.Release())
	if _, err := s.Get(t.Context(), "prod"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of what another machine deleted: %v, want ErrNotFound", err)
	}
	fresh := storetest.Grant("prod")
	fresh.RefreshToken = sftoken.NewSecret("of a new login")
	put(t, elsewhere, fresh)
	for _, when := range []string{"before", "after"} {
		got, err := s.Get(t.Context(), "prod")
		do(t, err)
		if diff := storetest.Diff(fresh, got); diff != "" {
			t.Errorf("the new login %s a lease, which would replay (-want +got):\n%s", when, diff)
		}
		l = lease(t, s, "prod")
		do(t, l.Release())
	}

	gone := storetest.Grant("gone")
	put(t, s, gone)
	do(t, s.Spool(t.Context(), gone))
	l = lease(t, elsewhere, "gone")
	do(t, l.Delete(t.Context()), l.Release())
	l = lease(t, s, "gone")
	if _, err := l.Load(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Load of what another machine deleted: %v, want ErrNotFound", err)
	}
	if names, err := elsewhere.Aliases(t.Context()); err != nil || !slices.Equal(names, []string{"prod"}) {
		t.Errorf("after the replay there are %q, %v", names, err)
	}
}

// A save that is under way when its lease runs out is waited for: the next holder sees it, and does not spend the token that
// it replaces.
func TestSaveUnderWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.LeaseTerm = 200 * time.Millisecond
	s, other := open(t, o), open(t, o)
	put(t, s, storetest.Grant("prod"))
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err)

	conn, err := pgx.Connect(t.Context(), o.DSN)
	do(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "BEGIN; SELECT FROM sftoken_grants WHERE alias = 'prod' FOR UPDATE")
	do(t, err)
	saved := make(chan error, 1)
	go func() { saved <- l.Save(t.Context(), g) }()
	waits := func(statement string) bool {
		return server(t).Exec(t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = '"+databaseOf(o)+
			"' AND wait_event_type = 'Lock' AND query LIKE '%"+statement+"%'") != "0"
	}
	waitFor(t, func() bool { return waits("INSERT INTO sftoken_grants AS g") })

	type result struct {
		generation uint64
		err        error
	}
	looked := make(chan result, 1)
	go func() {
		second, err := other.Lease(t.Context(), "prod")
		if err != nil {
			looked <- result{err: err}
			return
		}
		found, err := second.Load(t.Context())
		if err != nil {
			found = g
		}
		looked <- result{found.Generation, errors.Join(err, second.Release())}
	}()
	waitFor(t, func() bool { return waits("INSERT INTO sftoken_leases") || len(looked) > 0 })
	_, err = conn.Exec(t.Context(), "COMMIT")
	do(t, err, <-saved, l.Release())
	if got := <-looked; got.err != nil || got.generation != g.Generation {
		t.Errorf("the next holder loaded generation %d (%v), and %d was saved under the lease before", got.generation, got.err, g.Generation)
	}
}
