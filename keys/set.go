package keys

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken/internal/durable"
)

// Set is the keys of a data directory: the current one, which seals, and older ones, with which texts still open that
// were sealed before a rotation. Nothing prints a key. A Set may be used by many goroutines.
//
// Another process may rotate the keys at any time. Open finds a new key by itself. Whoever seals excludes those who
// re-encrypt (a grant's lease, a file's lock) and calls Check in that exclusion first: then what it seals is sealed with a
// key that is not retired before somebody has come by and sealed it anew.
type Set struct {
	home *home // nil: the keys are kept nowhere

	mu      sync.RWMutex
	stamp   fs.FileInfo // of key.json as it was read; nil if there was none
	listed  []entry     // what key.json says
	current *key
	loaded  map[string]*key // current, and those of the listed that were needed so far
}

// Generate returns a new random key that is kept nowhere: what it seals is lost with the process.
func Generate() *Set {
	k, _ := newKey(randomBytes())
	return setOf(k)
}

func setOf(current *key, older ...*key) *Set {
	s := &Set{current: current, loaded: map[string]*key{current.name(): current}}
	for _, k := range older {
		s.loaded[k.name()] = k
	}
	return s
}

// ID names the current key without telling anything about it: 8 hexadecimal digits.
func (s *Set) ID() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current.name()
}

// Older are the ids of the other keys that are kept, sorted.
func (s *Set) Older() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, e := range s.listed {
		if e.ID != s.current.name() && !e.Retired {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Files are the names of the key files in the data directory that are in use.
func (s *Set) Files() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for _, e := range s.listed {
		if e.Place == File {
			names = append(names, e.File)
		}
	}
	return names
}

// File is the name of the current key's file in the data directory; empty if it is not in a file.
func (s *Set) File() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := find(s.listed, s.current.name()); e != nil {
		return e.File
	}
	return ""
}

// Place is where the current key lives; empty if it is kept nowhere.
func (s *Set) Place() Place {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := find(s.listed, s.current.name()); e != nil {
		return e.Place
	}
	return ""
}

// Seal encrypts plaintext with the current key and binds it to the associated data, which is not kept: Open needs the same
// again.
func (s *Set) Seal(plaintext, associated []byte) []byte {
	s.mu.RLock()
	k := s.current
	s.mu.RUnlock()
	return k.seal(plaintext, associated)
}

// Open decrypts what Seal made with any of the keys. It fails with store.ErrDamaged (not whole, changed, or bound to
// something else), store.ErrKeyLost (sealed with another key), store.ErrNewerFormat, or ErrNoKeyring.
func (s *Set) Open(sealed, associated []byte) ([]byte, error) {
	id, err := SealedWith(sealed)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	k := s.loaded[id]
	s.mu.RUnlock()
	if k == nil {
		if k, err = s.load(id); err != nil {
			return nil, err
		}
	}
	return k.open(sealed, associated)
}

// load fetches a key that was not needed so far, or has been made since key.json was read.
func (s *Set) load(id string) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.loaded[id]; k != nil {
		return k, nil
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	if k := s.loaded[id]; k != nil {
		return k, nil
	}
	e := find(s.listed, id)
	if s.home == nil || e == nil || e.Retired {
		return nil, undecryptable(ErrKeyLost, fmt.Sprintf("it was encrypted with key %s, the %s", id, s.atHand()),
			"bring that key back, or delete it and log in again")
	}
	k, err := s.home.fetch(context.Background(), *e) // bounded by KeyringTimeout
	if err != nil {
		return nil, err
	}
	s.loaded[id] = k
	return k, nil
}

// loadOlder fetches the older keys while they are there: a text that was read just before it was sealed anew, and its key
// retired, opens all the same. What cannot be had now is asked for again when it is needed.
func (s *Set) loadOlder(ctx context.Context) {
	for _, e := range s.listed {
		if s.loaded[e.ID] == nil && !e.Retired {
			if k, err := s.home.fetch(ctx, e); err == nil {
				s.loaded[e.ID] = k
			}
		}
	}
}

func (s *Set) atHand() string {
	ids := []string{s.current.name()}
	for id := range s.loaded {
		if id != ids[0] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 1 {
		return "key at hand is " + ids[0]
	}
	slices.Sort(ids[1:])
	return "keys at hand are " + strings.Join(ids, ", ")
}

// Check makes sure that what is sealed from now on is sealed with the key that is current now. It looks at key.json, and
// reads it only if it has changed.
func (s *Set) Check() error {
	if s.home == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look()
}

// look reads key.json if it is another one than that which was read last. The caller holds the lock.
func (s *Set) look() error {
	if s.home == nil {
		return nil
	}
	stamp := durable.Stamp(s.home.path("key.json"))
	if durable.Same(s.stamp, stamp) {
		return nil
	}
	rec, err := s.home.readRecord()
	if err != nil {
		return err
	}
	current := s.loaded[rec.Current]
	if current == nil {
		if current, err = s.home.fetch(context.Background(), *find(rec.Keys, rec.Current)); err != nil {
			return err
		}
	}
	s.stamp, s.listed, s.current = stamp, rec.Keys, current
	s.loaded[rec.Current] = current
	s.loadOlder(context.Background())
	return nil
}

// String names the current key by its id, for people and logs.
func (s *Set) String() string { return "key " + s.ID() }

// Format implements fmt.Formatter, so that no verb reaches a cipher's state.
func (s *Set) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s *Set) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler without the keys.
func (s *Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
