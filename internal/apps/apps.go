// Package apps remembers the apps that logins were made with, so that the next login need not ask for client id, secret
// and redirect URI again. They are one sealed file of the data directory, because a client secret is among them.
//
// It does not decide which app a login uses. Only internal/cli imports it.
package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
)

// App is a remembered app.
type App struct {
	sftoken.App
	AllowHosts []string
	UsedAt     time.Time
}

// File is the file of remembered apps of one data directory.
type File struct {
	path string
	key  *keys.Set
}

// Open names the file of dir. It reads and creates nothing.
func Open(dir string, key *keys.Set) *File { return &File{path: filepath.Join(dir, "apps"), key: key} }

var label = sealed.Label{Kind: "apps"}

// record is App as it is written.
type record struct {
	ClientID     string       `json:"client_id"`
	ClientSecret string       `json:"client_secret,omitempty"`
	PrivateKey   string       `json:"private_key,omitempty"`
	Host         sftoken.Host `json:"host"`
	RedirectURI  string       `json:"redirect_uri"`
	Scopes       []string     `json:"scopes,omitempty"`
	AllowHosts   []string     `json:"allow_hosts,omitempty"`
	UsedAt       time.Time    `json:"used_at"`
}

// List returns the remembered apps, the last used first. No file, or no key yet, is no apps.
func (f *File) List() ([]App, error) {
	if f.key == nil {
		return nil, nil
	}
	content, err := sealed.Read(f.key, f.path, label)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var records []record
	if err := json.Unmarshal(content, &records); err != nil {
		return nil, fmt.Errorf("read remembered apps: %s: %w", f.path, err)
	}
	list := make([]App, 0, len(records))
	for _, r := range records {
		list = append(list, r.app())
	}
	slices.SortStableFunc(list, func(a, b App) int { return b.UsedAt.Compare(a.UsedAt) })
	return list, nil
}

func (r record) app() App {
	return App{
		App: sftoken.App{
			ClientID:     r.ClientID,
			ClientSecret: sftoken.NewSecret(r.ClientSecret),
			PrivateKey:   sftoken.NewSecret(r.PrivateKey),
			Host:         r.Host,
			RedirectURI:  r.RedirectURI,
			Scopes:       r.Scopes,
		},
		AllowHosts: r.AllowHosts,
		UsedAt:     r.UsedAt,
	}
}

func recordOf(app App) record {
	return record{
		ClientID:     app.ClientID,
		ClientSecret: app.ClientSecret.Reveal(),
		PrivateKey:   app.PrivateKey.Reveal(),
		Host:         app.Host,
		RedirectURI:  app.RedirectURI,
		Scopes:       app.Scopes,
		AllowHosts:   app.AllowHosts,
		UsedAt:       app.UsedAt,
	}
}

// Encode writes an app as plain text, secret and all, for a backup that encrypts it. Decode reads it.
func Encode(app App) ([]byte, error) { return json.Marshal(recordOf(app)) }

// Decode reads what Encode wrote. Its error shows nothing of it.
func Decode(data []byte) (App, error) {
	var r record
	if json.Unmarshal(data, &r) != nil || r.ClientID == "" {
		return App{}, errors.New("read remembered app: it is damaged")
	}
	return r.app(), nil
}

// Remember adds app, or replaces the app of the same client id and login host.
func (f *File) Remember(ctx context.Context, app App) error {
	return f.change(ctx, func(list []App) []App {
		list = slices.DeleteFunc(list, func(old App) bool { return old.same(app) })
		return append(list, app)
	})
}

// Restore adds app unless the app of the same client id and login host is there, which is told.
func (f *File) Restore(ctx context.Context, app App) (added bool, err error) {
	err = f.change(ctx, func(list []App) []App {
		if added = !slices.ContainsFunc(list, app.same); added {
			list = append(list, app)
		}
		return list
	})
	return added && err == nil, err
}

func (a App) same(b App) bool { return a.ClientID == b.ClientID && a.Host == b.Host }

// Reseal encrypts the file with the current key, if it exists and is encrypted with another.
func (f *File) Reseal(ctx context.Context) error {
	if id, err := sealed.KeyID(f.path); errors.Is(err, fs.ErrNotExist) || err == nil && id == f.key.ID() {
		return nil
	}
	return f.change(ctx, func(list []App) []App { return list })
}

// change excludes others while it reads, changes and writes.
func (f *File) change(ctx context.Context, how func([]App) []App) error {
	held, err := lock.In(filepath.Dir(f.path)).Take(ctx, filepath.Base(f.path))
	if err != nil {
		return fmt.Errorf("remember the app: %w", err)
	}
	defer held.Release()
	if err := f.key.Check(); err != nil {
		return fmt.Errorf("remember the app: %w", err)
	}
	list, err := f.List()
	if err != nil {
		return fmt.Errorf("remember the app: %w", err)
	}
	return f.write(how(list))
}

func (f *File) write(list []App) error {
	records := make([]record, 0, len(list))
	for _, app := range list {
		records = append(records, recordOf(app))
	}
	content, err := json.Marshal(records)
	if err != nil {
		return fmt.Errorf("remember the app: %w", err)
	}
	if err := sealed.Write(f.key, f.path, label, content); err != nil {
		return fmt.Errorf("remember the app: %w", err)
	}
	return nil
}
