package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/internal/rekey"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/keys"
	"github.com/spf13/cobra"
)

type rekeyOptions struct {
	retire    bool
	retireSet bool
	forget    []string
}

func newStoreRekeyCommand(env *Env) *cobra.Command {
	var o rekeyOptions
	cmd := &cobra.Command{
		Use:   "rekey",
		Short: "Encrypt everything that is kept with a new key",
		Long: `Make a new key, encrypt with it all that the old one encrypts (logins, remembered apps, started logins, answers
kept aside; in the data directory and in every database that was used with its keys), then remove the old key.
Other commands go on meanwhile. If it is stopped, run it again: it goes on where it was.

Other machines that use a postgres store need the new key, too, so there the old one is kept until you say
--retire: run this, copy the key files to the other machines, then run it again with --retire.`,
		Example: `  sftoken store rekey
  sftoken store rekey --retire=false           # keep the old key for now
  sftoken store rekey --forget sqlite:/old.db  # that database is gone`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.retireSet = cmd.Flags().Changed("retire")
			return env.storeRekey(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.retire, "retire", true, "remove the old key in the end (default: unless a postgres store is among them)")
	cmd.Flags().StringArrayVar(&o.forget, "forget", nil, "a database that these keys are not needed for any more")
	return cmd
}

type rekeyAnswer struct {
	Key     string   `json:"key_id"`
	KeyIn   string   `json:"key_in"`
	Resumed bool     `json:"resumed"`
	Sealed  int      `json:"encrypted"`
	Before  int      `json:"already"`
	Retired []string `json:"retired"`
	Older   []string `json:"older"` // keys that are kept
	Stores  []string `json:"stores"`
	Errors  []report `json:"errors"`
}

func (e *Env) storeRekey(ctx context.Context, o rekeyOptions) error {
	at, err := e.location()
	if err != nil {
		return err
	}
	dir, err := e.dataDir(at)
	if err != nil {
		return err
	}
	for _, text := range o.forget {
		l, err := e.locate(text)
		if err == nil {
			err = stores.Forget(ctx, dir, l)
		}
		if err != nil {
			return err
		}
	}
	key, place, err := keys.Open(ctx, keys.Options{Dir: dir})
	if errors.Is(err, keys.ErrNoKey) {
		return &localError{id: "no-login", code: exitLogin, hints: true}
	}
	if err != nil {
		return err
	}
	options, err := e.keyOptions(at)
	if err != nil {
		return err
	}
	k := &kept{at: at, dir: dir, key: key, place: place}
	all, shared, failed, err := e.allStores(ctx, k)
	if err != nil {
		return err
	}
	defer closeAll(all)
	return e.runRekey(ctx, k, all, failed, rekey.Options{
		Keys:   options,
		Retire: o.retire && (!shared || o.retireSet) && len(failed) == 0,
		Others: map[string]func(context.Context) error{
			"the remembered apps": k.apps().Reseal,
			"the started logins":  login.OpenPending(dir, k.key).Reseal,
		},
	}, shared)
}

// allStores opens every store that the keys of k encrypt. Those that cannot be opened come as errors:
// while there are any, no key may go.
func (e *Env) allStores(ctx context.Context, k *kept) (all []*kept, shared bool, failed []error, err error) {
	known, err := stores.Known(k.dir)
	if err != nil {
		return nil, false, nil, err
	}
	files, err := stores.Parse("file:"+k.dir, k.dir)
	if err != nil {
		return nil, false, nil, err
	}
	locations := append([]stores.Location{files}, known...)
	if !slices.Contains(locations, k.at) {
		locations = append(locations, k.at)
	}
	for _, l := range locations {
		shared = shared || l.Shared()
		opened, err := e.withStore(ctx, l, k.key, k.place, false)
		if errors.Is(err, stores.ErrMissing) {
			err = &localError{id: "store-gone", code: exitStore, hints: true, data: map[string]any{"store": l.String()}}
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		all = append(all, opened)
	}
	return all, shared, failed, nil
}

func closeAll(all []*kept) {
	for _, k := range all {
		_ = k.Close()
	}
}

func (e *Env) runRekey(ctx context.Context, k *kept, all []*kept, failed []error, o rekey.Options, shared bool) error {
	bar := &progress{env: e, id: "rekey.progress"}
	answer := rekeyAnswer{Retired: []string{}, Older: []string{}, Stores: []string{}, Errors: []report{}}
	for _, s := range all {
		o.Stores = append(o.Stores, s.Store)
		answer.Stores = append(answer.Stores, s.at.String())
	}
	o.OnStep = func(s rekey.Step) {
		bar.step(map[string]any{"store": s.Store.String(), "done": s.Done, "total": s.Total})
	}
	r, err := rekey.Run(ctx, k.key, o)
	bar.end()
	if err != nil {
		if r != nil && ctx.Err() != nil {
			e.Say("rekey.interrupted", nil)
		}
		return err
	}
	failed = append(failed, r.Failed...)
	answer.Key, answer.KeyIn, answer.Resumed = r.Key, r.Place, r.Resumed
	answer.Sealed, answer.Before = r.Sealed, r.Before
	answer.Retired, answer.Older = append(answer.Retired, r.Retired...), append(answer.Older, r.Older...)
	for _, err := range failed {
		answer.Errors = append(answer.Errors, e.reportOf(err))
	}
	return e.tellRekey(answer, failed, shared)
}

func (e *Env) tellRekey(a rekeyAnswer, failed []error, shared bool) error {
	if e.JSON {
		if err := e.WriteJSON(a); err != nil {
			return err
		}
	} else {
		if a.Resumed {
			e.Say("rekey.resumed", map[string]any{"key": a.Key})
		}
		e.Say("rekey.done", map[string]any{"count": a.Sealed + a.Before, "key": a.Key})
		for _, id := range a.Retired {
			e.Say("rekey.retired", map[string]any{"key": id})
		}
		for _, err := range failed {
			e.tell(err)
		}
		if len(a.Older) > 0 {
			id := "rekey.kept"
			if shared && len(failed) == 0 {
				id = "rekey.kept-shared"
			}
			e.Warn(id, map[string]any{"keys": joined(a.Older)})
		}
	}
	if len(failed) > 0 {
		return &toldError{code: exitOf(failed[0])}
	}
	return nil
}
