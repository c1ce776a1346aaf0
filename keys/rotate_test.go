package keys

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken/store"
)

func mustRotate(t *testing.T, h home) string {
	t.Helper()
	id, _, err := h.rotate(t.Context())
	do(t, err)
	return id
}

// B-14: key rotation without loss. Whatever an older key sealed opens, in a process that knew of it and in one that did not.
func TestRotate(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]home{
		"file":    {Options{Dir: directory(t), Place: File}, &fakeRing{}},
		"keyring": {Options{Dir: directory(t)}, &fakeRing{}},
	} {
		old := mustCreate(t, h)
		first := old.ID()
		before := old.Seal([]byte("before"), nil)
		second := mustRotate(t, h)
		if second == first {
			t.Fatalf("%s: the key is the same", name)
		}
		fresh, _, err := h.open(t.Context())
		do(t, err)
		if fresh.ID() != second || !slices.Equal(fresh.Older(), []string{first}) {
			t.Errorf("%s: current %s, older %v; want %s and %s", name, fresh.ID(), fresh.Older(), second, first)
		}
		after := fresh.Seal([]byte("after"), nil)
		if id, _ := SealedWith(after); id != second {
			t.Errorf("%s: sealed with %s, want %s", name, id, second)
		}
		for who, set := range map[string]*Set{"old": old, "fresh": fresh} {
			for text, sealed := range map[string][]byte{"before": before, "after": after} {
				if got, err := set.Open(sealed, nil); err != nil || string(got) != text {
					t.Errorf("%s: %s process opens %q: %q, %v", name, who, text, got, err)
				}
			}
		}
	}
}

// Whoever checks seals with the newest key; nobody else's rotation changes what is sealed in between.
func TestCheckFindsTheNewKey(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	set := mustCreate(t, h)
	first := set.ID()
	second := mustRotate(t, h)
	if set.ID() != first {
		t.Error("the current key changed without Check")
	}
	do(t, set.Check())
	if set.ID() != second {
		t.Errorf("current key %s after Check, want %s", set.ID(), second)
	}
	// A new key that cannot be had is an error, not a reason to go on with an old one that may be retired.
	third := mustRotate(t, h)
	do(t, os.Remove(h.path(fileOf(third))))
	if err := set.Check(); !errors.Is(err, ErrKeyLost) {
		t.Errorf("Check without the new key: %v, want ErrKeyLost", err)
	}
	if set.ID() != second {
		t.Errorf("current key %s, want still %s", set.ID(), second)
	}
}

func TestRetire(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]home{
		"file":    {Options{Dir: directory(t), Place: File}, &fakeRing{}},
		"keyring": {Options{Dir: directory(t)}, &fakeRing{}},
	} {
		set := mustCreate(t, h)
		first := set.ID()
		path := h.path("sealed")
		sealed := set.Seal([]byte("x"), nil)
		do(t, os.WriteFile(path, sealed, 0o600))
		second := mustRotate(t, h)
		if err := h.retire(t.Context(), second); !errors.Is(err, ErrInUse) {
			t.Errorf("%s: retire the current key: %v, want ErrInUse", name, err)
		}
		if err := h.retire(t.Context(), first); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: retire a key that a file needs: %v, want ErrInUse with the path", name, err)
		}
		do(t, os.Remove(path), h.retire(t.Context(), first), h.retire(t.Context(), first))
		fresh, _, err := h.open(t.Context())
		do(t, err)
		if fresh.ID() != second || len(fresh.Older()) != 0 {
			t.Errorf("%s: current %s, older %v", name, fresh.ID(), fresh.Older())
		}
		if _, err := fresh.Open(sealed, nil); !errors.Is(err, ErrKeyLost) {
			t.Errorf("%s: what the retired key sealed: %v, want ErrKeyLost", name, err)
		}
		if ring := h.ring.(*fakeRing); len(ring.entries) > 1 {
			t.Errorf("%s: the keyring still has %d keys", name, len(ring.entries))
		}
		if _, err := os.Stat(h.path(firstFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the key file is still there: %v", name, err)
		}
	}
}

// Killed between marking and removing: the key is not looked for any more, and the next Retire removes it.
func TestRetireIsResumed(t *testing.T) {
	t.Parallel()
	ring := &fakeRing{}
	h := home{Options{Dir: directory(t)}, ring}
	first := mustCreate(t, h).ID()
	second := mustRotate(t, h)
	ring.err = errors.New("prompt dismissed")
	if err := h.retire(t.Context(), first); !errors.Is(err, ErrNoKeyring) {
		t.Fatalf("retire with a locked keyring: %v", err)
	}
	ring.err = nil
	set, _, err := h.open(t.Context())
	do(t, err)
	if set.ID() != second || len(set.Older()) != 0 || !slices.Equal(set.Retired(), []string{first}) {
		t.Errorf("current %s, older %v, retired %v", set.ID(), set.Older(), set.Retired())
	}
	do(t, h.retire(t.Context(), first), set.Check())
	if len(set.Retired()) != 0 || len(ring.entries) != 1 {
		t.Errorf("retired %v, %d keys in the keyring", set.Retired(), len(ring.entries))
	}
}

// A key that is lost is not covered up by a new one.
func TestRotateNeedsTheKey(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	if _, _, err := h.rotate(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Errorf("rotate before there is a key: %v, want ErrNoKey", err)
	}
	mustCreate(t, h)
	do(t, os.Remove(h.path(firstFile)))
	before := files(t, h.Dir)
	if _, _, err := h.rotate(t.Context()); !errors.Is(err, ErrKeyLost) || len(files(t, h.Dir)) != len(before) {
		t.Errorf("rotate without the key: %v, want ErrKeyLost and no new file", err)
	}
}

// B-25: key.json as an earlier version wrote it.
func TestOlderRecord(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	set := mustCreate(t, h)
	do(t, os.WriteFile(h.path("key.json"), []byte(`{"schema":1,"id":"`+set.ID()+`","place":"file","created":"2026-11-20T19:00:00Z"}`), 0o600))
	again, place, err := h.open(t.Context())
	if err != nil || place != File || again.ID() != set.ID() || again.File() != firstFile {
		t.Fatalf("open: %v in %q, %v", again, place, err)
	}
	second := mustRotate(t, h)
	again, _, err = h.open(t.Context())
	if err != nil || again.ID() != second || !slices.Equal(again.Older(), []string{set.ID()}) {
		t.Errorf("after a rotation: %v, older %v, %v", again, again.Older(), err)
	}
}

func TestKeyFilesAloneAreEnough(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	first := mustCreate(t, h)
	sealed := first.Seal([]byte("x"), nil)
	second := mustRotate(t, h)
	do(t, os.Chtimes(h.path(firstFile), time.Time{}, time.Now().Add(-time.Hour)), os.Remove(h.path("key.json")))
	set, _, err := h.open(t.Context())
	do(t, err)
	got, err := set.Open(sealed, nil)
	if set.ID() != second || err != nil || !bytes.Equal(got, []byte("x")) {
		t.Errorf("current %s, want %s; opened %q, %v", set.ID(), second, got, err)
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"schema":2,"current":"a","keys":[]}`:                                                         store.ErrDamaged,
		`{"schema":2,"current":"a","keys":[{"id":"a","place":"file","file":"../key"}]}`:                store.ErrDamaged,
		`{"schema":2,"current":"a","keys":[{"id":"a","place":"file","file":"key-b"}]}`:                 store.ErrDamaged,
		`{"schema":2,"current":"a","keys":[{"id":"a","place":"tpm"}]}`:                                 store.ErrDamaged,
		`{"schema":2,"current":"a","keys":[{"id":"a","place":"keyring","retired":true}]}`:              store.ErrDamaged,
		`{"schema":2,"current":"a","keys":[{"id":"a","place":"keyring"},{"id":"","place":"keyring"}]}`: store.ErrDamaged,
		`{"schema":3,"current":"a","keys":[{"id":"a","place":"vault"}]}`:                               store.ErrNewerFormat,
		`{}`: store.ErrDamaged,
	} {
		if _, err := parseRecord([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// Readers, sealers and rotations at once: nothing is ever unreadable.
func TestRotateUnderLoad(t *testing.T) {
	t.Parallel()
	h := home{Options{Dir: directory(t), Place: File}, &fakeRing{}}
	mustCreate(t, h)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			mine, _, err := h.open(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := mine.Check(); err != nil {
					t.Error(err)
					return
				}
				theirs, _, err := h.open(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := theirs.Open(mine.Seal([]byte("x"), nil), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		mustRotate(t, h)
	}
	close(stop)
	all.Wait()
	if names, _ := filepath.Glob(h.path("key-*")); len(names) != 20 {
		t.Errorf("%d key files, want 20", len(names))
	}
}
