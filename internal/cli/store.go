package cli

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
	"github.com/spf13/cobra"
)

// kept is an open store with what belongs to it: the remembered apps and the keys to both.
type kept struct {
	store.Store
	at    stores.Location
	dir   string     // the data directory: keys and apps, and the grants if the store is one of files
	key   *keys.Set  // nil: the directory was never set up
	place keys.Place // where the current key lives; it is told wherever a grant is shown (C-72)
}

func (k *kept) apps() *apps.File { return apps.Open(k.dir, k.key) }

// keptIn says where the grants are.
func (e *Env) keptIn(k *kept) string {
	if k.at.Kind != stores.File {
		return k.String()
	}
	return e.Text("key.grants", map[string]any{"path": filepath.Join(k.dir, "grants")})
}

// keyIn says where the key to the grants is.
func (e *Env) keyIn(k *kept) string {
	if k.place == keys.Keyring {
		return e.Text("key.keyring", nil)
	}
	path := k.dir
	if k.key != nil {
		path = filepath.Join(k.dir, k.key.File())
	}
	return e.Text("key.file", map[string]any{"path": path})
}

// location says which store a command uses: --store, SFTOKEN_STORE or the config file, else the one of files in the data
// directory.
func (e *Env) location() (stores.Location, error) {
	settings, err := e.Config()
	if err != nil {
		return stores.Location{}, err
	}
	return e.locate(cmp.Or(e.Store, settings.Store))
}

func (e *Env) locate(text string) (stores.Location, error) {
	dirs, err := e.Dirs()
	if err != nil {
		return stores.Location{}, err
	}
	at, err := stores.Parse(text, dirs.Data)
	if err == nil && at.Kind == stores.SF && at.Path == "" {
		at.Path, err = e.salesforceDir()
	}
	return at, err
}

// openKept opens the chosen store for reading. It creates nothing.
func (e *Env) openKept(ctx context.Context) (*kept, error) {
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	return e.openAt(ctx, at)
}

func (e *Env) openAt(ctx context.Context, at stores.Location) (*kept, error) {
	dir, err := e.dataDir(at)
	if err != nil {
		return nil, err
	}
	key, place, err := keys.Open(ctx, keys.Options{Dir: dir})
	if errors.Is(err, keys.ErrNoKey) && at.Kind == stores.SF {
		return e.createAt(ctx, at) // its logins are there already, and the first refresh needs a place for its notes
	}
	if err != nil && !errors.Is(err, keys.ErrNoKey) {
		return nil, err
	}
	return e.withStore(ctx, at, key, place, false)
}

// lookKept is openKept for who is about to create: a database that is not there yet holds nothing.
func (e *Env) lookKept(ctx context.Context) (*kept, error) {
	k, err := e.openKept(ctx)
	if !errors.Is(err, stores.ErrMissing) {
		return k, err
	}
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	dir, err := e.dataDir(at)
	if err != nil {
		return nil, err
	}
	key, place, err := keys.Open(ctx, keys.Options{Dir: dir})
	if err != nil && !errors.Is(err, keys.ErrNoKey) {
		return nil, err
	}
	return &kept{Store: memory.New(), at: at, dir: dir, key: key, place: place}, nil
}

// createKept opens the chosen store for a login, and sets it up first if need be.
func (e *Env) createKept(ctx context.Context) (*kept, error) {
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	return e.createAt(ctx, at)
}

func (e *Env) createAt(ctx context.Context, at stores.Location) (*kept, error) {
	options, err := e.keyOptions(at)
	if err != nil {
		return nil, err
	}
	key, place, err := keys.Create(ctx, options)
	if err != nil {
		return nil, err
	}
	return e.withStore(ctx, at, key, place, true)
}

// keyOptions say where a new key goes. That it is a file because there is no keyring is said before it is written (C-72).
func (e *Env) keyOptions(at stores.Location) (keys.Options, error) {
	settings, err := e.Config()
	if err != nil {
		return keys.Options{}, err
	}
	dir, err := e.dataDir(at)
	return keys.Options{
		Dir:   dir,
		Place: keys.Place(settings.Keys),
		OnFallback: func(reason error) {
			e.Warn("key.fallback", map[string]any{"reason": reason, "path": filepath.Join(dir, "key")})
		},
	}, err
}

// dataDir is where the keys to a store are.
func (e *Env) dataDir(at stores.Location) (string, error) {
	dirs, err := e.Dirs()
	return at.DataDir(dirs.Data), err
}

func (e *Env) withStore(ctx context.Context, at stores.Location, key *keys.Set, place keys.Place, create bool) (*kept, error) {
	dir, err := e.dataDir(at)
	if err != nil {
		return nil, err
	}
	options := stores.Options{DataDir: dir, Keys: key, Create: create}
	if options.SF, err = e.salesforceKey(); err != nil {
		return nil, err
	}
	s, err := stores.Open(ctx, at, options)
	if err != nil {
		return nil, err
	}
	return &kept{Store: s, at: at, dir: dir, key: key, place: place}, nil
}

// chooseAlias says which grant a command is about: the argument, then SFTOKEN_ALIAS, then the config file, then the only
// one there is (C-77). More than one and none chosen is the person's to settle.
func (e *Env) chooseAlias(ctx context.Context, k *kept, args []string) (alias string, err error) {
	defer func() { e.about = map[string]string{"alias": alias} }()
	if len(args) > 0 {
		return args[0], nil
	}
	settings, err := e.Config()
	if err != nil {
		return "", err
	}
	if settings.Alias != "" {
		return settings.Alias, nil
	}
	aliases, err := k.Aliases(ctx)
	if err != nil {
		return "", err
	}
	switch len(aliases) {
	case 0:
		return "", &localError{id: "no-login", code: exitLogin, hints: true}
	case 1:
		return aliases[0], nil
	}
	return "", &localError{id: "alias-needed", code: exitUsage, hints: true, data: map[string]any{
		"aliases": joined(aliases), "first": aliases[0],
	}}
}

// notFound is store.ErrNotFound in the words of a command line, with the names that there are.
func (e *Env) notFound(ctx context.Context, k *kept, alias string) error {
	aliases, err := k.Aliases(ctx)
	if err != nil {
		return err
	}
	return &localError{id: "no-such-alias", code: exitUsage, hints: true, data: map[string]any{
		"alias": alias, "aliases": joined(aliases),
	}}
}

// completeAliases offers the aliases to a shell. It needs neither key nor network (C-79).
func (e *Env) completeAliases(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	at, err := e.location()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	k, err := e.withStore(ctx, at, nil, "", false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer k.Close()
	aliases, err := k.Aliases(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return aliases, cobra.ShellCompDirectiveNoFileComp
}

func joined(words []string) string { return strings.Join(words, ", ") }
