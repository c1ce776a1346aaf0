package sealed_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

var apps = sealed.Label{Kind: "apps"}

func written(t testing.TB, key *keys.Set, label sealed.Label) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "apps")
	if err := sealed.Write(key, path, label, []byte("CANARY secret")); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWriteRead(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	path := written(t, key, apps)
	got, err := sealed.Read(key, path, apps)
	if err != nil || string(got) != "CANARY secret" {
		t.Errorf("Read = %q, %v", got, err)
	}
	if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("CANARY")) {
		t.Errorf("the file: %v, or in the clear", err)
	}
	if err := sealed.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Read(key, path, apps); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of nothing: %v, want fs.ErrNotExist", err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	for name, c := range map[string]struct {
		key   *keys.Set
		label sealed.Label
		kind  error
	}{
		"another kind": {key, sealed.Label{Kind: "attempt"}, store.ErrDamaged},
		"another name": {key, sealed.Label{Kind: "apps", Name: "x"}, store.ErrDamaged},
		"another key":  {keys.Generate(), apps, store.ErrKeyLost},
		"no key":       {nil, apps, store.ErrKeyLost},
	} {
		path := written(t, key, apps)
		got, err := sealed.Read(c.key, path, c.label)
		if got != nil || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), "read "+path) {
			t.Errorf("%s: %q, %v; want %v with the path", name, got, err, c.kind)
		}
	}
}

// Labels whose parts run together differently are different.
func TestLabelsAreNotConfused(t *testing.T) {
	t.Parallel()
	key := keys.Generate()
	path := written(t, key, sealed.Label{Kind: "a", Name: "b c"})
	for _, label := range []sealed.Label{{Kind: "a b", Name: "c"}, {Kind: "a b c"}, {Name: "a b c"}, {Kind: `a" "b c`}} {
		if _, err := sealed.Read(key, path, label); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("label %+v: %v, want ErrDamaged", label, err)
		}
	}
}

// F-07: a file never decrypts to anything but what was written.
func FuzzRead(f *testing.F) {
	key := keys.Generate()
	path := written(f, key, apps)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil), uint16(0), byte(0))
	f.Add([]byte("appended"), uint16(len(whole)), byte(0))
	f.Add([]byte(nil), uint16(len(whole)), byte(1))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, tail []byte, keep uint16, flip byte) {
		data := append(bytes.Clone(whole[:min(int(keep), len(whole))]), tail...)
		if len(data) > 0 {
			data[int(keep)%len(data)] ^= flip
		}
		path := filepath.Join(dir, "fuzzed")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := sealed.Read(key, path, apps)
		if bytes.Equal(data, whole) {
			if err != nil || string(got) != "CANARY secret" {
				t.Errorf("the whole file: %q, %v", got, err)
			}
		} else if err == nil {
			t.Errorf("%d changed bytes opened to %q", len(data), got)
		}
	})
}
