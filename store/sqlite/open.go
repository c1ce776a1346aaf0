package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/schema"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// readers are the connections that read at a time. Each takes up to 2 MiB for its cache.
const readers = 4

func (s *Store) open(ctx context.Context) error {
	if err := s.secure(ctx); err != nil {
		return err
	}
	var err error
	// WAL with FULL: durable when a statement returns, readers and the writer do not wait for each other. macOS syncs to
	// the disk only when asked to do so fully.
	if s.writer, err = connect(s.path, 1, "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)"); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.reader, err = connect(s.path, readers, "query_only(1)"); err != nil {
		return err
	}
	if s.file, err = os.Lstat(s.path); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// secure makes directory and database file if they are missing, and refuses what others can use. The file is never opened
// here: closing it would take away the locks that another store of this process has on it (POSIX).
func (s *Store) secure(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := durable.MakeDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	if err := s.locks.Check(); err != nil {
		return err
	}
	if err := s.spool.Check(); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := durable.CheckFile(s.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR|durable.OpenFlags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return durable.Failure("make", s.path, err)
	}
	return f.Close()
}

// connect opens the database, which is there already, on at most n connections.
func connect(path string, n int, pragmas ...string) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(absolute)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	dsn := url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{
		"mode":       {"rw"},
		"_pragma":    append(pragmas, "busy_timeout(10000)", "trusted_schema(OFF)"),
		"_txlock":    {"immediate"},
		"_defensive": {"1"},
		"_dqs":       {"0"},
		"_error_rc":  {"1"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// migrate runs one process after the other: the change to write-ahead logging does not wait for others by itself.
func (s *Store) migrate(ctx context.Context) error {
	held, err := s.locks.Take(ctx, "_schema") // no alias begins like this
	if err != nil {
		return err
	}
	files, err := fs.Sub(schemaFiles, "schema")
	if err == nil {
		err = schema.Migrate(ctx, s.writer, schema.SQLite, files)
	}
	return errors.Join(err, held.Release())
}

func (s *Store) prepare(ctx context.Context) error {
	for _, p := range []struct {
		db   *sql.DB
		stmt **sql.Stmt
		text string
	}{
		{s.reader, &s.get, `SELECT generation, sealed FROM grants WHERE alias = ?`},
		{s.writer, &s.insert, `INSERT INTO grants (generation, state, refreshed_at, key_id, sealed, alias) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`},
		{s.writer, &s.update, `UPDATE grants SET generation = ?, state = ?, refreshed_at = ?, key_id = ?, sealed = ?
			WHERE alias = ? AND generation = ?`},
		{s.writer, &s.remove, `DELETE FROM grants WHERE alias = ?`},
	} {
		stmt, err := p.db.PrepareContext(ctx, p.text)
		if err != nil {
			return err
		}
		*p.stmt = stmt
	}
	// Inside SQLite a wait knows no context. From here on change asks again and again instead.
	_, err := s.writer.ExecContext(ctx, "PRAGMA busy_timeout(100)")
	return err
}
