package keys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/sftoken/sftoken/store"
)

func directory(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }

// files returns the contents of all files below dir, but for the lock.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "key.lock" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		found[d.Name()] = string(data)
		return nil
	})
	return found
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func mustCreate(t *testing.T, h home) *Set {
	t.Helper()
	key, _, err := h.create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestOpenCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	_, _, err := Open(t.Context(), Options{Dir: dir})
	if !errors.Is(err, ErrNoKey) {
		t.Errorf("Open of a directory that is not there: %v, want ErrNoKey", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("Open made the directory")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrNoKey) {
		t.Errorf("Open of an empty directory: %v, want ErrNoKey", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("Open made %v", got)
	}
}

func TestKeyringHoldsOnlyTheKey(t *testing.T) {
	t.Parallel()
	ring := &fakeRing{}
	h := home{Options{Dir: directory(t), OnFallback: func(err error) { t.Errorf("fell back: %v", err) }}, ring}
	key, place, err := h.create(t.Context())
	if err != nil || place != Keyring {
		t.Fatalf("create: place %q, %v; want keyring", place, err)
	}
	if raw, err := base64.StdEncoding.DecodeString(ring.entries[key.ID()]); err != nil || len(raw) != Size || len(ring.entries) != 1 {
		t.Errorf("the keyring's entries are %v, want one of 32 bytes in base64 under %s", len(ring.entries), key.ID())
	}
	kept := files(t, h.Dir)
	for name, text := range kept {
		if strings.Contains(text, ring.entries[key.ID()]) {
			t.Errorf("%s holds the key", name)
		}
	}
	if len(kept) != 1 || !strings.Contains(kept["key.json"], key.ID()) {
		t.Errorf("files are %v, want key.json with the id", kept)
	}
	again, place, err := h.open(t.Context())
	if err != nil || place != Keyring || again.ID() != key.ID() {
		t.Errorf("open: %v in %q, %v; want %v in the keyring", again, place, err, key)
	}
}

// C-72: the fallback is announced before anything is written.
func TestFallbackIsAnnouncedFirst(t *testing.T) {
	t.Parallel()
	for name, ring := range map[string]ring{
		"no keyring":        &fakeRing{err: errors.New(`exec: "dbus-launch": not found`)},
		"forgetful keyring": &forgetfulRing{},
	} {
		dir := directory(t)
		var reason error
		h := home{Options{Dir: dir, OnFallback: func(err error) {
			reason = err
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("%s: %v were written before the announcement", name, maps.Keys(got))
			}
		}}, ring}
		key, place, err := h.create(t.Context())
		if err != nil || place != File || !errors.Is(reason, ErrNoKeyring) {
			t.Fatalf("%s: place %q, error %v, announced %v; want file, nil, ErrNoKeyring", name, place, err, reason)
		}
		info, err := os.Stat(filepath.Join(dir, "key"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: key file %v, %v; want mode 0600", name, info, err)
		}
		if again, _, err := h.open(t.Context()); err != nil || again.ID() != key.ID() {
			t.Errorf("%s: open: %v, %v; want %v", name, again, err, key)
		}
	}
}

// C-72: a keyring that never answers does not hang the program.
func TestSilentKeyring(t *testing.T) {
	t.Parallel()
	dir, asked := directory(t), directory(t)
	working := home{Options{Dir: asked}, &fakeRing{}}
	mustCreate(t, working)
	synctest.Test(t, func(t *testing.T) {
		ring := silentRing{make(chan struct{})}
		defer close(ring.never)
		start := time.Now()
		_, place, err := home{Options{Dir: dir}, ring}.create(t.Context())
		if err != nil || place != File || time.Since(start) != 3*time.Second {
			t.Errorf("create: place %q, %v after %s; want file after 3 s", place, err, time.Since(start))
		}
		start = time.Now()
		_, _, err = home{Options{Dir: asked, KeyringTimeout: time.Second}, ring}.open(t.Context())
		if !errors.Is(err, ErrNoKeyring) || errors.Is(err, ErrKeyLost) || time.Since(start) != time.Second {
			t.Errorf("open: %v after %s; want ErrNoKeyring, not ErrKeyLost, after 1 s", err, time.Since(start))
		}
		_, _, err = home{Options{Dir: dir + "2", Place: Keyring}, ring}.create(t.Context())
		if !errors.Is(err, ErrNoKeyring) {
			t.Errorf("create in the keyring only: %v, want ErrNoKeyring", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err = home{Options{Dir: dir + "3"}, ring}.create(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || len(files(t, dir+"3")) != 0 {
			t.Errorf("create by a caller who leaves: %v, files %v; want its deadline and nothing written", err, files(t, dir+"3"))
		}
	})
}

// An absent, a locked and a silent keyring are told apart, because each is mended in another way.
func TestKeyringFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	mustCreate(t, home{Options{Dir: dir}, &fakeRing{}})
	synctest.Test(t, func(t *testing.T) {
		silent := silentRing{make(chan struct{})}
		defer close(silent.never)
		for _, test := range []struct {
			ring ring
			want string
		}{
			{&fakeRing{err: errors.New("The name org.freedesktop.secrets was not provided by any .service files")}, "keyring-absent"},
			{&fakeRing{err: errors.New(`exec: "dbus-launch": executable file not found in $PATH`)}, "keyring-absent"},
			{&fakeRing{err: errors.New("failed to unlock correct collection '/org/freedesktop/secrets/aliases/default'")}, "keyring-locked"},
			{&fakeRing{err: errors.New("prompt dismissed")}, "keyring-locked"},
			{&fakeRing{err: errors.New("User interaction is not allowed.")}, "keyring-locked"},
			{silent, "keyring-timeout"},
		} {
			_, _, err := home{Options{Dir: dir}, test.ring}.open(t.Context())
			failed, ok := errors.AsType[*store.Error](err)
			if !ok || failed.ErrorID() != test.want || !errors.Is(err, ErrNoKeyring) {
				t.Errorf("%v, want %s", err, test.want)
			}
		}
	})
}

func TestLostKeyIsNeverMadeAnew(t *testing.T) {
	t.Parallel()
	inRing := func(t *testing.T) (home, *fakeRing, *Set) {
		ring := &fakeRing{}
		h := home{Options{Dir: directory(t)}, ring}
		return h, ring, mustCreate(t, h)
	}
	inFile := func(t *testing.T) (home, *Set) {
		h := home{Options{Dir: directory(t), Place: File}, &fakeRing{err: errors.New("must not be asked")}}
		return h, mustCreate(t, h)
	}
	other := base64.StdEncoding.EncodeToString(randomBytes())
	for name, lose := range map[string]func(t *testing.T) (home, error){
		"keyring entry gone": func(t *testing.T) (home, error) {
			h, ring, key := inRing(t)
			delete(ring.entries, key.ID())
			return h, ErrKeyLost
		},
		"another key in the keyring": func(t *testing.T) (home, error) {
			h, ring, key := inRing(t)
			ring.entries[key.ID()] = other
			return h, ErrKeyLost
		},
		"rubbish in the keyring": func(t *testing.T) (home, error) {
			h, ring, key := inRing(t)
			ring.entries[key.ID()] = "CANARY"
			return h, ErrKeyLost
		},
		"keyring locked": func(t *testing.T) (home, error) {
			h, ring, _ := inRing(t)
			ring.err = errors.New("prompt dismissed")
			return h, ErrNoKeyring
		},
		"key file gone": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Remove(h.path("key")))
			return h, ErrKeyLost
		},
		"another key in the file": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.WriteFile(h.path("key"), []byte(other), 0o600))
			return h, ErrKeyLost
		},
		"key file cut off": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Truncate(h.path("key"), 20))
			return h, ErrKeyLost
		},
		"key file empty": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Truncate(h.path("key"), 0))
			return h, ErrKeyLost
		},
		"key file open to others": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Chmod(h.path("key"), 0o640))
			return h, store.ErrUnsafe
		},
		"key file is a link": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Rename(h.path("key"), h.path("moved")), os.Symlink("moved", h.path("key")))
			return h, store.ErrUnsafe
		},
		"directory open to others": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Chmod(h.Dir, 0o755))
			return h, store.ErrUnsafe
		},
		"key.json garbled": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Truncate(h.path("key.json"), 9))
			return h, store.ErrDamaged
		},
		"key.json empty": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.Truncate(h.path("key.json"), 0))
			return h, store.ErrDamaged
		},
		"key.json newer": func(t *testing.T) (home, error) {
			h, _ := inFile(t)
			do(t, os.WriteFile(h.path("key.json"), []byte(`{"schema":3,"id":"00000000","place":"tpm"}`), 0o600))
			return h, store.ErrNewerFormat
		},
		"key and key.json gone, something sealed left": func(t *testing.T) (home, error) {
			h, key := inFile(t)
			do(t, os.Mkdir(h.path("grants"), 0o700),
				os.WriteFile(h.path("grants/prod.grant"), key.Seal([]byte("x"), nil), 0o600),
				os.Remove(h.path("key")), os.Remove(h.path("key.json")))
			return h, ErrKeyLost
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, kind := lose(t)
			before := files(t, h.Dir)
			for what, call := range map[string]func(context.Context) (*Set, Place, error){"open": h.open, "create": h.create} {
				key, _, err := call(t.Context())
				if key != nil || !errors.Is(err, kind) {
					t.Errorf("%s: %v, %v; want %v", what, key, err, kind)
				}
				if text := fmt.Sprint(err); strings.Contains(text, "CANARY") || strings.Contains(text, other) {
					t.Errorf("%s: the error shows what it found: %s", what, text)
				}
			}
			if after := files(t, h.Dir); !maps.Equal(before, after) {
				t.Errorf("files changed from %v to %v", before, after)
			}
		})
	}
}

func TestKeyFileAloneIsEnough(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	key := mustCreate(t, h)
	if err := os.Remove(h.path("key.json")); err != nil {
		t.Fatal(err)
	}
	got, place, err := h.open(t.Context())
	if err != nil || place != File || got.ID() != key.ID() {
		t.Errorf("open without key.json: %v in %q, %v; want %v in the file", got, place, err, key)
	}
	if got := mustCreate(t, h); got.ID() != key.ID() {
		t.Errorf("create made %v over %v", got, key)
	}
}

func TestTwoWhoCreateAtOnceAgree(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]home{
		"file":    {Options{Dir: directory(t), Place: File}, &fakeRing{}},
		"keyring": {Options{Dir: directory(t)}, &fakeRing{}},
	} {
		ids := make([]string, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() { ids[i] = mustCreate(t, h).ID() })
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("%s: keys %v were made, want one", name, ids)
				break
			}
		}
	}
}

func TestCreateTellsItsTroubles(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Create(t.Context(), Options{Dir: blocked, Place: File})
	if !errors.Is(err, store.ErrUnsafe) || !strings.Contains(err.Error(), blocked) {
		t.Errorf("create where a file is: %v, want ErrUnsafe with the path", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Create(ctx, Options{Dir: directory(t), Place: File}); !errors.Is(err, context.Canceled) {
		t.Errorf("create with a cancelled context: %v", err)
	}
}

// TestSystemKeyring goes through go-keyring itself, with its mock behind it.
func TestSystemKeyring(t *testing.T) {
	keyring.MockInit() // for the whole process: the one test that uses it
	o := Options{Dir: directory(t)}
	key, place, err := Create(t.Context(), o)
	if err != nil || place != Keyring {
		t.Fatalf("Create: place %q, %v", place, err)
	}
	got, _, err := Open(t.Context(), o)
	if err != nil || got.ID() != key.ID() {
		t.Errorf("Open: %v, %v; want %v", got, err, key)
	}
	if err := keyring.Delete("sftoken", key.ID()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), o); !errors.Is(err, ErrKeyLost) {
		t.Errorf("Open after the entry was deleted: %v, want ErrKeyLost", err)
	}
}
