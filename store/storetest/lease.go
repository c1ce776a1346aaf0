package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

func released(t *testing.T, s store.Store) {
	put(t, s, Grant("prod"))
	l := lease(t, s, "prod")
	for range 2 {
		release(t, l)
	}
	_, loadErr := l.Load(t.Context())
	for what, err := range map[string]error{
		"Load": loadErr, "Probe": l.Probe(t.Context()),
		"Save": l.Save(t.Context(), get(t, s, "prod")), "Delete": l.Delete(t.Context()),
	} {
		wantError(t, what, err, store.ErrLeaseLost)
	}
	if got := get(t, s, "prod"); got.Generation != 1 {
		t.Errorf("a released lease changed the store to generation %d", got.Generation)
	}
	// Releasing again must not give away somebody else's lease.
	second := lease(t, s, "prod")
	release(t, l)
	if err := second.Save(t.Context(), get(t, s, "prod")); err != nil {
		t.Errorf("Save after the former holder released again: %v", err)
	}
	expectLocked(t, s, "prod")
}

func expectLocked(t *testing.T, s store.Store, alias string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	l, err := s.Lease(ctx, alias)
	if err == nil {
		_ = l.Release()
		t.Fatalf("a second lease on %s was given while the first is held", alias)
	}
	wantError(t, "Lease", err, store.ErrLocked)
	wantError(t, "Lease", err, context.DeadlineExceeded)
}

func leaseExcludes(t *testing.T, s store.Store) {
	first := lease(t, s, "prod")
	expectLocked(t, s, "prod")
	taken := make(chan error, 1)
	var done atomic.Bool
	go func() {
		l, err := s.Lease(t.Context(), "prod")
		if err == nil {
			if !done.Load() {
				err = errors.New("it was given before the first was released")
			}
			_ = l.Release()
		}
		taken <- err
	}()
	if err := first.Save(t.Context(), Grant("prod")); err != nil {
		t.Errorf("Save while another waits: %v", err)
	}
	done.Store(true)
	release(t, first)
	if err := <-taken; err != nil {
		t.Errorf("second lease: %v", err)
	}
}

func leaseContext(t *testing.T, s store.Store) {
	held := lease(t, s, "prod")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.Lease(ctx, "prod")
		failed <- err
	}()
	cancel()
	err := <-failed
	wantError(t, "cancelled wait", err, context.Canceled)
	if errors.Is(err, store.ErrLocked) {
		t.Errorf("a wait that its caller gave up is no time-out: %v", err)
	}
	release(t, held)
	if _, err := s.Lease(ctx, "prod"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lease with a cancelled context: error %v, want context.Canceled", err)
	}
	lease(t, s, "prod") // the waits that ended hold nothing
}

func leasesApart(t *testing.T, s store.Store) {
	for _, alias := range []string{"prod", "Prod", "test"} {
		lease(t, s, alias)
	}
}

func probe(t *testing.T, s store.Store) {
	l := lease(t, s, "prod")
	if err := l.Probe(t.Context()); err != nil {
		t.Fatalf("Probe: %v", err)
	}
	if got, err := s.Aliases(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Aliases after Probe = %q, %v; want none", got, err)
	}
	g := Grant("prod")
	if err := l.Save(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Probe(t.Context()); err != nil {
			t.Fatalf("Probe: %v", err)
		}
	}
	if diff := Diff(g, get(t, s, "prod")); diff != "" {
		t.Errorf("Probe changed the grant (-want +got):\n%s", diff)
	}
}

// counters: 8 goroutines read, add one and write back, each under a lease. Two grants, so that leases cross.
func counters(t *testing.T, s store.Store) {
	const workers, rounds = 8, 25
	aliases := []string{"one", "two"}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range rounds {
				for _, alias := range aliases {
					if err := increment(t.Context(), s, alias); err != nil {
						t.Errorf("increment: %v", err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	for _, alias := range aliases {
		g := get(t, s, alias)
		if want := strconv.Itoa(workers * rounds); g.RefreshToken.Reveal() != want || g.Generation != workers*rounds {
			t.Errorf("%s counts %s in generation %d, want %s", alias, g.RefreshToken.Reveal(), g.Generation, want)
		}
	}
}

func increment(ctx context.Context, s store.Store, alias string) (err error) {
	l, err := s.Lease(ctx, alias)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	g, err := l.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		g, err = &store.Grant{Alias: alias}, nil
	}
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(g.RefreshToken.Reveal())
	g.RefreshToken = sftoken.NewSecret(strconv.Itoa(n + 1))
	return l.Save(ctx, g)
}

// readers look while one writes: each sees whole grants, and never an older one than before.
func readers(t *testing.T, s store.Store) {
	put(t, s, &store.Grant{Alias: "prod", RefreshToken: sftoken.NewSecret("1")})
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		all.Go(func() {
			var last uint64
			for {
				select {
				case <-stop:
					return
				default:
				}
				g, err := s.Get(t.Context(), "prod")
				switch {
				case err != nil:
					t.Errorf("Get: %v", err)
					return
				case g.Generation < last:
					t.Errorf("generation %d was seen after %d", g.Generation, last)
				case g.RefreshToken.Reveal() != strconv.FormatUint(g.Generation, 10):
					t.Errorf("generation %d was seen with the token of %s", g.Generation, g.RefreshToken.Reveal())
				}
				last = g.Generation
			}
		})
	}
	for range 100 {
		if err := increment(t.Context(), s, "prod"); err != nil {
			t.Errorf("increment: %v", err)
			break
		}
	}
	close(stop)
	all.Wait()
}

// spool: for stores that are Spoolers.
func spool(t *testing.T, s store.Store) {
	spooler, ok := s.(store.Spooler)
	if !ok {
		t.Skip("the store is no Spooler")
	}
	g := Grant("prod")
	l := lease(t, s, "prod")
	if err := l.Save(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	g.RefreshToken = sftoken.NewSecret("rotated")
	if err := spooler.Spool(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if g.Generation != 2 {
		t.Errorf("generation after Spool = %d, want 2", g.Generation)
	}
	loaded, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for who, got := range map[string]*store.Grant{"Load": loaded, "Get": get(t, s, "prod")} {
		if diff := Diff(g, got); diff != "" {
			t.Errorf("%s after Spool (-want +got):\n%s", who, diff)
		}
	}
	release(t, l)

	l = lease(t, s, "prod") // replays
	if diff := Diff(g, get(t, s, "prod")); diff != "" {
		t.Errorf("Get after the replay (-want +got):\n%s", diff)
	}
	if err := l.Save(t.Context(), g); err != nil || g.Generation != 3 {
		t.Errorf("Save after the replay: generation %d, error %v; want 3", g.Generation, err)
	}
	if err := spooler.Spool(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(t.Context(), g); err != nil || g.Generation != 5 {
		t.Errorf("Save after Spool: generation %d, error %v; want 5", g.Generation, err)
	}
	if err := spooler.Spool(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := l.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	release(t, l)
	lease(t, s, "prod")
	_, err = s.Get(t.Context(), "prod")
	wantError(t, "Get of a deleted grant that had been spooled", err, store.ErrNotFound)
}
