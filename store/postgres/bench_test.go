package postgres_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/storetest"
)

// many is SFTOKEN_BENCH_GRANTS: of how many grants, besides 1,000, the cost of looking through them is measured.
const many = "SFTOKEN_BENCH_GRANTS"

// BenchmarkSave is to be held against BenchmarkRawUpdate of the same run. A connection that goes straight to the database
// may prepare its statements.
func BenchmarkSave(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.String(), func(b *testing.B) {
			o := options(b)
			o.DSN += "&default_query_exec_mode=" + strings.ReplaceAll(mode.String(), " ", "_")
			s := open(b, o)
			g := storetest.Grant("prod")
			l := lease(b, s, "prod")
			b.ReportAllocs()
			for b.Loop() {
				do(b, l.Save(b.Context(), g))
			}
		})
	}
}

func BenchmarkLease(b *testing.B) {
	s := open(b, options(b))
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err, l.Release())
	}
}

// BenchmarkRefresh is all that a refresh asks of a store.
func BenchmarkRefresh(b *testing.B) {
	s := open(b, options(b))
	put(b, s, storetest.Grant("prod"))
	for b.Loop() {
		l, err := s.Lease(b.Context(), "prod")
		do(b, err)
		g, err := l.Load(b.Context())
		do(b, err, l.Probe(b.Context()), l.Save(b.Context(), g), l.Save(b.Context(), g), l.Release())
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, options(b))
	put(b, s, storetest.Grant("prod"))
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Get(b.Context(), "prod")
		do(b, err)
	}
}

// raw is a table with a row as large as a grant's, and pgx on its own.
func raw(b *testing.B, mode pgx.QueryExecMode) (*pgxpool.Pool, []byte) {
	b.Helper()
	config, err := pgxpool.ParseConfig(options(b).DSN)
	do(b, err)
	config.ConnConfig.DefaultQueryExecMode = mode
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	do(b, err)
	b.Cleanup(pool.Close)
	data, err := sealed.SealGrant(keys.Generate(), "bench", storetest.Grant("prod"))
	do(b, err)
	_, err = pool.Exec(b.Context(), "CREATE TABLE bare (alias text PRIMARY KEY, sealed bytea NOT NULL)")
	do(b, err)
	_, err = pool.Exec(b.Context(), "INSERT INTO bare VALUES ('prod', $1)", data)
	do(b, err)
	return pool, data
}

var modes = []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeCacheStatement}

func BenchmarkRawUpdate(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.String(), func(b *testing.B) {
			pool, data := raw(b, mode)
			b.ReportAllocs()
			for b.Loop() {
				_, err := pool.Exec(b.Context(), "UPDATE bare SET sealed = $2 WHERE alias = $1", "prod", data)
				do(b, err)
			}
		})
	}
}

func BenchmarkRawSelect(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.String(), func(b *testing.B) {
			pool, data := raw(b, mode)
			b.ReportAllocs()
			for b.Loop() {
				do(b, pool.QueryRow(b.Context(), "SELECT sealed FROM bare WHERE alias = $1", "prod").Scan(&data))
			}
		})
	}
}

// BenchmarkMany looks through many grants: all of them, their names, those that are idle longest.
func BenchmarkMany(b *testing.B) {
	sizes := []int{1000}
	if n, err := strconv.Atoi(os.Getenv(many)); err == nil {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		o := options(b)
		s := open(b, o)
		crowd(b, o, n)
		before := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		for name, look := range map[string]func() int{
			"List": func() (count int) {
				for _, err := range s.List(b.Context()) {
					do(b, err)
					count++
				}
				return count
			},
			"Aliases": func() int {
				all, err := s.Aliases(b.Context())
				do(b, err)
				return len(all)
			},
			"Idle": func() (count int) {
				for _, err := range s.Idle(b.Context(), before) {
					do(b, err)
					count++
				}
				return count
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if count := look(); count != n {
						b.Fatalf("%d grants, want %d", count, n)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("Next100/%d", n), func(b *testing.B) {
			for b.Loop() {
				count := 0
				for _, err := range s.Idle(b.Context(), before) {
					do(b, err)
					if count++; count == 100 {
						break
					}
				}
			}
		})
		b.Run(fmt.Sprintf("Get/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				_, err := s.Get(b.Context(), fmt.Sprintf("g%07d", i*7919%n))
				do(b, err)
			}
		})
	}
}

// crowd makes n grants as saves would.
func crowd(b *testing.B, o postgres.Options, n int) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), o.DSN)
	do(b, err)
	defer conn.Close(b.Context())
	i := 0
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		if i == n {
			return nil, nil
		}
		g := storetest.Grant(fmt.Sprintf("g%07d", i))
		g.Generation = 1
		i++
		data, err := sealed.SealGrant(o.Key, "postgres store grant", g)
		return []any{g.Alias, int64(1), int16(0), g.RefreshedAt.Add(time.Duration(i*7919%n) * time.Second), o.Key.ID(), data}, err
	})
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"sftoken_grants"}, []string{"alias", "generation", "state", "refreshed_at", "key_id", "sealed"}, rows)
	do(b, err)
	server(b).Exec(b, databaseOf(o), "VACUUM ANALYZE sftoken_grants")
}
