package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// ErrInUse: the key cannot be retired, because something is sealed with it.
var ErrInUse = errors.New("the key is still in use")

// Rotate makes a new current key and keeps the older ones. What is sealed from now on is sealed with the new key, by other
// processes too (Set.Check). Options.Place says where it goes, as in Create. It returns the new key's id.
func Rotate(ctx context.Context, o Options) (id string, place Place, err error) {
	return home{o, system{}}.rotate(ctx)
}

func (h home) rotate(ctx context.Context) (string, Place, error) {
	if err := durable.CheckDir(h.Dir); err != nil {
		return "", "", h.noKey()
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	rec, err := h.readRecord()
	if err != nil {
		return "", "", err
	}
	// A directory whose key is lost must not get another one.
	if _, err := h.fetch(ctx, *find(rec.Keys, rec.Current)); err != nil {
		return "", "", err
	}
	e, err := h.add(ctx, rec)
	return e.ID, e.Place, err
}

// Retire removes an older key for good. The caller has sealed anew all that this key had sealed elsewhere; what lies in
// the data directory Retire looks through itself, and fails with ErrInUse. The current key is not retired. One that is
// gone already is no error: a Retire that was interrupted may be repeated.
func Retire(ctx context.Context, o Options, id string) error {
	return home{o, system{}}.retire(ctx, id)
}

func (h home) retire(ctx context.Context, id string) error {
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := h.readRecord()
	if err != nil {
		return err
	}
	inUse := func(detail, path string) error {
		return &store.Error{Op: "retire key " + id, Path: path, Kind: ErrInUse, ID: "key-in-use", Detail: detail}
	}
	e := find(rec.Keys, id)
	switch {
	case e == nil:
		return nil
	case id == rec.Current:
		return inUse("it is the current key", "")
	}
	if !e.Retired {
		if path, _ := findSealed(h.Dir, id); path != "" {
			return inUse("the file is sealed with it", path)
		}
		// From here on nobody looks for the key, so that a crash after its removal leaves no key that seems lost.
		e.Retired = true
		if err := h.writeRecord(rec); err != nil {
			return err
		}
	}
	if e.Place == Keyring {
		err = h.dropFromRing(ctx, id)
	} else {
		err = durable.Remove(h.path(e.File))
	}
	if err != nil {
		return fmt.Errorf("retire key %s: %w", id, err)
	}
	rec.Keys = slices.DeleteFunc(rec.Keys, func(e entry) bool { return e.ID == id })
	return h.writeRecord(rec)
}

// Retired are the ids of keys whose removal was interrupted: Retire them again.
func (s *Set) Retired() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, e := range s.listed {
		if e.Retired {
			ids = append(ids, e.ID)
		}
	}
	return ids
}
