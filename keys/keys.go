// Package keys makes, finds and uses the data key: the 256 bits that encrypt the grants and the other private files of
// one data directory.
//
// The key lives in the operating system's keyring, or, where there is none that answers, in the file "key" of the data
// directory. "key.json" beside it says which, and the key's id. The keyring holds nothing but the key, because keyrings
// refuse larger secrets (Windows 2,560 bytes, macOS about 3,000).
//
// It never makes a key when one is lost: a new key would open nothing that the old one sealed, and would hide the loss.
// It never writes over a key. It holds no grants and knows no store's layout. For internal/cli, store/file and
// internal/sealed.
package keys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// Place is where a key lives.
type Place string

// The places of a key.
const (
	Keyring Place = "keyring" // the operating system's: Keychain, Credential Manager, Secret Service
	File    Place = "file"    // Dir/key, mode 0600
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

// Open finds the key that the data directory was set up with. It creates nothing. It fails with ErrNoKey when there never
// was one, with ErrKeyLost when there was, and with ErrNoKeyring when the key is in a keyring that does not answer.
// Options.Place does not matter: key.json says where the key is.
func Open(ctx context.Context, o Options) (*Key, Place, error) {
	return home{o, system{}}.open(ctx)
}

// Create makes the key of a new data directory, and the directory. If the directory has a key, Create opens that one,
// wherever it is: of two processes that create at once, one makes the key and both get it.
func Create(ctx context.Context, o Options) (*Key, Place, error) {
	return home{o, system{}}.create(ctx)
}

// home is a data directory with the keyring that goes with it.
type home struct {
	Options
	ring ring
}

func (h home) path(name string) string { return filepath.Join(h.Dir, name) }

func (h home) open(ctx context.Context) (*Key, Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("open key: %w", err)
	}
	rec, err := h.readRecord()
	if err != nil {
		return nil, "", err
	}
	var key *Key
	if rec.Place == Keyring {
		key, err = h.fromRing(ctx, rec.ID)
	} else {
		key, err = h.fromFile(rec.ID)
	}
	if err != nil {
		return nil, rec.Place, err
	}
	return key, rec.Place, nil
}

func (h home) create(ctx context.Context) (*Key, Place, error) {
	if err := durable.MakeDir(h.Dir); err != nil {
		return nil, "", err
	}
	lock := flock.New(h.path("key.lock"), flock.SetFlag(os.O_CREATE|os.O_RDONLY|durable.OpenFlags))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, "", durable.Failure("lock", lock.Path(), err)
	}
	defer lock.Close()

	if key, place, err := h.open(ctx); !errors.Is(err, ErrNoKey) {
		return key, place, err
	}
	key, place, err := h.make(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := h.writeRecord(record{ID: key.ID(), Place: place, Created: time.Now()}); err != nil {
		return nil, "", err
	}
	return key, place, nil
}

// make puts a new key into the keyring or the key file. Until key.json is written a crash loses nothing: a key in the
// keyring has not been used, and one in the file is found.
func (h home) make(ctx context.Context) (*Key, Place, error) {
	if h.Place != File {
		key, err := h.toRing(ctx, randomBytes())
		if err == nil {
			return key, Keyring, nil
		}
		if h.Place == Keyring || ctx.Err() != nil {
			return nil, "", err
		}
		if h.OnFallback != nil {
			h.OnFallback(err)
		}
	}
	key, err := h.toFile(randomBytes()) // not the bytes that a slow keyring may still take in
	return key, File, err
}
