package refresh_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
)

// loggedIn is a grant of the app, saved by a login at the emulator into a store of files.
func loggedIn(t *testing.T, server *emulatortest.Server, clientID, secret string) (open func() *refresh.Engine, s store.Store) {
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &sftoken.Client{HTTP: server.Client(), App: sftoken.App{
		ClientID: clientID, ClientSecret: sftoken.NewSecret(secret), Host: host, RedirectURI: sftoken.DefaultRedirectURI,
	}}
	login, err := client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	callback, err := server.NewBrowser(emulator.Username).Visit(login.URL)
	if err != nil {
		t.Fatal(err)
	}
	code, err := login.Accept(callback.Query())
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.Exchange(t.Context(), login, code)
	if err != nil {
		t.Fatal(err)
	}
	dir, key := filepath.Join(t.TempDir(), "data"), keys.Generate()
	openStore := func() store.Store {
		s, err := file.Open(t.Context(), file.Options{Dir: dir, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s = openStore()
	now := time.Now()
	save(t, s, &store.Grant{
		Alias: alias, App: client.App, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken,
		InstanceURL: token.InstanceURL, CreatedAt: now, RefreshedAt: now,
		Expiry: store.Expiry{At: now.Add(-time.Second), Source: store.FromSession},
	})
	server.Emulator().ClearRequests()
	return func() *refresh.Engine {
		e := refresh.New(refresh.Options{Store: openStore(), HTTP: server.Client()})
		t.Cleanup(func() {
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return e
	}, s
}

// Issue 3 proof 2, counted by the emulator: four engines over stores of their own on one directory, one request, and then
// another under rotation.
func TestEmulatorCrowdOverFiles(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	open, s := loggedIn(t, server, emulator.ClientIDRotating, "")
	engines := []*refresh.Engine{open(), open(), open(), open()}
	var group sync.WaitGroup
	for n := range 400 {
		group.Go(func() {
			if _, err := engines[n%len(engines)].Token(t.Context(), alias); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := server.Emulator().TokenRequests(); n != 1 {
		t.Errorf("emulator saw %d token requests", n)
	}
	for n := range 4 {
		if _, err := engines[n].Refresh(t.Context(), alias); err != nil {
			t.Fatal(err)
		}
	}
	if g := stored(t, s); !g.Rotates || g.State != store.Live || g.Spending != nil {
		t.Errorf("stored %+v", g)
	}
}

// Step 7 against the emulator: the answer is lost, before and after its effect.
func TestEmulatorLostAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after bool
		want  error
	}{"before": {false, nil}, "after": {true, sftoken.ErrLoginRequired}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := emulatortest.Start(t)
			if err := server.Emulator().UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Rotation = true }); err != nil {
				t.Fatal(err)
			}
			open, _ := loggedIn(t, server, emulator.ClientIDConfidential, emulator.ClientSecretConfidential)
			server.Emulator().Fail(emulator.Fault{Endpoint: emulator.Token, AfterEffect: test.after, Cut: true})
			if _, err := open().Token(t.Context(), alias); !errors.Is(err, test.want) {
				t.Errorf("Token: %v, want %v", err, test.want)
			}
			if n, want := server.Emulator().TokenRequests(), map[bool]int{false: 2, true: 1}[test.after]; n != want {
				t.Errorf("emulator saw %d token requests, want %d", n, want)
			}
		})
	}
}
