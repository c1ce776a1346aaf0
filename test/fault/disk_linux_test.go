// Package fault has the engine work on disks that fill up, over the stores that are on one.
package fault

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/test/need"
	"github.com/sftoken/sftoken/test/place"
)

const alias = "prod"

// scene is a login at an emulator with rotation on, kept on a disk of 4 MiB. Its access token is dead.
type scene struct {
	t      *testing.T
	disk   string
	place  place.Place
	server *emulatortest.Server

	mu       sync.Mutex
	arriving func() // called when a token request arrives
}

func newScene(t *testing.T, kind string) *scene {
	t.Helper()
	c := &scene{t: t, disk: t.TempDir(), server: emulatortest.Start(t)}
	need.Disk(t, c.disk, "size=4m,mode=0700")
	c.place = place.Place{Kind: kind, Dir: filepath.Join(c.disk, "data")}
	if err := c.server.Emulator().UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Rotation = true }); err != nil {
		t.Fatal(err)
	}
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		arriving := c.arriving
		c.mu.Unlock()
		if arriving != nil && strings.HasSuffix(r.URL.Path, "/token") {
			arriving()
		}
		c.server.Emulator().ServeHTTP(w, r)
	}))
	t.Cleanup(wire.Close)
	g := place.Login(t, c.server, alias, emulator.Username)
	var err error
	if g.App.Host, err = sftoken.ParseHost(strings.Replace(wire.URL, "127.0.0.1", "localhost", 1)); err != nil {
		t.Fatal(err)
	}
	s := c.open()
	if err := place.Change(t.Context(), s, alias, func(in *store.Grant) { *in = *g }); err != nil {
		t.Fatal(err)
	}
	c.server.Emulator().ClearRequests()
	return c
}

func (c *scene) open() store.Store {
	c.t.Helper()
	s, err := c.place.Open(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = s.Close() })
	return s
}

// token is what a process of its own gets.
func (c *scene) token(s store.Store) error {
	engine := refresh.New(refresh.Options{Store: s})
	_, err := engine.Token(c.t.Context(), alias)
	return errors.Join(err, engine.Close(context.Background()))
}

// fill leaves no byte free, and returns what gives the room back.
func (c *scene) fill() (free func()) {
	ballast := filepath.Join(c.disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		c.t.Error(err)
		return func() {}
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		c.t.Error(err)
	}
	return func() { _ = os.Remove(ballast) }
}

// check holds the store against the emulator: the grant lives, with as many requests.
func (c *scene) check(s store.Store, requests int) {
	c.t.Helper()
	g, err := s.Get(c.t.Context(), alias)
	if err != nil {
		c.t.Fatal(err)
	}
	if g.State != store.Live || g.Spending != nil {
		c.t.Errorf("state %v, mark %v", g.State, g.Spending)
	}
	client := sftoken.Client{App: g.App}
	if info, err := client.Introspect(c.t.Context(), g.RefreshToken, sftoken.RefreshTokenHint); err != nil || !info.Active {
		c.t.Errorf("the stored refresh token does not live: %v", err)
	}
	if n := c.server.Emulator().TokenRequests(); n != requests {
		c.t.Errorf("the emulator counts %d token requests, want %d", n, requests)
	}
}

func kinds(t *testing.T, test func(*testing.T, *scene)) {
	for _, kind := range []string{"file", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newScene(t, kind))
		})
	}
}

// A full disk is found before the refresh token is spent; with room again all goes on.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *scene) {
		s := c.open()
		free := c.fill()
		if err := c.token(s); !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("Token on a full disk: %v, want ErrNoSpace", err)
		}
		if n := c.server.Emulator().TokenRequests(); n != 0 {
			t.Errorf("%d token requests with a full disk", n)
		}
		free()
		if err := c.token(s); err != nil {
			t.Error(err)
		}
		c.check(s, 1)
	})
}

// The disk fills up while Salesforce is answering: the room for the answer was set aside before.
func TestDiskFillsUpDuringTheRequest(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *scene) {
		s := c.open()
		var free func()
		c.arriving = func() { free = c.fill() }
		if err := c.token(s); err != nil {
			t.Error(err)
		}
		free()
		c.check(c.open(), 1)
	})
}
