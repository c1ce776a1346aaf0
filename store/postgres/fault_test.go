package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
	"github.com/sftoken/sftoken/store/storetest"
)

// mortal is a cluster of the test's own, and options for it.
func mortal(t *testing.T) (*pgtest.Server, postgres.Options) {
	t.Helper()
	s := pgtest.Start(t)
	return s, postgres.Options{DSN: s.DSN("postgres"), Key: keys.Generate(), SpoolDir: filepath.Join(t.TempDir(), "spool"), LeaseTerm: shortTerm}
}

func temporary(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, sftoken.ErrTemporary) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%s without a database: %v, want store.ErrUnavailable, which is sftoken.ErrTemporary", what, err)
	}
}

// brokers 5.3 no. 5: the database dies before each step of a refresh and comes back. Repeating the step goes on; after the
// mark was saved, not even the lease is lost.
func TestDatabaseDiesBetweenSteps(t *testing.T) {
	t.Parallel()
	server, o := mortal(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))

	var l store.Lease
	var g *store.Grant
	take := func() (err error) { l, err = s.Lease(t.Context(), "prod"); return err }
	load := func() (err error) { g, err = l.Load(t.Context()); return err }
	steps := []struct {
		name string
		run  func() error
	}{
		{"lease", take},
		{"load", load},
		{"probe", func() error { return l.Probe(t.Context()) }},
		{"mark", func() error { g.Spending = &store.Spending{Fingerprint: "f"}; return l.Save(t.Context(), g) }},
		{"answer", func() error { g.Spending = nil; return l.Save(t.Context(), g) }},
		{"get", func() error { _, err := s.Get(t.Context(), "prod"); return err }},
	}
	for cut, at := range steps {
		for i, step := range steps {
			if i != cut {
				do(t, step.run())
				continue
			}
			server.Kill()
			temporary(t, at.name, step.run())
			server.Run(t)
			err := step.run()
			if errors.Is(err, store.ErrLeaseLost) && cut < 4 { // the taking of a lease is not waited for
				do(t, l.Release(), take(), load())
				err = step.run()
			}
			if err != nil {
				t.Fatalf("%s after a restart: %v", at.name, err)
			}
		}
		do(t, l.Release())
		got, err := s.Get(t.Context(), "prod")
		do(t, err)
		if diff := storetest.Diff(g, got); diff != "" {
			t.Errorf("the database died before %s (-saved +got):\n%s", at.name, diff)
		}
	}

	do(t, take())
	server.Kill()
	temporary(t, "release", l.Release())
	server.Run(t)
	do(t, take(), l.Release()) // by the same store: its own lease does not bar its way
}

// B-02: the database dies between Salesforce's answer and the save, and the process after it. Another process of this
// machine finds the answer, and the next lease puts it into the database.
func TestSpoolOutlivesDatabaseAndProcess(t *testing.T) {
	t.Parallel()
	server, o := mortal(t)
	s := open(t, o)
	l := lease(t, s, "prod")
	g := storetest.Grant("prod")
	do(t, l.Save(t.Context(), g))
	server.Kill()
	g.RefreshToken = sftoken.NewSecret("rotated")
	temporary(t, "save", l.Save(t.Context(), g))
	do(t, s.Spool(t.Context(), g))
	if g.Generation < 2 {
		t.Errorf("the spooled grant has generation %d, want 2 or more: the save may have happened", g.Generation)
	}
	temporary(t, "release", l.Release()) // ends its renewing, as the end of the process would; the row stays
	server.Run(t)

	next := open(t, o)
	got, err := next.Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Errorf("Get before the replay (-want +got):\n%s", diff)
	}
	lease(t, next, "prod")
	spool := o.SpoolDir
	o.SpoolDir = ""
	got, err = open(t, o).Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Errorf("Get on another machine after the replay (-want +got):\n%s", diff)
	}
	if files, _ := filepath.Glob(filepath.Join(spool, "*")); len(files) > 0 {
		t.Errorf("the spool still holds %q", files)
	}
}

// The database is killed again and again while one process saves. No acknowledged save is lost, no repeated one is refused,
// and the generation never goes back.
func TestDatabaseKilledWhileSaving(t *testing.T) {
	t.Parallel()
	server, o := mortal(t)
	o.LeaseTerm = time.Minute
	s := open(t, o)
	l := lease(t, s, "prod")
	g := &store.Grant{Alias: "prod", RefreshToken: sftoken.NewSecret("0")}
	do(t, l.Save(t.Context(), g))
	do(t, l.Save(t.Context(), g)) // is on the disk, and so is the lease

	stop, stopped := make(chan struct{}), make(chan error, 1)
	saves, failures := 0, 0
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			g.RefreshToken = sftoken.NewSecret(strconv.Itoa(saves + 1))
			before := g.Generation
			switch err := l.Save(t.Context(), g); {
			case err == nil && g.Generation <= before:
				stopped <- fmt.Errorf("generation %d after %d", g.Generation, before)
				return
			case err == nil:
				saves++
			case errors.Is(err, store.ErrUnavailable):
				failures++
				<-time.After(5 * time.Millisecond)
			default:
				stopped <- err
				return
			}
		}
	}()
	for range 3 {
		<-time.After(time.Duration(100+rand.IntN(200)) * time.Millisecond)
		server.Kill()
		server.Run(t)
		waitFor(t, func() bool { _, err := s.Get(t.Context(), "prod"); return err == nil })
	}
	close(stop)
	do(t, <-stopped)
	got, err := s.Get(t.Context(), "prod")
	do(t, err)
	n, _ := strconv.Atoi(got.RefreshToken.Reveal())
	if n < saves || n > saves+1 || got.Generation < g.Generation {
		t.Errorf("save %d was acknowledged as generation %d, the store has save %d as generation %d", saves, g.Generation, n, got.Generation)
	}
	t.Logf("%d saves, %d failures", saves, failures)
	g.RefreshToken = sftoken.NewSecret("last")
	do(t, l.Save(t.Context(), g))
}

// brokers 5.3 no. 5: the primary is lost and its streaming replica promoted. With synchronous replication nothing that was
// acknowledged is lost; in between everything is temporary.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary, o := mortal(t)
	put(t, open(t, o), storetest.Grant("prod"))
	standby := primary.Standby(t)
	primary.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
	primary.Exec(t, "postgres", "SELECT pg_reload_conf()")
	waitFor(t, func() bool {
		return primary.Exec(t, "postgres", "SELECT sync_state FROM pg_stat_replication") == "sync"
	})

	o.DSN = strings.Replace(o.DSN, fmt.Sprint(primary.Port), fmt.Sprintf("%d,127.0.0.1:%d", primary.Port, standby.Port), 1) + "&target_session_attrs=read-write"
	s := open(t, o)
	if want := fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d/postgres", primary.Port, standby.Port); !strings.Contains(s.String(), want) {
		t.Errorf("String = %q, want it to name %q", s, want)
	}
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err, l.Save(t.Context(), g))

	replica := o
	replica.DSN = standby.DSN("postgres")
	r := open(t, replica)
	if _, err := r.Lease(t.Context(), "prod"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Lease on a replica: %v, want ErrReadOnly", err)
	}

	primary.Kill()
	g.RefreshToken = sftoken.NewSecret("rotated")
	temporary(t, "save", l.Save(t.Context(), g))
	standby.Promote(t)
	do(t, l.Save(t.Context(), g))
	got, err := s.Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Errorf("after the fail-over (-saved +got):\n%s", diff)
	}
}

// Behind PgBouncer in transaction mode everything holds that holds without.
func TestConformanceBehindPgBouncer(t *testing.T) {
	t.Parallel()
	s := server(t)
	port := s.Pooler(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		o := options(t)
		o.ListenDSN = o.DSN
		o.DSN = strings.Replace(o.DSN, fmt.Sprint(s.Port), fmt.Sprint(port), 1)
		return open(t, o)
	})
}
