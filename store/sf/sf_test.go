package sf_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sf"
	"github.com/sftoken/sftoken/store/storetest"
)

// The keys that sf makes, in both versions.
const (
	keyV1 = "0123456789abcdef0123456789abcdef"
	keyV2 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// home is sf's directory with a key in it, and nothing else.
func home(t *testing.T, key string) string {
	t.Helper()
	dir := t.TempDir()
	text, _ := json.Marshal(map[string]string{"account": "local", "key": key, "service": "sfdx"})
	write(t, filepath.Join(dir, "key.json"), string(text), 0o600)
	return dir
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *sf.Store {
	t.Helper()
	s, err := sf.Open(t.Context(), sf.Options{Dir: dir, Sidecar: filepath.Join(dir, "sidecar"), KeyFile: true, Key: keys.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// users gives each grant of the suite a user of its own and takes him off again: the suite's grants are all of one user, of
// whom sf keeps one login. Nothing else of the suite's rules is bent.
type users struct{ *sf.Store }

type userLease struct{ store.Lease }

func userOf(alias string) string {
	if strings.Contains(alias, "@") {
		return alias
	}
	return hex.EncodeToString([]byte(alias)) + "@storetest.example"
}

func (s users) Get(ctx context.Context, alias string) (*store.Grant, error) {
	return original(s.Store.Get(ctx, alias))
}

func (s users) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return store.ListByAlias(ctx, s)
}

func (s users) Lease(ctx context.Context, alias string) (store.Lease, error) {
	l, err := s.Store.Lease(ctx, alias)
	if err != nil {
		return nil, err
	}
	return userLease{l}, nil
}

func (s users) Spool(ctx context.Context, g *store.Grant) error {
	return given(g, func(g *store.Grant) error { return s.Store.Spool(ctx, g) })
}

func (l userLease) Load(ctx context.Context) (*store.Grant, error) {
	return original(l.Lease.Load(ctx))
}

func (l userLease) Save(ctx context.Context, g *store.Grant) error {
	return given(g, func(g *store.Grant) error { return l.Lease.Save(ctx, g) })
}

func given(g *store.Grant, do func(*store.Grant) error) error {
	c := g.Clone()
	c.Username = userOf(g.Alias)
	c.DisplayName = g.Username + "\n" + g.DisplayName
	err := do(c)
	g.Generation = c.Generation
	return err
}

func original(g *store.Grant, err error) (*store.Grant, error) {
	if err != nil {
		return nil, err
	}
	g.Username, g.DisplayName, _ = strings.Cut(g.DisplayName, "\n")
	return g, nil
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"v1": keyV1, "v2": keyV2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) store.Store { return users{open(t, home(t, key))} })
		})
	}
}
