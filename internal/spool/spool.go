// Package spool keeps a grant aside that its store could not save: encrypted, durable, in a directory of its own, until the
// store can take it. It holds the only copy of a refresh token that Salesforce will not give again.
//
// A spooled grant has the generation that the save would have given it. Who reads takes whichever of spool and store has
// the higher one (Newer); who holds the grant's lease puts a newer spool into the store and removes it (Replay). What a
// crash can leave:
//
//   - during Put: a temporary file, removed by Replay. The grant is lost, as if Put had not been called.
//   - after Put: the newest grant is in the spool, and everybody who reads sees it.
//   - between putting it into the store and removing the spool: both hold the same generation; the spool is removed.
//   - after a save that followed a Put: the spool is older than the store, is ignored, and removed.
//
// A spool that cannot be read stops its grant with an error that names the file, since it may hold the only living refresh
// token. Whoever sees the store but not the spool (another machine, another directory) would spend the old refresh token.
//
// It locks nothing: who calls Put, Replay or Remove holds the grant's lease. For stores.
package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/internal/filename"
	"github.com/sftoken/sftoken/internal/sealed"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Spool is a directory of grants kept aside. Its errors are *store.Error without an alias: the store that calls adds it.
type Spool struct {
	Dir  string    // made by Put
	Kind string    // whose spool it is ("file store spool"): another store's does not open
	Key  *keys.Set // nil: grants can be removed, but neither read nor put aside
}

func (s Spool) path(alias string) string { return filepath.Join(s.Dir, filename.Of(alias)+".spool") }

// temp is a fixed name since the lease excludes others, so that what a crash left is found.
func (s Spool) temp(alias string) string {
	return filepath.Join(s.Dir, "."+filename.Of(alias)+".spool.new")
}

// Check refuses a directory that others can enter. One that is not there yet is fine.
func (s Spool) Check() error {
	if err := durable.CheckDir(s.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Put keeps g aside as the generation after its own, and moves g.Generation. It does not look at the store, which is what
// has failed.
func (s Spool) Put(g *store.Grant) error {
	if err := durable.MakeDir(s.Dir); err != nil {
		return err
	}
	old, err := s.Get(g.Alias)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if old != nil && old.Generation > g.Generation {
		return &store.Error{
			Kind:   store.ErrStale,
			Detail: fmt.Sprintf("generation %d was loaded, the spool has %d", g.Generation, old.Generation),
		}
	}
	next := *g
	next.Generation++
	data, err := s.seal(&next)
	if err != nil {
		return err
	}
	durable.Sweep(s.temp(g.Alias)) // of a Put that a crash has cut off
	p, err := durable.Prepare(s.path(g.Alias), s.temp(g.Alias), 0)
	if err != nil {
		return err
	}
	err = p.Commit(data)
	if err == nil || errors.Is(err, durable.ErrUnsynced) {
		g.Generation++
	}
	return err
}

// seal uses the current key if it can be found out, else the one at hand: to give up would lose the grant.
func (s Spool) seal(g *store.Grant) ([]byte, error) {
	if s.Key == nil {
		return nil, sealed.NoKey()
	}
	_ = s.Key.Check()
	plaintext, err := store.Encode(g)
	if err != nil {
		return nil, err
	}
	return sealed.Seal(s.Key, sealed.Label{Kind: s.Kind, Name: g.Alias}, plaintext), nil
}

// KeyIDs names the key with which a grant is spooled; there is none if it is not. It needs no key.
func (s Spool) KeyIDs(alias string) ([]string, error) {
	id, err := sealed.KeyID(s.path(alias))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []string{id}, nil
}

// Get returns the spooled grant, or store.ErrNotFound.
func (s Spool) Get(alias string) (*store.Grant, error) {
	return sealed.ReadGrant(s.Key, s.Kind, alias, s.path(alias),
		"restore it from a backup, or remove it to go on with the saved grant, whose refresh token may be spent")
}

// Stamp tells, without reading it, whether a grant is spooled and whether it is the same one as before (durable.Same).
func (s Spool) Stamp(alias string) fs.FileInfo { return durable.Stamp(s.path(alias)) }

// Newer returns the newer of the spooled grant and the saved one. It looks at the spool first: between the two looks a
// spool may move into the store, and must not be missed in both.
func (s Spool) Newer(alias string, saved func() (*store.Grant, error)) (*store.Grant, error) {
	spooled, err := s.Get(alias)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	g, err := saved()
	if spooled != nil && (errors.Is(err, store.ErrNotFound) || g != nil && g.Generation < spooled.Generation) {
		return spooled, nil
	}
	return g, err
}

// Replay removes what a crashed holder of the lease left and puts a spooled grant into the store: put saves it, with its
// generation, in the place of saved (nil if there is none). What cannot be done now is left for the next time: until then
// Newer finds the spool.
func (s Spool) Replay(alias string, saved func() (*store.Grant, error), put func(spooled, saved *store.Grant) error) {
	durable.Sweep(s.temp(alias))
	spooled, err := s.Get(alias)
	if err != nil {
		return
	}
	g, err := saved()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return
	}
	if g == nil || g.Generation < spooled.Generation {
		if put(spooled, g) != nil {
			return
		}
	}
	_ = s.Remove(alias)
}

// Remove deletes a spooled grant for good. One that is not there is no error.
func (s Spool) Remove(alias string) error { return durable.Remove(s.path(alias)) }

// Aliases returns the names of the spooled grants, readable or not. It needs no key.
func (s Spool) Aliases() ([]string, error) {
	names, err := durable.Names(s.Dir)
	return filename.Aliases(names, ".spool"), err
}
