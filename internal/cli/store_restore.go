package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/backup"
	"github.com/sftoken/sftoken/internal/transfer"
	"github.com/spf13/cobra"
)

type restoreOptions struct {
	identity       string
	passphraseFile string
	force          bool
	trust          bool
}

func newStoreRestoreCommand(env *Env) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring back the logins of a backup",
		Long: `Bring back the logins and apps of a backup that are not here. What is here and works stays, unless the backup has
a newer state of the same login; --force replaces it all the same. If it is stopped, run it again.

A login whose app rotates refresh tokens may have been refreshed since the backup; then its refresh token is spent,
and sending it would end the login everywhere. So it comes back as uncertain, and Salesforce is asked before it is
used; where Salesforce does not tell, log in again. If nobody has used it since (a move to another machine), --unused
brings it back as it was.`,
		Example: `  sftoken store restore logins.age
  sftoken store restore logins.age --identity key.txt
  sftoken store restore logins.age --unused        # after a move: the old machine does not use them any more`,
		Args: oneFile,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.identity != "" && o.passphraseFile != "" {
				return notBoth(cmd, "--identity", "--passphrase-file")
			}
			return env.storeRestore(cmd.Context(), o, args[0])
		},
	}
	cmd.Flags().StringVarP(&o.identity, "identity", "i", "", "file with an age secret key that opens it")
	cmd.Flags().StringVar(&o.passphraseFile, "passphrase-file", "", "file with the passphrase in its first line; - is stdin")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace logins that are newer, another user's, or unreadable")
	cmd.Flags().BoolVar(&o.trust, "unused", false, "no login was used since the backup: take its refresh tokens for the newest")
	return cmd
}

func (e *Env) storeRestore(ctx context.Context, o restoreOptions, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return &localError{id: "backup-unreadable", code: exitUsage, err: err}
	}
	defer f.Close()
	b, err := e.openBackup(ctx, o, f)
	if err != nil {
		return e.backupError(err, path)
	}
	k, err := e.createKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	t := e.newTally(path, k.at.String())
	t.answer.Made = &b.Manifest.Made
	if err := e.restoreAll(ctx, o, b, k, t); err != nil {
		return err
	}
	if !e.JSON && !o.trust && len(t.spent) > 0 {
		e.Warn("restore.uncertain", map[string]any{"aliases": joined(t.spent)})
	}
	return t.tell("restore.done")
}

func (e *Env) openBackup(ctx context.Context, o restoreOptions, f *os.File) (*backup.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if o.identity != "" {
		keys, err := os.Open(o.identity)
		if err != nil {
			return nil, &localError{id: "identity-unreadable", code: exitUsage, err: err}
		}
		defer keys.Close()
		return backup.OpenWithIdentities(f, info.Size(), keys)
	}
	head := make([]byte, 4<<10)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if backup.IsBackup(head[:n]) && !backup.WantsPassphrase(head[:n]) { // before one is asked for
		return nil, backup.ErrNeedsIdentity
	}
	passphrase, err := e.readPassphrase(ctx, o.passphraseFile, false)
	if err != nil {
		return nil, err
	}
	return backup.OpenWithPassphrase(f, info.Size(), passphrase)
}

// backupError puts what keeps a backup shut into the words of a command line.
func (e *Env) backupError(err error, path string) error {
	for id, is := range map[string]error{
		"passphrase-wrong": backup.ErrPassphrase, "identity-wrong": backup.ErrIdentity,
		"identity-needed": backup.ErrNeedsIdentity, "passphrase-needed": backup.ErrNeedsPassphrase,
	} {
		if errors.Is(err, is) {
			return &localError{id: id, code: exitUsage, hints: true, data: map[string]any{"path": path}}
		}
	}
	return err
}

// restoreAll writes one grant after the other. The backup was read through before, so that all of it is sound.
func (e *Env) restoreAll(ctx context.Context, o restoreOptions, b *backup.Reader, k *kept, t *tally) error {
	bar := &progress{env: e, id: "restore.progress"}
	defer bar.end()
	for entry, err := range b.Entries() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if entry.Grant != nil {
			t.add(transfer.Restore(ctx, k.Store, entry.Grant, b.Manifest.Made, o.trust, transfer.Options{Force: o.force}))
			bar.step(map[string]any{"done": len(t.answer.Logins)})
			continue
		}
		app, err := apps.Decode(entry.App)
		if err != nil {
			return err
		}
		added, err := k.apps().Restore(ctx, app)
		if err != nil {
			return err
		}
		if added {
			t.answer.Apps++
		}
	}
	return nil
}
