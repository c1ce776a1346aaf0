package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/internal/spool"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Options say where the grants are.
type Options struct {
	Path     string    // the database file
	Key      *keys.Set // nil: aliases can be listed and grants deleted, but none read or saved
	SpoolDir string    // where Spool writes, for this store alone; "": Path-spool. Another disk than Path's serves best
}

// Store keeps grants in a database. Make it with Open.
type Store struct {
	path  string
	file  fs.FileInfo // the database file that is open
	key   *keys.Set
	locks *lock.Locks
	spool spool.Spool
	room  durable.Room

	reader, writer *sql.DB       // the writer has one connection
	turn           chan struct{} // one token: who writes

	mu    sync.Mutex
	queue []*pending // writes that wait for the turn; guarded by mu

	get, insert, update, remove *sql.Stmt
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Spooler    = (*Store)(nil)
	_ store.IdleLister = (*Store)(nil)
	_ store.Encrypted  = (*Store)(nil)
)

// Kinds of sealed grants: one cannot be put in the other's place.
const (
	grantKind = "sqlite store grant"
	spoolKind = "sqlite store spool"
)

// Open opens the database, makes it and its directory if they are missing, and brings its schema up to date. A database that
// a newer version has written is ErrNewerFormat.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("open store: no database file given")
	}
	s := &Store{
		path:  o.Path,
		key:   o.Key,
		locks: lock.In(o.Path + "-locks"),
		spool: spool.Spool{Dir: cmp.Or(o.SpoolDir, o.Path+"-spool"), Kind: spoolKind, Key: o.Key},
		room:  durable.Room{Dir: o.Path + "-locks", Share: roomSize},
		turn:  make(chan struct{}, 1),
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(located(s.failure(ctx, err), "open store", ""), s.Close())
	}
	return s, nil
}

// Close implements store.Store. The last one to close a database writes the log back into it.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} { // the writer last: a reader may not write the log back
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return located(s.failure(context.Background(), err), "close store", "")
	}
	return nil
}

// String implements store.Store.
func (s *Store) String() string { return "SQLite database " + s.path }

// check refuses to go on with a database that is no longer the one at its path, and with a spool that others can enter.
func (s *Store) check() error {
	named, err := os.Lstat(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return durable.Failure("read", s.path, err)
	}
	if err != nil || !os.SameFile(named, s.file) {
		return &store.Error{
			Path: s.path, Kind: store.ErrDamaged, Detail: "the database was removed or replaced while it was open",
			Mend: "start the program again",
		}
	}
	return s.spool.Check()
}

// ready says why an operation cannot begin.
func (s *Store) ready(ctx context.Context, op, alias string) error {
	if err := ctx.Err(); err != nil {
		return &store.Error{Op: op, Alias: alias, Err: err}
	}
	return located(s.check(), op, alias)
}

// located says of an error below what was being done to which grant.
func located(err error, op, alias string) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Alias = op, alias
	}
	return err
}

// micros is a time as the database has it.
func micros(t time.Time) int64 { return t.UnixMicro() }
