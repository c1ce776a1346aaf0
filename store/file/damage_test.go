package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/storetest"
)

func open(t testing.TB, dir string, key *keys.Set) *file.Store {
	t.Helper()
	s, err := file.Open(t.Context(), file.Options{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// filled returns a store with one grant, and the path of the grant's file.
func filled(t testing.TB, alias string) (s *file.Store, path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s = open(t, dir, keys.Generate())
	save(t, s, storetest.Grant(alias))
	return s, filepath.Join(dir, "grants", alias+".grant")
}

func lease(t testing.TB, s store.Store, alias string) store.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), alias)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release() })
	return l
}

func save(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	l := lease(t, s, g.Alias)
	do(t, l.Save(t.Context(), g), l.Release())
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// refused checks that nobody reads or writes over the grant, that the error names the file and the cure, and that Delete
// is a way out if there may be one.
func refused(t *testing.T, s *file.Store, path string, kind error, mend string) {
	t.Helper()
	alias := strings.TrimSuffix(filepath.Base(path), ".grant")
	before, _ := os.ReadFile(path)
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
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	listed := 0
	for _, err := range s.List(t.Context()) {
		if e, ok := errors.AsType[*store.Error](err); ok && e.Alias == alias && errors.Is(err, kind) {
			listed++
		}
	}
	if listed != 1 {
		t.Errorf("List names the grant's error %d times, want once", listed)
	}
}

// B-14, C-71: each byte of a record.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	whole, err := os.ReadFile(path)
	do(t, err)
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x10
		do(t, os.WriteFile(path, changed, 0o600))
		if g, err := s.Get(t.Context(), "prod"); err == nil {
			t.Fatalf("byte %d changed: got %v", i, g.Alias)
		}
		do(t, os.WriteFile(path, whole[:i], 0o600))
		if _, err := s.Get(t.Context(), "prod"); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("cut to %d bytes: error %v, want ErrDamaged", i, err)
		}
	}
	do(t, os.WriteFile(path, whole, 0o600))
	if _, err := s.Get(t.Context(), "prod"); err != nil {
		t.Errorf("the whole file: %v", err)
	}
}

func TestDamageIsToldNotMended(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string) (mend string, kind error){
		"empty":   func(t *testing.T, path string) (string, error) { return damaged(t, os.Truncate(path, 0)) },
		"cut off": func(t *testing.T, path string) (string, error) { return damaged(t, os.Truncate(path, 100)) },
		"a text file": func(t *testing.T, path string) (string, error) {
			return damaged(t, os.WriteFile(path, []byte("sftoken\n"), 0o600))
		},
		"huge": func(t *testing.T, path string) (string, error) { return damaged(t, os.Truncate(path, 17<<20)) },
		"next format": func(t *testing.T, path string) (string, error) {
			data, err := os.ReadFile(path)
			do(t, err)
			data[4]++
			do(t, os.WriteFile(path, data, 0o600))
			return "update sftoken", store.ErrNewerFormat
		},
		"mode 0644": func(t *testing.T, path string) (string, error) {
			do(t, os.Chmod(path, 0o644))
			return "chmod 0600 " + path, store.ErrUnsafe
		},
		"mode 0620": func(t *testing.T, path string) (string, error) {
			do(t, os.Chmod(path, 0o620))
			return "chmod 0600 " + path, store.ErrUnsafe
		},
		"symbolic link": func(t *testing.T, path string) (string, error) {
			do(t, os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
			return "symbolic link", store.ErrUnsafe
		},
		"directory": func(t *testing.T, path string) (string, error) {
			do(t, os.Remove(path), os.Mkdir(path, 0o700))
			return "move it away", store.ErrUnsafe
		},
		"foreign owner": func(t *testing.T, path string) (string, error) {
			if os.Geteuid() != 0 {
				t.Skip("left out: only root can give files away")
			}
			do(t, os.Chown(path, 12345, -1))
			return "sudo chown 0", store.ErrUnsafe
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := filled(t, "prod")
			mend, kind := damage(t, path)
			refused(t, s, path, kind, mend)
		})
	}
}

func damaged(t *testing.T, err error) (mend string, kind error) {
	t.Helper()
	do(t, err)
	return "restore it from a backup", store.ErrDamaged
}

func TestUnsafeDirectoriesAreRefused(t *testing.T) {
	t.Parallel()
	for _, sub := range []string{"", "grants", "locks"} {
		for name, spoil := range map[string]func(dir string) error{
			"mode 0750": func(dir string) error { return os.Chmod(dir, 0o750) },
			"link": func(dir string) error {
				return errors.Join(os.Rename(dir, dir+".moved"), os.Symlink(dir+".moved", dir))
			},
			"file": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
		} {
			s, path := filled(t, "prod")
			data := filepath.Dir(filepath.Dir(path))
			dir := filepath.Join(data, sub)
			do(t, spoil(dir))
			_, getErr := s.Get(t.Context(), "prod")
			_, leaseErr := s.Lease(t.Context(), "prod")
			_, openErr := file.Open(t.Context(), file.Options{Dir: data})
			for what, err := range map[string]error{"Get": getErr, "Lease": leaseErr, "Open": openErr} {
				if !errors.Is(err, store.ErrUnsafe) || !strings.Contains(fmt.Sprint(err), dir) {
					t.Errorf("%q %s: %s: error %v, want ErrUnsafe with the path", sub, name, what, err)
				}
			}
		}
	}
}

// B-14: a grant's file is bound to its alias, and a spool is no grant.
func TestFilesAreBoundToTheirNames(t *testing.T) {
	t.Parallel()
	s, prod := filled(t, "prod")
	save(t, s, storetest.Grant("test"))
	test := filepath.Join(filepath.Dir(prod), "test.grant")
	t.Run("swapped", func(t *testing.T) {
		do(t, os.Rename(prod, prod+"~"), os.Rename(test, prod), os.Rename(prod+"~", test))
		refused(t, s, prod, store.ErrDamaged, "restore it from a backup")
		do(t, os.Rename(prod, prod+"~"), os.Rename(test, prod), os.Rename(prod+"~", test))
	})
	t.Run("renamed", func(t *testing.T) {
		other := filepath.Join(filepath.Dir(prod), "other.grant")
		do(t, os.Link(prod, other))
		refused(t, s, other, store.ErrDamaged, "moved here from elsewhere")
	})
	t.Run("spool as grant", func(t *testing.T) {
		g, err := s.Get(t.Context(), "prod")
		do(t, err, s.Spool(t.Context(), g))
		spool := filepath.Join(filepath.Dir(filepath.Dir(prod)), "spool", "prod.spool")
		do(t, os.Rename(spool, prod))
		refused(t, s, prod, store.ErrDamaged, "restore it from a backup")
	})
}

func TestLostKey(t *testing.T) {
	t.Parallel()
	_, path := filled(t, "prod")
	dir := filepath.Dir(filepath.Dir(path))
	t.Run("another key", func(t *testing.T) {
		refused(t, open(t, dir, keys.Generate()), path, store.ErrKeyLost, "bring that key back")
	})
	t.Run("no key", func(t *testing.T) {
		s := open(t, dir, nil)
		if got, err := s.Aliases(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("Aliases without a key = %q, %v; want prod", got, err)
		}
		if ids, err := s.KeyIDs(t.Context(), "prod"); err != nil || len(ids) != 1 || len(ids[0]) != 8 {
			t.Errorf("KeyIDs without a key = %q, %v; want one", ids, err)
		}
		if ids, err := s.KeyIDs(t.Context(), "none"); err != nil || len(ids) != 0 {
			t.Errorf("KeyIDs of a grant that is not there = %q, %v", ids, err)
		}
		if _, err := s.Get(t.Context(), "prod"); !errors.Is(err, store.ErrKeyLost) {
			t.Errorf("Get without a key: %v, want ErrKeyLost", err)
		}
		l := lease(t, s, "prod")
		if err := l.Delete(t.Context()); err != nil {
			t.Errorf("Delete without a key: %v", err)
		}
		if err := l.Save(t.Context(), storetest.Grant("prod")); !errors.Is(err, store.ErrKeyLost) {
			t.Errorf("Save without a key: %v, want ErrKeyLost", err)
		}
	})
}

func TestDamagedGrantCanBeDeleted(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	do(t, os.Truncate(path, 10))
	l := lease(t, s, "prod")
	do(t, l.Delete(t.Context()))
	if err := l.Save(t.Context(), storetest.Grant("prod")); err != nil {
		t.Errorf("Save after deleting a damaged grant: %v", err)
	}
}

// B-14: what a lease has read already is not trusted to be there still.
func TestFileChangedUnderALease(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err, os.Truncate(path, 10))
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Save over a file that was damaged since Load: %v, want ErrDamaged", err)
	}
	do(t, os.Remove(path))
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrStale) {
		t.Errorf("Save after the file was removed since Load: %v, want ErrStale", err)
	}
}

func TestRecordOfANewerVersion(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir, key)
	save(t, s, storetest.Grant("prod"))
	path := filepath.Join(dir, "grants", "prod.grant")
	label := sealed.Label{Kind: "file store grant", Name: "prod"}
	do(t, sealed.Write(key, path, label, []byte(`{"schema":2,"alias":"prod","generation":1,"new_field":1}`)))
	refused(t, s, path, store.ErrNewerFormat, "update sftoken")
	do(t, sealed.Write(key, path, label, []byte(`{"schema":1,"alias":"test","generation":1,"state":"live"}`)))
	refused(t, s, path, store.ErrDamaged, "another name")
}

func TestReadingCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, key := range []*keys.Set{nil, keys.Generate()} {
		s := open(t, dir, key)
		if _, err := s.Get(t.Context(), "prod"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get: %v, want ErrNotFound", err)
		}
		if got, err := s.Aliases(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("Aliases = %q, %v", got, err)
		}
		for g, err := range s.List(t.Context()) {
			t.Errorf("List yields %v, %v", g, err)
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("reading made the directory")
	}
}

// C-71: 0600 in 0700, whatever the umask; nothing in the clear.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	g, err := s.Get(t.Context(), "prod")
	do(t, err, s.Spool(t.Context(), g))
	err = filepath.WalkDir(filepath.Dir(filepath.Dir(path)), func(path string, d os.DirEntry, err error) error {
		do(t, err)
		info, err := d.Info()
		do(t, err)
		want := os.FileMode(0o600)
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
}

func TestCrashedSaveIsSwept(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	do(t, os.WriteFile(filepath.Join(filepath.Dir(path), ".prod.grant.new"), []byte("half"), 0o600))
	if got, _ := s.Aliases(t.Context()); len(got) != 1 {
		t.Errorf("Aliases = %q, want prod only", got)
	}
	l := lease(t, s, "prod")
	do(t, l.Probe(t.Context()), l.Release())
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v; want the grant only", entries, err)
	}
}

func TestRemovedLockFileLosesTheLease(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	l := lease(t, s, "prod")
	g, err := l.Load(t.Context())
	do(t, err, os.Remove(filepath.Join(filepath.Dir(filepath.Dir(path)), "locks", "prod.lock")))
	if err := l.Save(t.Context(), g); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Save after the lock file was removed: %v, want ErrLeaseLost", err)
	}
	do(t, l.Release())
	save(t, s, g)
}

// Two stores on one directory share nothing but the kernel lock, like two processes.
func TestTwoStoresOnOneDirectory(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	storetest.Run(t, func(t *testing.T) store.Store {
		dir := filepath.Join(t.TempDir(), "data")
		return &pair{Store: open(t, dir, key), other: open(t, dir, key)}
	})
}

// pair takes every second lease from the other store.
type pair struct {
	*file.Store
	other *file.Store
	count atomic.Int64
}

func (p *pair) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if p.count.Add(1)%2 == 0 {
		return p.other.Lease(ctx, alias)
	}
	return p.Store.Lease(ctx, alias)
}
