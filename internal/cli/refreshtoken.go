package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

func newRefreshTokenCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh-token [alias]",
		Short: "Print the refresh token itself",
		Long: `Print the refresh token, for a program that keeps its own copy. It is as good as the user's
password for what its scopes allow. Programs that can call sftoken token need no copy.

If the app rotates refresh tokens, two holders of one token kill the login: give such a program a login
of its own.`,
		Example: `  sftoken refresh-token prod | gh secret set SF_REFRESH_TOKEN
  sftoken refresh-token prod --json`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.refreshToken(cmd.Context(), args)
		},
	}
}

type refreshTokenAnswer struct {
	Alias        string       `json:"alias"`
	RefreshToken string       `json:"refresh_token"`
	ClientID     string       `json:"client_id"`
	LoginHost    sftoken.Host `json:"login_host"`
	InstanceURL  string       `json:"instance_url"`
	Rotates      bool         `json:"rotates"`
}

func (e *Env) refreshToken(ctx context.Context, args []string) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	alias, err := e.chooseAlias(ctx, k, args)
	if err != nil {
		return err
	}
	grant, err := e.certain(ctx, k, alias)
	if err != nil {
		return err
	}
	if grant.RefreshToken.IsZero() {
		return &localError{id: "no-refresh-token", code: exitLogin, hints: true, data: map[string]any{"alias": alias}}
	}
	if grant.Rotates {
		e.Warn("refresh-token.rotates", map[string]any{"alias": alias})
	}
	if !e.JSON {
		_, err := fmt.Fprintln(e.Stdout, grant.RefreshToken.Reveal())
		return err
	}
	return e.WriteJSON(refreshTokenAnswer{
		Alias:        alias,
		RefreshToken: grant.RefreshToken.Reveal(),
		ClientID:     grant.App.ClientID,
		LoginHost:    grant.App.Host,
		InstanceURL:  grant.InstanceURL,
		Rotates:      grant.Rotates,
	})
}

// certain returns a grant whose refresh token is not known to be dead. One that may be spent is put to the question first.
func (e *Env) certain(ctx context.Context, k *kept, alias string) (*store.Grant, error) {
	grant, err := k.Get(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		return nil, e.notFound(ctx, k, alias)
	}
	if err != nil {
		return nil, err
	}
	if grant.State == store.Live && grant.Spending == nil {
		return grant, nil
	}
	engine, done, err := e.engine(k)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := engine.Refresh(ctx, alias); err != nil {
		return nil, err
	}
	return k.Get(ctx, alias)
}
