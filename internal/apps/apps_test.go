package apps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

func app(t *testing.T, id, host string, usedAt time.Time) App {
	t.Helper()
	h, err := sftoken.ParseHost(host)
	if err != nil {
		t.Fatal(err)
	}
	return App{UsedAt: usedAt, App: sftoken.App{
		ClientID: id, ClientSecret: sftoken.NewSecret("0123456789012"), Host: h, RedirectURI: sftoken.DefaultRedirectURI,
	}}
}

// TestRemember: the last used app comes first, the same app at the same host is kept once, and the file tells nothing.
func TestRemember(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key, now := keys.Generate(), time.Now().UTC()
	file := Open(dir, key)
	if list, err := file.List(); err != nil || len(list) != 0 {
		t.Fatalf("before the first: %v, %v", list, err)
	}
	for _, a := range []App{
		app(t, "first-app", "login", now), app(t, "second-app", "login", now.Add(time.Second)),
		app(t, "first-app", "test", now.Add(2*time.Second)), app(t, "first-app", "login", now.Add(3*time.Second)),
	} {
		if err := file.Remember(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	list, err := file.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.ClientID+" "+a.Host.String())
	}
	want := "first-app https://login.salesforce.com, first-app https://test.salesforce.com, second-app https://login.salesforce.com"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v", got)
	}
	if !list[0].ClientSecret.Equal(sftoken.NewSecret("0123456789012")) {
		t.Error("the client secret was not kept")
	}
	content, err := os.ReadFile(filepath.Join(dir, "apps"))
	if err != nil || strings.Contains(string(content), "0123456789012") {
		t.Errorf("the file is readable to others: %v", err)
	}
	if _, err := Open(dir, keys.Generate()).List(); !errors.Is(err, store.ErrKeyLost) {
		t.Errorf("with another key: %v", err)
	}
}

// TestRememberTogether: logins that end at once lose no app.
func TestRememberTogether(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key := keys.Generate()
	const n = 8
	done := make(chan error, n)
	for i := range n {
		a := app(t, "app-"+string(rune('a'+i)), "login", time.Now())
		go func() { done <- Open(dir, key).Remember(context.Background(), a) }()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if list, err := Open(dir, key).List(); err != nil || len(list) != n {
		t.Errorf("%d apps, %v", len(list), err)
	}
}

// What a login does not know of an app outlives it: how it was made, and credentials that are staged for it, also in a backup.
func TestRememberKeepsWhatWasMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := Open(dir, keys.Generate())
	made := app(t, "made-app", "login", time.Now())
	made.Made = Made{Name: "sftoken", OrgID: "00D000000000001AAA", AppID: "0xI000000000001AAA"}
	made.Staged = &Staged{ID: "1", ClientID: "next-app", Secret: sftoken.NewSecret("9876543210987"), ExpiresAt: time.Unix(1, 0).UTC()}
	if err := file.Remember(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if err := file.Remember(t.Context(), app(t, "made-app", "login", time.Now())); err != nil {
		t.Fatal(err)
	}
	check := func(got App) {
		t.Helper()
		if got.Made != made.Made || got.Staged == nil || got.Staged.ID != "1" || got.Staged.ClientID != "next-app" ||
			!got.Staged.Secret.Equal(made.Staged.Secret) || !got.Staged.ExpiresAt.Equal(made.Staged.ExpiresAt) {
			t.Errorf("got %+v, %+v", got.Made, got.Staged)
		}
	}
	list, err := file.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%d apps, %v", len(list), err)
	}
	check(list[0])
	data, err := Encode(list[0])
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	check(again)

	next := list[0]
	next.ClientID, next.Staged = "next-app", nil
	if err := file.Replace(t.Context(), list[0], next); err != nil {
		t.Fatal(err)
	}
	if list, err = file.List(); err != nil || len(list) != 1 || list[0].ClientID != "next-app" || list[0].Staged != nil {
		t.Errorf("replaced: %+v, %v", list, err)
	}
}
