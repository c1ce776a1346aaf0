package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/backup"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

type backupOptions struct {
	recipients     []string
	passphraseFile string
}

func newStoreBackupCommand(env *Env) *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all logins and remembered apps into one encrypted file",
		Long: `Write all logins and remembered apps into FILE, encrypted by age to a passphrase or to age recipients. FILE must
not exist. Whoever can open it has all the logins in it.

A login whose app rotates refresh tokens has a new one after each refresh, and its backup is then out of date:
for those, a backup is for moving, or to be made again and again.`,
		Example: `  sftoken store backup logins.age                       # asks for a passphrase, twice
  sftoken store backup logins.age --recipient age1…
  sftoken store backup logins.age --passphrase-file - < passphrase.txt`,
		Args:              oneFile,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(o.recipients) > 0 && o.passphraseFile != "" {
				return notBoth(cmd, "--recipient", "--passphrase-file")
			}
			return env.storeBackup(cmd.Context(), o, args[0])
		},
	}
	cmd.Flags().StringArrayVarP(&o.recipients, "recipient", "r", nil, "age public key of one who may open it (age1…); may be repeated")
	cmd.Flags().StringVar(&o.passphraseFile, "passphrase-file", "", "file with the passphrase in its first line; - is stdin")
	return cmd
}

// oneFile is the argument of store backup and store restore.
func oneFile(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &usageError{id: "file-missing", command: cmd.CommandPath()}
	case 1:
		return nil
	}
	return tooMany(cmd, args[1])
}

type backupAnswer struct {
	File       string   `json:"file"`
	Logins     int      `json:"logins"`
	Apps       int      `json:"apps"`
	Rotating   []string `json:"rotating"`   // aliases whose backup is out of date after their next refresh
	Unreadable []report `json:"unreadable"` // logins that are not in it
	place
}

func (e *Env) storeBackup(ctx context.Context, o backupOptions, path string) error {
	if _, err := os.Lstat(path); err == nil { // before a passphrase is asked for
		return &localError{id: "backup-exists", code: exitUsage, hints: true, data: map[string]any{"path": path}}
	}
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	aliases, err := k.Aliases(ctx)
	if err != nil {
		return err
	}
	if len(aliases) == 0 {
		return &localError{id: "no-login", code: exitLogin, hints: true}
	}
	to, err := e.backupRecipients(ctx, o)
	if err != nil {
		return err
	}
	answer := backupAnswer{File: path, Rotating: []string{}, Unreadable: []report{}, place: k.where()}
	worst, err := e.writeBackup(ctx, k, path, to, &answer)
	if err != nil {
		return err
	}
	return e.tellBackup(answer, worst)
}

func (e *Env) backupRecipients(ctx context.Context, o backupOptions) (backup.Recipients, error) {
	if len(o.recipients) > 0 {
		return backup.ToKeys(o.recipients)
	}
	passphrase, err := e.readPassphrase(ctx, o.passphraseFile, true)
	if err != nil {
		return backup.Recipients{}, err
	}
	return backup.ToPassphrase(passphrase, e.scryptWork)
}

// writeBackup makes the file, whole or not at all. What cannot be read is left out and told; worst is its error.
func (e *Env) writeBackup(ctx context.Context, k *kept, path string, to backup.Recipients, a *backupAnswer) (worst, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &localError{id: "backup-exists", code: exitUsage, hints: true, data: map[string]any{"path": path}}
	}
	if err != nil {
		return nil, &localError{id: "backup-unwritable", code: exitFailed, err: err}
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = &localError{id: "backup-unwritable", code: exitFailed, err: closeErr}
		}
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	w, err := backup.NewWriter(f, to, backup.Manifest{Made: e.Now(), From: k.at.String(), Version: readVersion().Version})
	if err != nil {
		return nil, err
	}
	if worst, err = e.addGrants(ctx, k, w, a); err != nil {
		return nil, err
	}
	if err := addApps(k, w); err != nil {
		return nil, err
	}
	counts, err := w.Close()
	if err == nil {
		err = f.Sync()
	}
	a.Logins, a.Apps = counts.Grants, counts.Apps
	return worst, err
}

func (e *Env) addGrants(ctx context.Context, k *kept, w *backup.Writer, a *backupAnswer) (worst, err error) {
	for g, err := range k.List(ctx) {
		if err != nil {
			if damaged, ok := errors.AsType[*store.Error](err); !ok || damaged.Alias == "" {
				return nil, err
			}
			if !e.JSON {
				e.tell(err)
			}
			a.Unreadable = append(a.Unreadable, e.reportOf(err))
			if worst == nil {
				worst = err
			}
			continue
		}
		if g.MayRotate() && g.State != store.Dead {
			a.Rotating = append(a.Rotating, g.Alias)
		}
		if err := w.Add(backup.Entry{Grant: g}); err != nil {
			return nil, err
		}
	}
	return worst, ctx.Err()
}

func addApps(k *kept, w *backup.Writer) error {
	list, err := k.apps().List()
	if err != nil {
		return err
	}
	for _, app := range list {
		record, err := apps.Encode(app)
		if err != nil {
			return err
		}
		if err := w.Add(backup.Entry{App: record}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) tellBackup(a backupAnswer, worst error) error {
	if e.JSON {
		if err := e.WriteJSON(a); err != nil {
			return err
		}
	} else {
		e.Say("backup.done", map[string]any{"logins": a.Logins, "apps": a.Apps, "path": a.File})
		if len(a.Rotating) > 0 {
			e.Warn("backup.rotating", map[string]any{"aliases": joined(a.Rotating)})
		}
	}
	if worst != nil {
		return &toldError{code: exitOf(worst)}
	}
	return nil
}
