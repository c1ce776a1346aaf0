// Package keys makes, finds and uses the data keys: the 256 bits each that encrypt the grants and the other private files
// of one data directory.
//
// A key lives in the operating system's keyring, or, where there is none that answers, in the file "key" of the data
// directory, or "key-ID" for those that came later. "key.json" beside it says which, and the keys' ids. The keyring holds
// nothing but keys, because keyrings refuse larger secrets (Windows 2,560 bytes, macOS about 3,000).
//
// There is one key until Rotate makes another. Then what the older ones sealed still opens, and Retire removes them once
// everything has been sealed anew.
//
// It never makes a key when one is lost: a new key would open nothing that the old one sealed, and would hide the loss.
// It never writes over a key. It holds no grants and knows no store's layout. For internal/cli, the stores and
// internal/sealed.
package keys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/store"
)

// Place is where a key lives.
type Place string

// The places of a key.
const (
	Keyring Place = "keyring" // the operating system's: Keychain, Credential Manager, Secret Service
	File    Place = "file"    // Dir/key or Dir/key-ID, mode 0600
)

var (
	// ErrNoKey: the data directory has no key yet. Create makes one.
	ErrNoKey = errors.New("no key has been made yet")

	// ErrKeyLost: there was a key, and it is gone or another is in its place. The same error as store.ErrKeyLost.
	ErrKeyLost = store.ErrKeyLost

	// ErrNoKeyring: the keyring does not answer, refuses, or does not exist here. A key in it need not be lost.
	ErrNoKeyring = errors.New("the keyring cannot be used")
)

// Options say where the key is looked for.
type Options struct {
	Dir            string             // the data directory
	Place          Place              // where Create puts a new key; "": the keyring if it works, else the file
	KeyringTimeout time.Duration      // how long the keyring may take to answer; 0: 3 s
	OnFallback     func(reason error) // Create with Place "" tells why the keyring was not used, before it writes the key file
}

// Open finds the keys that the data directory was set up with. It creates nothing. It fails with ErrNoKey when there never
// was one, with ErrKeyLost when there was and the current one is gone, and with ErrNoKeyring when that is in a keyring that
// does not answer. Options.Place does not matter: key.json says where the keys are. The place is the current key's.
func Open(ctx context.Context, o Options) (*Set, Place, error) {
	return home{o, system{}}.open(ctx)
}

// Create makes the key of a new data directory, and the directory. If the directory has keys, Create opens those, wherever
// they are: of two processes that create at once, one makes the key and both get it.
func Create(ctx context.Context, o Options) (*Set, Place, error) {
	return home{o, system{}}.create(ctx)
}

// home is a data directory with the keyring that goes with it.
type home struct {
	Options
	ring ring
}

func (h home) path(name string) string { return filepath.Join(h.Dir, name) }

func (h home) open(ctx context.Context) (*Set, Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("open key: %w", err)
	}
	stamp, _ := os.Lstat(h.path("key.json")) // before it is read: if it changes in between, Check sees that
	rec, err := h.readRecord()
	if err != nil {
		return nil, "", err
	}
	e := find(rec.Keys, rec.Current)
	k, err := h.fetch(ctx, *e)
	if err != nil {
		return nil, e.Place, err
	}
	set := setOf(k)
	set.home, set.stamp, set.listed = &h, stamp, rec.Keys
	set.loadOlder(ctx)
	return set, e.Place, nil
}

// fetch gets one key from where it lives.
func (h home) fetch(ctx context.Context, e entry) (*key, error) {
	if e.Place == Keyring {
		return h.fromRing(ctx, e.ID)
	}
	return h.fromFile(e.File, e.ID)
}

func (h home) create(ctx context.Context) (*Set, Place, error) {
	if err := durable.MakeDir(h.Dir); err != nil {
		return nil, "", err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	if set, place, err := h.open(ctx); !errors.Is(err, ErrNoKey) {
		return set, place, err
	}
	if _, err := h.add(ctx, record{}); err != nil {
		return nil, "", err
	}
	return h.open(ctx)
}

// lock excludes others who make or remove keys.
func (h home) lock(ctx context.Context) (unlock func(), err error) {
	held, err := lock.In(h.Dir).Take(ctx, "key")
	if err != nil {
		return nil, err
	}
	return func() { _ = held.Release() }, nil
}

// add makes a new key, puts it into the keyring or a file, and makes it the current one. Until key.json is written a crash
// loses nothing: a key in the keyring has not been used, and one in a file is found.
func (h home) add(ctx context.Context, r record) (entry, error) {
	e := entry{Created: time.Now().UTC().Truncate(time.Second)}
	if h.Place != File {
		raw := randomBytes()
		k, err := newKey(raw)
		if err != nil {
			return entry{}, err
		}
		if err = h.toRing(ctx, k, raw); err == nil {
			e.ID, e.Place = k.name(), Keyring
		} else if h.Place == Keyring || ctx.Err() != nil {
			return entry{}, err
		} else if h.OnFallback != nil {
			h.OnFallback(err)
		}
	}
	if e.ID == "" {
		raw := randomBytes() // not the bytes that a slow keyring may still take in
		k, err := newKey(raw)
		if err != nil {
			return entry{}, err
		}
		e.ID, e.Place, e.File = k.name(), File, fileOf(k.name())
		if len(r.Keys) == 0 {
			e.File = firstFile
		}
		if err := h.toFile(e.File, raw); err != nil {
			return entry{}, err
		}
	}
	r.Current, r.Keys = e.ID, append(r.Keys, e)
	return e, h.writeRecord(r)
}
