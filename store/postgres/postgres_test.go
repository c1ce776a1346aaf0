package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
	"github.com/sftoken/sftoken/store/storetest"
)

// shared is the cluster of the tests that leave it in peace.
var shared struct {
	once   sync.Once
	server *pgtest.Server
	lasting
}

// lasting is a test that ends with the process.
type lasting struct {
	testing.TB
	cleanups []func()
}

func (l *lasting) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }
func (l *lasting) Failed() bool     { return false }
func (l *lasting) Helper()          {}

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		if err := child(context.Background(), task); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	for _, f := range shared.cleanups {
		f()
	}
	pgtest.Clean()
	os.Exit(code)
}

func server(t testing.TB) *pgtest.Server {
	t.Helper()
	shared.once.Do(func() {
		shared.TB = t
		shared.server = pgtest.Start(&shared.lasting)
	})
	if shared.server == nil {
		t.SkipNow() // the first to ask was told why
	}
	return shared.server
}

// options are those of a new, empty database, which a second store may share.
func options(t testing.TB) postgres.Options {
	t.Helper()
	s := server(t)
	return postgres.Options{DSN: s.DSN(s.NewDatabase(t)), Key: keys.Generate(), SpoolDir: filepath.Join(t.TempDir(), "spool")}
}

func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
	do(t, err)
	t.Cleanup(func() { do(t, s.Close()) })
	return s
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func lease(t testing.TB, s store.Store, alias string) store.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := s.Lease(ctx, alias)
	do(t, err)
	t.Cleanup(func() { _ = l.Release() })
	return l
}

func put(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	l := lease(t, s, g.Alias)
	do(t, l.Save(t.Context(), g), l.Release())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, options(t)) })
}

// databaseOf is the name of the database in the shared cluster.
func databaseOf(o postgres.Options) string {
	u, err := url.Parse(o.DSN)
	if err != nil {
		panic(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// waitFor asks until ok.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not come to pass within 20 s")
		}
	}
}
