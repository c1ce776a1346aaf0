package place

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/store"
)

// Login logs the user in at the emulator with the app that has a secret, and returns the grant as a login two hours ago
// would have saved it: its access token is dead.
func Login(t testing.TB, server *emulatortest.Server, alias, username string) *store.Grant {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	host, err := sftoken.ParseHost(server.URL)
	must(err)
	app := sftoken.App{
		ClientID: emulator.ClientIDConfidential, ClientSecret: sftoken.NewSecret(emulator.ClientSecretConfidential),
		Host: host, RedirectURI: sftoken.DefaultRedirectURI,
	}
	client := &sftoken.Client{HTTP: server.Client(), App: app}
	attempt, err := client.Authorize(sftoken.AuthorizeOptions{})
	must(err)
	callback, err := server.NewBrowser(username).Visit(attempt.URL)
	must(err)
	code, err := attempt.Accept(callback.Query())
	must(err)
	token, err := client.Exchange(t.Context(), attempt, code)
	must(err)
	now := time.Now()
	return &store.Grant{
		Alias: alias, App: app, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, InstanceURL: token.InstanceURL,
		CreatedAt: now.Add(-2 * time.Hour), RefreshedAt: now.Add(-2 * time.Hour),
		Expiry: store.Expiry{At: now.Add(-time.Second), Source: store.FromIntrospection},
	}
}

// Change changes a grant under its lease, and makes it if it is not there.
func Change(ctx context.Context, s store.Store, alias string, change func(*store.Grant)) (err error) {
	l, err := s.Lease(ctx, alias)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	g, err := l.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		g, err = new(store.Grant), nil
	}
	if err != nil {
		return err
	}
	generation := g.Generation
	change(g)
	g.Generation = generation
	return l.Save(ctx, g)
}
