package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

func run(t *testing.T, s *sqlite.Store, text string, args ...any) {
	t.Helper()
	_, err := s.Writer().ExecContext(t.Context(), text, args...)
	do(t, err)
}

func cell(t *testing.T, s *sqlite.Store, alias string) (sealed []byte) {
	t.Helper()
	do(t, s.Writer().QueryRowContext(t.Context(), `SELECT sealed FROM grants WHERE alias = ?`, alias).Scan(&sealed))
	return sealed
}

// refused checks that nobody reads or writes over the grant, that the error names the grant, the database and the cure, and
// that the grant good is not concerned.
func refused(t *testing.T, s *sqlite.Store, path, alias string, kind error, mend string) {
	t.Helper()
	before := cell(t, s, alias)
	_, getErr := s.Get(t.Context(), alias)
	l := lease(t, s, alias)
	defer l.Release()
	_, loadErr := l.Load(t.Context())
	for what, err := range map[string]error{
		"Get": getErr, "Load": loadErr, "Probe": l.Probe(t.Context()),
		"Save": l.Save(t.Context(), storetest.Grant(alias)),
	} {
		if !errors.Is(err, kind) {
			t.Errorf("%s: error %v, want %v", what, err, kind)
			continue
		}
		if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, mend) || !strings.Contains(text, alias+":") {
			t.Errorf("%s: error %q, want one with grant, path and %q", what, text, mend)
		}
		if strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error shows a secret: %v", what, err)
		}
	}
	if !bytes.Equal(before, cell(t, s, alias)) {
		t.Error("the row was changed")
	}
	var listed []string
	for g, err := range s.List(t.Context()) {
		if e, ok := errors.AsType[*store.Error](err); ok && errors.Is(err, kind) {
			listed = append(listed, "not "+e.Alias)
		} else if err != nil {
			t.Errorf("List: %v", err)
		} else if g.Alias == "good" {
			listed = append(listed, g.Alias)
		}
	}
	if got := strings.Join(listed, ","); !strings.Contains(got, "good") || !strings.Contains(got, "not "+alias) {
		t.Errorf("List gives %q, want the good grant and one error for %s", got, alias)
	}
}

// B-14: what is in a row is bound to its alias and its generation.
func TestDamagedRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *sqlite.Store)
		kind  error
		mend  string
	}{
		"changed": {func(t *testing.T, s *sqlite.Store) {
			data := cell(t, s, "prod")
			data[len(data)/2] ^= 1
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'prod'`, data)
		}, store.ErrDamaged, "restore the database from a backup"},
		"emptied": {func(t *testing.T, s *sqlite.Store) {
			run(t, s, `UPDATE grants SET sealed = x'' WHERE alias = 'prod'`)
		}, store.ErrDamaged, "restore the database from a backup"},
		"swapped": {func(t *testing.T, s *sqlite.Store) {
			prod, other := cell(t, s, "prod"), cell(t, s, "other")
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'prod'`, other)
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'other'`, prod)
		}, store.ErrDamaged, "restore the database from a backup"},
		"renamed": {func(t *testing.T, s *sqlite.Store) {
			run(t, s, `DELETE FROM grants WHERE alias = 'prod'`)
			run(t, s, `UPDATE grants SET alias = 'prod' WHERE alias = 'other'`)
		}, store.ErrDamaged, "moved here from elsewhere"},
		"an older one": {func(t *testing.T, s *sqlite.Store) {
			old := cell(t, s, "prod")
			g, err := s.Get(t.Context(), "prod")
			do(t, err)
			save(t, s, g)
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'prod'`, old)
		}, store.ErrDamaged, "generation 1 in the row of generation 2"},
		"next format": {func(t *testing.T, s *sqlite.Store) {
			data := cell(t, s, "prod")
			data[4]++
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'prod'`, data)
		}, store.ErrNewerFormat, "update sftoken"},
		"another key": {func(t *testing.T, s *sqlite.Store) {
			data, err := sealed.SealGrant(keys.Generate(), "sqlite store grant", storetest.Grant("prod"))
			do(t, err)
			run(t, s, `UPDATE grants SET sealed = ? WHERE alias = 'prod'`, data)
		}, store.ErrKeyLost, "bring that key back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := filled(t, "prod")
			save(t, s, storetest.Grant("other"))
			save(t, s, storetest.Grant("good"))
			c.spoil(t, s)
			refused(t, s, path, "prod", c.kind, c.mend)
			l := lease(t, s, "prod")
			do(t, l.Delete(t.Context()), l.Save(t.Context(), storetest.Grant("prod")))
		})
	}
}

func TestOpenedWithoutKey(t *testing.T) {
	t.Parallel()
	_, path := filled(t, "prod")
	s := open(t, path, nil)
	if got, err := s.Aliases(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("Aliases without a key = %q, %v; want prod", got, err)
	}
	if ids, err := s.KeyIDs(t.Context(), "prod"); err != nil || len(ids) != 1 || len(ids[0]) != 8 {
		t.Errorf("KeyIDs without a key = %q, %v; want one", ids, err)
	}
	if ids, err := s.KeyIDs(t.Context(), "none"); err != nil || len(ids) != 0 {
		t.Errorf("KeyIDs of a grant that is not there = %q, %v", ids, err)
	}
	l := lease(t, s, "prod")
	_, getErr := s.Get(t.Context(), "prod")
	for what, err := range map[string]error{"Get": getErr, "Probe": l.Probe(t.Context()), "Save": l.Save(t.Context(), storetest.Grant("prod"))} {
		if !errors.Is(err, store.ErrKeyLost) {
			t.Errorf("%s without a key: %v, want ErrKeyLost", what, err)
		}
	}
	do(t, l.Delete(t.Context()))
	if err := l.Save(t.Context(), storetest.Grant("prod")); !errors.Is(err, store.ErrKeyLost) {
		t.Errorf("Save of a new grant without a key: %v, want ErrKeyLost", err)
	}
}

func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"a text file": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("sftoken\n"), 1000), 0o600) },
		"cut off":     func(path string) error { return os.Truncate(path, 6000) },
		"page of zeros": func(path string) error {
			data, err := os.ReadFile(path)
			clear(data[4096:])
			return errors.Join(err, os.WriteFile(path, data, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := filled(t, "prod")
			do(t, s.Close(), spoil(path))
			before, err := os.ReadFile(path)
			do(t, err)
			broken, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Key: keys.Generate()})
			if err == nil {
				_, err = broken.Get(t.Context(), "prod")
				do(t, broken.Close())
			}
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "from a backup") {
				t.Errorf("error %v, want ErrDamaged with path and cure", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the damaged database was changed (%v)", err)
			}
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	run(t, s, `INSERT INTO sftoken_schema (version_id, is_applied) VALUES (99, 1)`)
	do(t, s.Close())
	_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Key: keys.Generate()})
	if !errors.Is(err, store.ErrNewerFormat) || !strings.Contains(err.Error(), "update sftoken") {
		t.Errorf("Open of schema 99: %v, want ErrNewerFormat", err)
	}
}

// C-71: 0600 in 0700, whatever the umask; nothing of a grant in the clear.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	g, err := s.Get(t.Context(), "prod")
	do(t, err, s.Spool(t.Context(), g))
	do(t, lease(t, s, "other").Probe(t.Context()))
	seen := map[string]bool{}
	err = filepath.WalkDir(filepath.Dir(path), func(path string, d fs.DirEntry, err error) error {
		do(t, err)
		seen[d.Name()] = true
		info, err := d.Info()
		do(t, err)
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("CANARY")) || bytes.Contains(data, []byte("amelia")) {
			t.Errorf("%s: %v, or in the clear", path, err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	do(t, err)
	for _, name := range []string{"sftoken.db-wal", "sftoken.db-shm", "prod.spool"} {
		if !seen[name] {
			t.Errorf("%s is not there: nothing is proved for it", name)
		}
	}
}

func TestUnsafeFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"database 0640":  func(path string) error { return os.Chmod(path, 0o640) },
		"directory 0750": func(path string) error { return os.Chmod(filepath.Dir(path), 0o750) },
		"link":           func(path string) error { return errors.Join(os.Rename(path, path+"~"), os.Symlink(path+"~", path)) },
		"directory":      func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"log 0644":       func(path string) error { return os.WriteFile(path+"-wal", nil, 0o644) },
		"locks 0755":     func(path string) error { return os.Chmod(path+"-locks", 0o755) },
		"spool 0755":     func(path string) error { return os.Mkdir(path+"-spool", 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := filled(t, "prod")
			do(t, s.Close(), spoil(path))
			_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Key: keys.Generate()})
			if !errors.Is(err, store.ErrUnsafe) || !strings.Contains(fmt.Sprint(err), filepath.Dir(path)) {
				t.Errorf("Open: %v, want ErrUnsafe with the path", err)
			}
		})
	}
}

// A database that was put back from a backup under a running program is not written to: it would be the old file.
func TestReplacedDatabaseIsNoticed(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err, os.Rename(path, path+"~"))
	_, getErr := s.Get(t.Context(), "prod")
	for what, err := range map[string]error{"Get": getErr, "Save": l.Save(t.Context(), g)} {
		if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "start the program again") {
			t.Errorf("%s after the database was removed: %v, want ErrDamaged with the cure", what, err)
		}
	}
	do(t, s.Spool(t.Context(), g), l.Release(), os.Rename(path+"~", path))
	expect(t, s, g)
}

func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, "prod")
	run(t, s, `PRAGMA query_only(1)`) // SQLite then answers as for a database that it cannot write
	g := rotated(t, s, "answer")
	before, err := s.Get(t.Context(), "prod")
	do(t, err)
	l := lease(t, s, "prod")
	for what, err := range map[string]error{"Save": l.Save(t.Context(), g), "Delete": l.Delete(t.Context())} {
		if !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), "write access") {
			t.Errorf("%s: %v, want ErrReadOnly with the cure", what, err)
		}
	}
	expect(t, s, before)
	do(t, s.Spool(t.Context(), g), l.Release())
	expect(t, s, g)
	run(t, s, `PRAGMA query_only(0)`)
	lease(t, s, "prod")
	expect(t, s, g)
	var generation int
	if err := s.Writer().QueryRowContext(t.Context(), `SELECT generation FROM grants`).Scan(&generation); err != nil || generation != 2 {
		t.Errorf("after the replay the row has generation %d, %v; want 2", generation, err)
	}
}
