package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

func newTokenCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token [alias]",
		Short: "Print a valid access token",
		Long: `Print a valid access token and nothing else. It is refreshed first if it must be; a token
that is known to be dead is never printed.

Without an alias: SFTOKEN_ALIAS, then alias in the config file, then the only login there is.`,
		Example: `  sftoken token prod
  curl -H "Authorization: Bearer $(sftoken token prod)" "$(sftoken show prod --json | jq -r .instance_url)/services/data/v66.0/limits"
  sftoken token prod --json       # with instance URL and expiry`,
		Args:              oneAlias,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.token(cmd.Context(), args)
		},
	}
	env.addOnRotate(cmd)
	return cmd
}

type tokenAnswer struct {
	Alias        string     `json:"alias"`
	AccessToken  string     `json:"access_token"`
	InstanceURL  string     `json:"instance_url"`
	Username     string     `json:"username,omitempty"`
	OrgID        string     `json:"org_id,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	ExpirySource string     `json:"expiry_source,omitempty"`
	Refreshed    bool       `json:"refreshed"`
	Warning      string     `json:"warning,omitempty"`
}

func (e *Env) token(ctx context.Context, args []string) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	alias, err := e.chooseAlias(ctx, k, args)
	if err != nil {
		return err
	}
	access, err := e.access(ctx, k, alias)
	if err != nil {
		return err
	}
	if access.Warning != nil {
		e.Warn("token.warning", map[string]any{"alias": alias, "reason": access.Warning})
	}
	if !e.JSON {
		_, err := fmt.Fprintln(e.Stdout, access.Token.Reveal())
		return err
	}
	answer := tokenAnswer{
		Alias:        alias,
		AccessToken:  access.Token.Reveal(),
		InstanceURL:  access.InstanceURL,
		Username:     access.Username,
		OrgID:        access.OrgID,
		ExpiresAt:    known(access.Expiry.At),
		ExpirySource: string(access.Expiry.Source),
		Refreshed:    access.Refreshed,
	}
	if access.Warning != nil {
		answer.Warning = access.Warning.Error()
	}
	return e.WriteJSON(answer)
}

// shortestSession is the shortest session time-out that an org can have (salesforce-oauth.md section 4). A token whose end
// nobody tells is taken for dead after it, because a token that may be stale is never printed.
const shortestSession = 15 * time.Minute

// engine makes a refresh engine for one command. Close waits for a refresh that has left: its answer may hold the only
// living refresh token.
func (e *Env) engine(k *kept) (engine *refresh.Engine, done func(), err error) {
	settings, err := e.Config()
	if err != nil {
		return nil, nil, err
	}
	engine = refresh.New(refresh.Options{
		Store:          k.Store,
		SessionTimeout: cmp.Or(settings.SessionTimeout, shortestSession),
		OnEvent:        e.onEvent,
	})
	return engine, func() { _ = engine.Close(context.Background()) }, nil
}

// access gets a valid access token of alias.
func (e *Env) access(ctx context.Context, k *kept, alias string) (*refresh.Access, error) {
	engine, done, err := e.engine(k)
	if err != nil {
		return nil, err
	}
	defer done()
	access, err := engine.Token(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		return nil, e.notFound(ctx, k, alias)
	}
	return access, err
}

// known leaves an unknown time out of JSON.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
