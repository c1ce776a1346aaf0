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

	Made   Made    // zero: the app was given, not made or looked up here
	Staged *Staged // new credentials that the org does not use yet; nil: none
}

// Made is what is known of an app in its org besides what a login needs.
type Made struct {
	Name  string `json:"name,omitempty"` // API name
	OrgID string `json:"org_id,omitempty"`
	AppID string `json:"app_id,omitempty"` // id in the org's list of credentials
}

// Staged are credentials that are to replace the app's own: kept before the org is told to use them, so that a rotation that
// breaks off loses nothing.
type Staged struct {
	ID        string
	ClientID  string
	Secret    sftoken.Secret
	ExpiresAt time.Time
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
	Made         Made         `json:"made,omitzero"`
	Staged       *staged      `json:"staged,omitempty"`
}

// staged is Staged as it is written.
type staged struct {
	ID           string    `json:"id"`
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
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
	app := App{
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
		Made:       r.Made,
	}
	if s := r.Staged; s != nil {
		app.Staged = &Staged{ID: s.ID, ClientID: s.ClientID, Secret: sftoken.NewSecret(s.ClientSecret), ExpiresAt: s.ExpiresAt}
	}
	return app
}

func recordOf(app App) record {
	r := record{
		ClientID:     app.ClientID,
		ClientSecret: app.ClientSecret.Reveal(),
		PrivateKey:   app.PrivateKey.Reveal(),
		Host:         app.Host,
		RedirectURI:  app.RedirectURI,
		Scopes:       app.Scopes,
		AllowHosts:   app.AllowHosts,
		UsedAt:       app.UsedAt,
		Made:         app.Made,
	}
	if s := app.Staged; s != nil {
		r.Staged = &staged{ID: s.ID, ClientID: s.ClientID, ClientSecret: s.Secret.Reveal(), ExpiresAt: s.ExpiresAt}
	}
	return r
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

// Remember adds app, or replaces the app of the same client id and login host. What a login does not know of an app stays:
// how it was made, and credentials that are staged for it.
func (f *File) Remember(ctx context.Context, app App) error {
	return f.change(ctx, func(list []App) []App {
		if i := slices.IndexFunc(list, app.same); i >= 0 && app.Made == (Made{}) {
			app.Made, app.Staged = list[i].Made, list[i].Staged
		}
		list = slices.DeleteFunc(list, func(old App) bool { return old.same(app) })
		return append(list, app)
	})
}

// Replace puts app into the place of old in one write, whatever its client id is now.
func (f *File) Replace(ctx context.Context, old, app App) error {
	return f.change(ctx, func(list []App) []App {
		list = slices.DeleteFunc(list, func(a App) bool { return a.same(old) || a.same(app) })
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
