package cli

import (
	"context"

	"github.com/sftoken/sftoken/internal/transfer"
	"github.com/spf13/cobra"
)

type copyOptions struct {
	from, to string
	force    bool
}

func newStoreCopyCommand(env *Env) *cobra.Command {
	var o copyOptions
	cmd := &cobra.Command{
		Use:   "copy --to STORE",
		Short: "Copy all logins into another store",
		Long: `Copy all logins into another store: file:DIR, sqlite:FILE or postgres://USER@HOST/DATABASE (its password from
PGPASSWORD, PGPASSFILE or a service file). Each is read back afterwards. If it is stopped, run it again.

Where the app rotates refresh tokens only one of the two stores may be used afterwards: a refresh in one spends the
refresh token in the other, and the next refresh there ends the login.`,
		Example: `  sftoken store copy --to sqlite:/var/lib/sftoken/logins.db
  sftoken store copy --from sqlite:logins.db --to postgres://sftoken@db.example/sftoken`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.to == "" {
				return &usageError{id: "to-missing", command: cmd.CommandPath()}
			}
			return env.storeCopy(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.to, "to", "", "the store that the logins go to")
	cmd.Flags().StringVar(&o.from, "from", "", "the store that they come from (default: the one that every command uses)")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace logins there that are newer, another user's, or unreadable")
	return cmd
}

func (e *Env) storeCopy(ctx context.Context, o copyOptions) error {
	from, err := e.location()
	if o.from != "" && err == nil {
		from, err = e.locate(o.from)
	}
	if err != nil {
		return err
	}
	to, err := e.locate(o.to)
	if err != nil {
		return err
	}
	if from.Same(to) {
		return &localError{id: "same-store", code: exitUsage, data: map[string]any{"store": to.String()}}
	}
	source, err := e.openAt(ctx, from)
	if err != nil {
		return err
	}
	defer source.Close()
	aliases, err := source.Aliases(ctx)
	if err != nil {
		return err
	}
	if len(aliases) == 0 {
		return &localError{id: "no-login", code: exitLogin, hints: true}
	}
	target, err := e.createAt(ctx, to)
	if err != nil {
		return err
	}
	defer target.Close()
	t := e.newTally(from.String(), to.String())
	bar := &progress{env: e, id: "copy.progress"}
	for r := range transfer.Copy(ctx, source.Store, target.Store, aliases, transfer.Options{Force: o.force}) {
		bar.end()
		t.add(r)
		bar.step(map[string]any{"done": len(t.answer.Logins), "total": len(aliases)})
	}
	bar.end()
	if err := ctx.Err(); err != nil {
		return err
	}
	err = t.tell("copy.done")
	if !e.JSON && len(t.spent) > 0 {
		e.Warn("copy.one-only", map[string]any{"aliases": joined(t.spent), "from": from.String(), "to": to.String()})
	}
	return err
}
