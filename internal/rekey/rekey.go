// Package rekey brings everything that a data directory's keys have encrypted under a new key, and then removes the old
// ones.
//
// It can be killed at any moment and run again: older keys that are still kept say that it is unfinished, and the id of the
// key with which a thing is sealed says whether that is done. Other processes may use the stores meanwhile; each grant is
// saved anew under its lease, and who seals something looks first which key is the current one (keys.Set.Check).
//
// It knows no terminal and opens no store. Only internal/cli imports it.
package rekey

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sftoken/sftoken/internal/lock"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Options say what is to be encrypted anew.
type Options struct {
	Keys   keys.Options                           // the data directory, and where the new key goes
	Stores []store.Store                          // all that these keys encrypt
	Others map[string]func(context.Context) error // further files, by what they are: each is sealed anew, if it must be
	Retire bool                                   // remove the old keys in the end
	OnStep func(Step)                             // told after each grant
}

// Step is how far it has come.
type Step struct {
	Store       store.Store
	Alias       string
	Done, Total int // of this store's grants
}

// Report is what was done.
type Report struct {
	Resumed bool     // an earlier one was unfinished, and no new key was made
	Key     string   // id of the current key
	Place   string   // where it lives
	Sealed  int      // grants that were saved anew
	Before  int      // grants that were so already
	Retired []string // ids of the keys that were removed
	Older   []string // ids of the keys that are kept
	Failed  []error  // what could not be done, each with its name; the older keys stay for it
}

// wait is how long another rekey may keep this one from beginning.
const wait = 2 * time.Second

// Run makes a new key, unless an earlier run was interrupted, seals everything with it, and removes the older keys if
// nothing has failed.
func Run(ctx context.Context, set *keys.Set, o Options) (*Report, error) {
	held, err := exclude(ctx, o.Keys.Dir)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if err := set.Check(); err != nil { // whoever held the lock before may have changed the keys
		return nil, err
	}
	r := &Report{Resumed: len(set.Older())+len(set.Retired()) > 0}
	if !r.Resumed {
		if _, _, err := keys.Rotate(ctx, o.Keys); err != nil {
			return nil, err
		}
		if err := set.Check(); err != nil {
			return nil, err
		}
	}
	r.Key, r.Place = set.ID(), string(set.Place())
	for _, s := range o.Stores {
		if err := r.store(ctx, s, set, o.OnStep); err != nil {
			return r, err
		}
	}
	for name, reseal := range o.Others {
		if err := reseal(ctx); err != nil {
			r.Failed = append(r.Failed, fmt.Errorf("encrypt %s: %w", name, err))
		}
	}
	if o.Retire && len(r.Failed) == 0 {
		err = r.retire(ctx, set, o)
	}
	if err == nil {
		err = set.Check()
	}
	r.Older = set.Older()
	return r, err
}

// exclude takes the right to be the only rekey of a data directory.
func exclude(ctx context.Context, dir string) (*lock.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	held, err := lock.In(filepath.Join(dir, "locks")).Take(ctx, "_rekey") // no alias begins like this
	if errors.Is(err, store.ErrLocked) {
		return nil, &store.Error{
			Op: "rekey", Path: dir, Kind: store.ErrLocked, Detail: "another rekey of this data directory is running",
			Mend: "wait for it to finish",
		}
	}
	return held, err
}

// store saves the grants of one store anew. An error is the context's; what befalls a grant is noted.
func (r *Report) store(ctx context.Context, s store.Store, set *keys.Set, onStep func(Step)) error {
	aliases, err := s.Aliases(ctx)
	if err != nil {
		r.Failed = append(r.Failed, err)
		return ctx.Err()
	}
	for i, alias := range aliases {
		sealed, err := reseal(ctx, s, alias, set)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrNotFound): // deleted meanwhile
		case err != nil:
			r.Failed = append(r.Failed, err)
		case sealed:
			r.Sealed++
		default:
			r.Before++
		}
		if onStep != nil {
			onStep(Step{Store: s, Alias: alias, Done: i + 1, Total: len(aliases)})
		}
	}
	return nil
}

// reseal saves one grant as it is, which encrypts it with the current key. A spooled grant comes into its place by that.
func reseal(ctx context.Context, s store.Store, alias string, set *keys.Set) (sealed bool, err error) {
	if done(ctx, s, alias, set) {
		return false, nil
	}
	lease, err := s.Lease(ctx, alias)
	if err != nil {
		return false, err
	}
	defer lease.Release()
	if done(ctx, s, alias, set) {
		return false, nil
	}
	g, err := lease.Load(ctx)
	if err != nil {
		return false, err
	}
	return true, lease.Save(ctx, g)
}

// done reports whether nothing of a grant is encrypted with another key than the current one.
func done(ctx context.Context, s store.Store, alias string, set *keys.Set) bool {
	teller, ok := s.(store.Encrypted)
	if !ok {
		return false
	}
	ids, err := teller.KeyIDs(ctx, alias)
	return err == nil && len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return id != set.ID() })
}

// retire removes the older keys, after a last look whether one of them is used.
func (r *Report) retire(ctx context.Context, set *keys.Set, o Options) error {
	for _, s := range o.Stores {
		if err := r.lookOver(ctx, s, set); err != nil {
			return err
		}
	}
	if len(r.Failed) > 0 {
		return nil
	}
	for _, id := range slices.Concat(set.Retired(), set.Older()) {
		if err := keys.Retire(ctx, o.Keys, id); err != nil {
			r.Failed = append(r.Failed, err)
			continue
		}
		r.Retired = append(r.Retired, id)
	}
	return nil
}

// lookOver notes the grants that are not under the current key. There should be none: this is against our own mistakes.
func (r *Report) lookOver(ctx context.Context, s store.Store, set *keys.Set) error {
	if _, ok := s.(store.Encrypted); !ok {
		return nil
	}
	aliases, err := s.Aliases(ctx)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		if done(ctx, s, alias, set) {
			continue
		}
		if _, err := s.Get(ctx, alias); errors.Is(err, store.ErrNotFound) {
			continue
		}
		r.Failed = append(r.Failed, &store.Error{
			Op: "rekey", Alias: alias, Kind: keys.ErrInUse, ID: "key-in-use",
			Detail: "the grant is still encrypted with an older key", Mend: "run rekey again",
		})
	}
	return ctx.Err()
}
