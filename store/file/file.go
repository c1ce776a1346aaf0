package file

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/filename"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/internal/spool"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Options say where the grants are.
type Options struct {
	Dir      string    // the data directory; grants are in Dir/grants
	Key      *keys.Set // nil: aliases can be listed and grants deleted, but none read or saved
	SpoolDir string    // where Spool writes, for this store alone; "": Dir/spool. Another disk than Dir's serves best
}

// Store keeps grants as files. Make it with Open.
type Store struct {
	dir, grants string
	locks       *lock.Locks
	spool       spool.Spool
	room        durable.Room
	key         *keys.Set
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Spooler   = (*Store)(nil)
	_ store.Encrypted = (*Store)(nil)
)

// Kinds of sealed files: one cannot be put in the other's place.
const (
	grantKind = "file store grant"
	spoolKind = "file store spool"
)

// Open checks the directories, as far as they exist, and returns the store in them. It creates nothing, opens no grant and
// holds nothing open.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Dir == "" {
		return nil, errors.New("open store: no directory given")
	}
	s := &Store{
		dir:    o.Dir,
		grants: filepath.Join(o.Dir, "grants"),
		locks:  lock.In(filepath.Join(o.Dir, "locks")),
		spool:  spool.Spool{Dir: cmp.Or(o.SpoolDir, filepath.Join(o.Dir, "spool")), Kind: spoolKind, Key: o.Key},
		room:   durable.Room{Dir: filepath.Join(o.Dir, "locks"), Share: roomSize},
		key:    o.Key,
	}
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "open store", Path: o.Dir, Err: err}
	}
	if err := s.check(); err != nil {
		return nil, located(err, "open store", "")
	}
	return s, nil
}

// check refuses directories that others can enter. Those that are not there yet are fine.
func (s *Store) check() error {
	for _, dir := range []string{s.dir, s.grants} {
		if err := durable.CheckDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := s.locks.Check(); err != nil {
		return err
	}
	return s.spool.Check()
}

func (s *Store) grantPath(alias string) string {
	return filepath.Join(s.grants, filename.Of(alias)+".grant")
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, alias string) (*store.Grant, error) {
	if err := ready(ctx, "get", alias); err != nil {
		return nil, err
	}
	g, err := s.read(alias)
	return g, located(err, "get", alias)
}

// read returns the newer of the spooled and the saved grant.
func (s *Store) read(alias string) (*store.Grant, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.spool.Newer(alias, func() (*store.Grant, error) { return s.saved(alias) })
}

func (s *Store) saved(alias string) (*store.Grant, error) {
	return sealed.ReadGrant(s.key, grantKind, alias, s.grantPath(alias), "restore it from a backup, or delete the grant and log in again")
}

// KeyIDs implements store.Encrypted.
func (s *Store) KeyIDs(ctx context.Context, alias string) ([]string, error) {
	if err := ready(ctx, "look at", alias); err != nil {
		return nil, err
	}
	ids, err := s.keyIDs(alias)
	return ids, located(err, "look at", alias)
}

func (s *Store) keyIDs(alias string) ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ids, err := s.spool.KeyIDs(alias) // first, as in Newer
	if err != nil {
		return nil, err
	}
	id, err := sealed.KeyID(s.grantPath(alias))
	if errors.Is(err, fs.ErrNotExist) {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	ids = append(ids, id)
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return store.ListByAlias(ctx, s)
}

// Aliases implements store.Store. It goes by file names; a file that is not named as this store names them is left out.
func (s *Store) Aliases(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "list grants", Err: err}
	}
	if err := s.check(); err != nil {
		return nil, located(err, "list grants", "")
	}
	spooled, err := s.spool.Aliases() // first: it may move into the grant's place between the two looks
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	names, err := durable.Names(s.grants)
	if err != nil {
		return nil, located(err, "list grants", "")
	}
	aliases := slices.Concat(spooled, filename.Aliases(names, ".grant"))
	slices.Sort(aliases)
	return slices.Compact(aliases), nil
}

// Close implements store.Store.
func (s *Store) Close() error { return nil }

// String implements store.Store.
func (s *Store) String() string { return "files in " + s.dir }

func ready(ctx context.Context, op, alias string) error {
	if err := store.ValidAlias(alias); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &store.Error{Op: op, Alias: alias, Err: err}
	}
	return nil
}

// located says of an error below what was being done to which grant.
func located(err error, op, alias string) error {
	if e, ok := errors.AsType[*store.Error](err); ok {
		e.Op, e.Alias = op, alias
	}
	return err
}
