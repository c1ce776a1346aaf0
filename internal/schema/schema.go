// Package schema brings the tables of a SQL store to the form that this version of sftoken needs, by numbered .sql files
// in the manner of goose (00001_grants.sql with "-- +goose Up").
//
// It goes forward only, and refuses a database that a newer version has migrated. It knows nothing of grants. For
// store/postgres and store/sqlite.
//
// # Several processes at once
//
// There is no lock. A lock of the session (pg_advisory_lock) breaks behind a pooler in transaction mode, and one in a table
// has to be waited out when its holder is killed. Instead each migration is one transaction that ends by writing its
// number into a table where every number is unique: of several processes one commits, the others are rolled back and look
// again. So a migration must not say "+goose NO TRANSACTION".
package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/sftoken/sftoken/store"
)

// Dialect is the SQL that the database speaks.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite3"
)

// Table holds the numbers of the migrations that were applied.
const Table = "sftoken_schema"

const (
	tries = 5                      // at one and the same migration
	pause = 100 * time.Millisecond // between them
)

// Migrate applies what is missing. If nothing is, it reads one number and writes nothing. A database that is newer is
// store.ErrNewerFormat.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect, fsys fs.FS) error {
	provider, versions, err := read(db, dialect, fsys)
	if err != nil {
		return err
	}
	for last, try := int64(-1), 1; ; try++ {
		current, pending, err := versions.compare(ctx, db, provider)
		if err != nil || !pending {
			return err
		}
		if current > last {
			last, try = current, 1
		}
		if err = versions.make(ctx, db); err == nil {
			_, err = provider.Up(ctx)
		}
		if err != nil && (try == tries || ctx.Err() != nil) {
			return fmt.Errorf("migrate schema from %d: %w", current, failed(err))
		}
		if err != nil { // another process may have been faster
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// Check fails with store.ErrNewerFormat if the database is newer than fsys. It writes nothing.
func Check(ctx context.Context, db *sql.DB, dialect Dialect, fsys fs.FS) error {
	provider, versions, err := read(db, dialect, fsys)
	if err != nil {
		return err
	}
	_, _, err = versions.compare(ctx, db, provider)
	return err
}

func read(db *sql.DB, dialect Dialect, fsys fs.FS) (*goose.Provider, versions, error) {
	table, err := database.NewStore(database.Dialect(dialect), Table)
	if err != nil {
		return nil, versions{}, fmt.Errorf("migrate schema: %w", err)
	}
	extended, ok := table.(database.StoreExtender)
	if !ok {
		return nil, versions{}, fmt.Errorf("migrate schema: goose cannot look for tables of %s", dialect)
	}
	v := versions{extended}
	provider, err := goose.NewProvider(goose.DialectCustom, db, fsys, goose.WithStore(v), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, versions{}, fmt.Errorf("read migrations: %w", err)
	}
	return provider, v, nil
}

// failed takes goose's own words off the error of a migration.
func failed(err error) error {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return partial.Err
	}
	return err
}

// versions is goose's table of applied migrations, with unique numbers.
type versions struct{ database.StoreExtender }

// make makes the table if it is missing. Goose would, but numbers would not be unique, and when another process is faster it
// waits a second.
func (v versions) make(ctx context.Context, db *sql.DB) error {
	if exists, err := v.TableExists(ctx, db); err != nil || exists {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := v.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "CREATE UNIQUE INDEX "+Table+"_once ON "+Table+" (version_id)"); err != nil {
		return fmt.Errorf("make version numbers unique: %w", err)
	}
	if err := v.Insert(ctx, tx, database.InsertRequest{Version: 0}); err != nil {
		return err
	}
	return tx.Commit()
}

// TableExists implements database.StoreExtender. Goose does not know how to ask SQLite.
func (v versions) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	exists, err = v.StoreExtender.TableExists(ctx, db)
	if errors.Is(err, errors.ErrUnsupported) {
		err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", Table).Scan(&exists)
	}
	return exists, err
}

// compare returns the number of the newest applied migration, 0 if there is none, and whether there are newer ones to apply.
func (v versions) compare(ctx context.Context, db *sql.DB, provider *goose.Provider) (current int64, pending bool, err error) {
	exists, err := v.TableExists(ctx, db)
	if err != nil {
		return 0, false, fmt.Errorf("look for schema: %w", err)
	}
	if exists {
		if current, err = v.GetLatestVersion(ctx, db); err != nil {
			return 0, false, fmt.Errorf("read schema version: %w", err)
		}
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if current > newest {
		return 0, false, &store.Error{
			Op: "open store", Kind: store.ErrNewerFormat, Mend: "update sftoken",
			Detail: fmt.Sprintf("the tables are in schema %d of a newer version of sftoken, this one knows schema %d", current, newest),
		}
	}
	return current, current < newest, nil
}
