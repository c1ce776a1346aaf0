package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/sftoken/sftoken/internal/login"
	"github.com/spf13/cobra"
)

func newLoginStartCommand(env *Env) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "start [alias]",
		Short: "Begin a login that another command finishes (for agents and CI)",
		Long: `Print the address at which a person logs in, and keep the attempt, encrypted, for an hour. The person opens the
address on any machine; login finish takes the address that the browser ends at, even if the page there cannot
be shown.`,
		Example: `  sftoken login start ci --json --host login --client-id 3MVG9… --client-secret-file secret.txt
  sftoken login finish k3v5… < pasted.txt`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkFlow(cmd); err != nil {
				return err
			}
			return env.loginStart(cmd.Context(), &o, first(args))
		},
	}
	o.addFlags(cmd)
	return cmd
}

type startAnswer struct {
	ID          string    `json:"id"`
	URL         string    `json:"url"`
	ExpiresAt   time.Time `json:"expires_at"`
	Alias       string    `json:"alias"`
	RedirectURI string    `json:"redirect_uri"` // where the browser ends, with the answer in its address
	Next        string    `json:"next"`
}

func (e *Env) loginStart(ctx context.Context, o *loginOptions, alias string) error {
	p, err := e.plan(ctx, o, alias)
	if err != nil || p == nil {
		return err
	}
	defer p.kept.Close()
	pending, err := login.OpenPending(p.kept.dir, p.kept.key).Put(ctx, p.journey)
	if err != nil {
		return err
	}
	answer := startAnswer{
		ID:          pending.ID,
		URL:         pending.Attempt.URL,
		ExpiresAt:   pending.ExpiresAt,
		Alias:       pending.Alias,
		RedirectURI: pending.App.RedirectURI,
		Next:        "sftoken login finish " + pending.ID,
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	if _, err := fmt.Fprintln(e.Stdout, answer.URL); err != nil {
		return err
	}
	e.Say("start.next", map[string]any{
		"next": answer.Next, "redirect": answer.RedirectURI,
		"expiry": answer.ExpiresAt.Local().Format("15:04"),
	})
	return nil
}
