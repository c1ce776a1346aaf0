package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sftoken/sftoken/internal/schema"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres/pgtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Clean()
	os.Exit(code)
}

// migrations change data too: done twice, they would count to more than one each.
func migrations(n int) fs.FS {
	files := fstest.MapFS{"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counter (n integer NOT NULL);\nINSERT INTO counter VALUES (1);\n")}}
	for i := 2; i <= n; i++ {
		files[fmt.Sprintf("%05d_more.sql", i)] = &fstest.MapFile{Data: []byte("-- +goose Up\nUPDATE counter SET n = n + 1;\n-- +goose Down\nDROP TABLE counter;\n")}
	}
	return files
}

func databases(t *testing.T, test func(t *testing.T, dialect schema.Dialect, open func() *sql.DB)) {
	connect := func(t *testing.T, driver, dsn string) *sql.DB {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "db")
		test(t, schema.SQLite, func() *sql.DB {
			return connect(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
		})
	})
	for _, through := range []string{"PostgreSQL", "PgBouncer"} {
		t.Run(through, func(t *testing.T) {
			t.Parallel()
			server := pgtest.Start(t)
			if through == "PgBouncer" {
				server.Port = server.Pooler(t)
			}
			test(t, schema.Postgres, func() *sql.DB {
				return connect(t, "pgx", server.DSN("postgres")+"&default_query_exec_mode=exec")
			})
		})
	}
}

func counter(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// brokers 5.3 no. 33: many start at once on an empty database, then newer ones on what they made. Each migration happens
// once, and who is older refuses in the end.
func TestMigrate(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, dialect schema.Dialect, open func() *sql.DB) {
		db := open()
		for _, newest := range []int{3, 5, 5} {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := schema.Migrate(t.Context(), open(), dialect, migrations(newest)); err != nil {
						t.Errorf("Migrate to %d: %v", newest, err)
					}
				})
			}
			all.Wait()
			if got := counter(t, db); got != newest {
				t.Errorf("after migrations up to %d the counter is %d: one was left out or done twice", newest, got)
			}
		}
		for what, refuse := range map[string]func(context.Context, *sql.DB, schema.Dialect, fs.FS) error{"Migrate": schema.Migrate, "Check": schema.Check} {
			if err := refuse(t.Context(), db, dialect, migrations(4)); !errors.Is(err, store.ErrNewerFormat) || !strings.Contains(err.Error(), "schema 5") {
				t.Errorf("%s of an older program: %v, want ErrNewerFormat", what, err)
			}
			if err := refuse(t.Context(), db, dialect, migrations(5)); err != nil {
				t.Errorf("%s of the same program: %v", what, err)
			}
		}
	})
}

func TestCheckWritesNothing(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := schema.Check(t.Context(), db, schema.SQLite, migrations(1)); err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("Check made %d tables, %v", tables, err)
	}
}

// A migration that fails leaves nothing of itself, and the error says which and why.
func TestMigrationFails(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files := migrations(2).(fstest.MapFS)
	files["00003_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nUPDATE counter SET n = 100;\nSELECT missing FROM nowhere;\n")}
	if err := schema.Migrate(t.Context(), db, schema.SQLite, files); err == nil || !strings.Contains(err.Error(), "from 2") || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Migrate: %v, want it to say where and why", err)
	}
	if got := counter(t, db); got != 2 {
		t.Errorf("the counter is %d, want 2: half a migration stayed", got)
	}
}
