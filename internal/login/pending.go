package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// PendingLife is how long a started login can be finished. Salesforce's code lives 15 minutes; the person first has to get
// to the browser.
const PendingLife = time.Hour

// Pending is a login between its start and its finish, which may be two processes.
type Pending struct {
	ID         string
	Alias      string
	App        sftoken.App
	AllowHosts []string
	Attempt    *sftoken.Attempt
	ExpiresAt  time.Time
}

// PendingDir keeps pending logins, sealed, as files of one directory.
type PendingDir struct {
	dir   string
	key   *keys.Set
	locks *lock.Locks
}

// OpenPending names the pending logins of a data directory. It reads and creates nothing.
func OpenPending(dataDir string, key *keys.Set) *PendingDir {
	return &PendingDir{dir: filepath.Join(dataDir, "attempts"), key: key, locks: lock.In(filepath.Join(dataDir, "locks"))}
}

// PendingError says why a started login cannot be finished.
type PendingError struct{ ID, Reason string }

func (e *PendingError) Error() string   { return fmt.Sprintf("finish login %s: %s", e.ID, e.Reason) }
func (e *PendingError) ErrorID() string { return "login-not-pending" }

type pendingRecord struct {
	Alias        string       `json:"alias"`
	ClientID     string       `json:"client_id"`
	ClientSecret string       `json:"client_secret,omitempty"`
	PrivateKey   string       `json:"private_key,omitempty"`
	Flow         sftoken.Flow `json:"flow,omitempty"`
	Host         sftoken.Host `json:"host"`
	RedirectURI  string       `json:"redirect_uri"`
	Scopes       []string     `json:"scopes,omitempty"`
	AskedScopes  []string     `json:"asked_scopes,omitempty"`
	AllowHosts   []string     `json:"allow_hosts,omitempty"`
	State        string       `json:"state"`
	Verifier     string       `json:"verifier"`
	Nonce        string       `json:"nonce,omitempty"`
	URL          string       `json:"url"`
	CreatedAt    time.Time    `json:"created_at"`
	ExpiresAt    time.Time    `json:"expires_at"`
}

// Put keeps a journey's attempt and returns it with its new id. Attempts whose time is over are cleared away.
func (d *PendingDir) Put(ctx context.Context, j *Journey) (*Pending, error) {
	d.clear()
	p := &Pending{
		ID:         strings.ToLower(rand.Text()[:12]),
		Alias:      j.Alias,
		App:        j.Client.App,
		AllowHosts: j.Client.Hosts.Allow,
		Attempt:    j.Attempt,
		ExpiresAt:  j.Attempt.CreatedAt.Add(PendingLife),
	}
	content, err := json.Marshal(pendingRecord{
		Alias:        p.Alias,
		ClientID:     p.App.ClientID,
		ClientSecret: p.App.ClientSecret.Reveal(),
		PrivateKey:   p.App.PrivateKey.Reveal(),
		Flow:         p.Attempt.Flow,
		Host:         p.App.Host,
		RedirectURI:  p.App.RedirectURI,
		Scopes:       p.App.Scopes,
		AskedScopes:  p.Attempt.Scopes,
		AllowHosts:   p.AllowHosts,
		State:        p.Attempt.State.Reveal(),
		Verifier:     p.Attempt.Verifier.Reveal(),
		Nonce:        p.Attempt.Nonce.Reveal(),
		URL:          p.Attempt.URL,
		CreatedAt:    p.Attempt.CreatedAt,
		ExpiresAt:    p.ExpiresAt,
	})
	if err != nil {
		return nil, fmt.Errorf("keep the started login: %w", err)
	}
	if err := durable.MakeDir(d.dir); err != nil {
		return nil, err
	}
	held, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if err := d.key.Check(); err != nil {
		return nil, err
	}
	if err := sealed.Write(d.key, d.path(p.ID), d.label(p.ID), content); err != nil {
		return nil, fmt.Errorf("keep the started login: %w", err)
	}
	return p, nil
}

// Get returns a pending login, or *PendingError.
func (d *PendingDir) Get(id string) (*Pending, error) {
	if !validID(id) {
		return nil, &PendingError{id, "that is not the id of a login; login start prints it"}
	}
	content, err := sealed.Read(d.key, d.path(id), d.label(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &PendingError{id, "no such login was started here, or it is finished"}
	}
	if err != nil {
		return nil, err
	}
	var r pendingRecord
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("read the started login: %w", err)
	}
	if time.Now().After(r.ExpiresAt) {
		return nil, &PendingError{id, "its time was over at " + r.ExpiresAt.Format(time.DateTime)}
	}
	return r.pending(id), nil
}

func (r *pendingRecord) pending(id string) *Pending {
	return &Pending{
		ID:    id,
		Alias: r.Alias,
		App: sftoken.App{
			ClientID:     r.ClientID,
			ClientSecret: sftoken.NewSecret(r.ClientSecret),
			PrivateKey:   sftoken.NewSecret(r.PrivateKey),
			Host:         r.Host,
			RedirectURI:  r.RedirectURI,
			Scopes:       r.Scopes,
		},
		AllowHosts: r.AllowHosts,
		ExpiresAt:  r.ExpiresAt,
		Attempt: &sftoken.Attempt{
			Flow:        r.Flow,
			ClientID:    r.ClientID,
			Host:        r.Host,
			RedirectURI: r.RedirectURI,
			Scopes:      r.AskedScopes,
			State:       sftoken.NewSecret(r.State),
			Verifier:    sftoken.NewSecret(r.Verifier),
			Nonce:       sftoken.NewSecret(r.Nonce),
			URL:         r.URL,
			CreatedAt:   r.CreatedAt,
		},
	}
}

// Remove forgets a pending login.
func (d *PendingDir) Remove(ctx context.Context, id string) error {
	held, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	return sealed.Remove(d.path(id))
}

// lock excludes others who write or remove pending logins.
func (d *PendingDir) lock(ctx context.Context) (*lock.Lock, error) {
	return d.locks.Take(ctx, "_attempts") // no alias begins like this
}

// Reseal encrypts the pending logins with the current key. Those whose time is over, or that cannot be read, go: nobody
// can finish them.
func (d *PendingDir) Reseal(ctx context.Context) error {
	names, err := durable.Names(d.dir)
	if err != nil || len(names) == 0 {
		return err
	}
	held, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	if err := d.key.Check(); err != nil {
		return err
	}
	d.clear()
	for _, name := range names {
		if err := d.resealOne(name); err != nil {
			return err
		}
	}
	return nil
}

func (d *PendingDir) resealOne(id string) error {
	keyID, err := sealed.KeyID(d.path(id))
	if errors.Is(err, fs.ErrNotExist) || err == nil && keyID == d.key.ID() {
		return nil
	}
	content, err := sealed.Read(d.key, d.path(id), d.label(id))
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrKeyLost) {
		return sealed.Remove(d.path(id))
	}
	if err != nil {
		return err
	}
	modified, err := os.Stat(d.path(id)) // the file's time says when its time is over
	if err != nil {
		return err
	}
	if err := sealed.Write(d.key, d.path(id), d.label(id), content); err != nil {
		return err
	}
	return os.Chtimes(d.path(id), time.Time{}, modified.ModTime())
}

func (d *PendingDir) path(id string) string        { return filepath.Join(d.dir, id) }
func (d *PendingDir) label(id string) sealed.Label { return sealed.Label{Kind: "attempt", Name: id} }

// clear removes attempts whose time is over, by the time of the file.
func (d *PendingDir) clear() {
	entries, _ := os.ReadDir(d.dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > PendingLife {
			_ = sealed.Remove(filepath.Join(d.dir, entry.Name()))
		}
	}
}

// validID holds an id, which comes from the command line, to the alphabet of those that Put makes: it becomes a file name.
func validID(id string) bool {
	return len(id) == 12 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Journey takes the login up again, for s.
func (p *Pending) Journey(s store.Store) *Journey {
	return &Journey{
		Client:  &sftoken.Client{App: p.App, Hosts: sftoken.HostRules{Allow: p.AllowHosts}},
		Store:   s,
		Alias:   p.Alias,
		Attempt: p.Attempt,
	}
}
