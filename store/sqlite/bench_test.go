package sqlite_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

var million = flag.Bool("million", false, "benchmark a database of 1,000,000 grants too: 3 GB of disk and a minute to fill it")

// BenchmarkSave is to be held against BenchmarkRawUpdate and BenchmarkFsync of the same run.
func BenchmarkSave(b *testing.B) {
	s, _ := filled(b, "prod")
	l := lease(b, s, "prod")
	g, err := l.Load(b.Context())
	do(b, err)
	b.ReportAllocs()
	for b.Loop() {
		do(b, l.Save(b.Context(), g))
	}
}

// BenchmarkRawUpdate writes as many bytes with the same settings, and nothing else.
func BenchmarkRawUpdate(b *testing.B) {
	dsn := "file:" + filepath.Join(b.TempDir(), "raw.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	db, err := sql.Open("sqlite", dsn)
	do(b, err)
	defer db.Close()
	_, err = db.ExecContext(b.Context(), `CREATE TABLE grants (alias TEXT PRIMARY KEY, generation INTEGER, sealed BLOB)`)
	do(b, err)
	data := record(b)
	_, err = db.ExecContext(b.Context(), `INSERT INTO grants VALUES ('prod', 1, ?)`, data)
	do(b, err)
	update, err := db.PrepareContext(b.Context(), `UPDATE grants SET generation = generation + 1, sealed = ? WHERE alias = 'prod'`)
	do(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := update.ExecContext(b.Context(), data)
		do(b, err)
	}
}

func BenchmarkFsync(b *testing.B) {
	data := record(b)
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	do(b, err)
	defer f.Close()
	for b.Loop() {
		_, err := f.WriteAt(data, 0)
		do(b, err, f.Sync())
	}
}

func record(b *testing.B) []byte {
	b.Helper()
	data, err := sealed.SealGrant(keys.Generate(), "benchmark", storetest.Grant("prod"))
	do(b, err)
	return data
}

func BenchmarkLeaseAndRelease(b *testing.B) {
	s, _ := filled(b, "prod")
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err, l.Release())
	}
}

// BenchmarkRefresh is what a refresh asks of the store: lease, look again, probe, mark, save.
func BenchmarkRefresh(b *testing.B) {
	s, _ := filled(b, "prod")
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err)
		g, err := l.Load(b.Context())
		do(b, err, l.Probe(b.Context()), l.Save(b.Context(), g), l.Save(b.Context(), g), l.Release())
	}
}

// How the store grows: run it with -million.
func BenchmarkGrants(b *testing.B) {
	sizes := []int{1_000}
	if *million {
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkGrants(b, n) })
	}
}

// benchmarkGrants has n grants of which one in a hundred is idle.
func benchmarkGrants(b *testing.B, n int) {
	path := place(b)
	s := open(b, path, keys.Generate())
	alias := func(i int) string { return fmt.Sprintf("grant-%07d", i) }
	do(b, s.Fill(n, func(i int) *store.Grant {
		g := storetest.Grant(alias(i))
		g.Generation, g.State, g.RefreshedAt = 1, store.Live, noon
		if i%100 == 0 {
			g.RefreshedAt = noon.AddDate(0, 0, -25)
		}
		return g
	}))
	for _, c := range []struct {
		name string
		run  func(b *testing.B, i int)
	}{
		{"open", func(b *testing.B, _ int) { do(b, open(b, path, nil).Close()) }},
		{"get", func(b *testing.B, i int) {
			_, err := s.Get(b.Context(), alias(i*7919%n))
			do(b, err)
		}},
		{"lease and save", func(b *testing.B, i int) {
			l, err := s.Lease(b.Context(), alias(i*7919%n))
			do(b, err)
			g, err := l.Load(b.Context())
			do(b, err, l.Save(b.Context(), g), l.Release())
		}},
		{"first of idle", func(b *testing.B, _ int) { first(b, s) }},
		{"idle", func(b *testing.B, _ int) {
			for _, err := range s.Idle(b.Context(), noon.AddDate(0, 0, -20)) {
				do(b, err)
			}
		}},
		{"aliases", func(b *testing.B, _ int) {
			_, err := s.Aliases(b.Context())
			do(b, err)
		}},
		{"list", func(b *testing.B, _ int) {
			for _, err := range s.List(b.Context()) {
				do(b, err)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			debug.FreeOSMemory()
			peak := watch()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.run(b, i)
			}
			b.ReportMetric(peak(), "resident-MB")
		})
	}
}

func first(b *testing.B, s *sqlite.Store) {
	b.Helper()
	for _, err := range s.Idle(b.Context(), noon.AddDate(0, 0, -20)) {
		do(b, err)
		return
	}
	b.Error("nothing is idle")
}

// watch returns a function that stops watching and tells how much memory the process had at most, Go's and SQLite's, which
// is not on Go's heap.
func watch() (peak func() float64) {
	stop, result := make(chan struct{}), make(chan float64)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for most := 0.0; ; {
			most = max(most, resident())
			select {
			case <-tick.C:
			case <-stop:
				result <- most
				return
			}
		}
	}()
	return func() float64 {
		close(stop)
		return <-result
	}
}

// resident is the memory of this process in MB; 0 where there is no /proc.
func resident() float64 {
	var size, pages int
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &size, &pages)
	}
	if err != nil {
		return 0
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
