package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

type logoutOptions struct {
	all       bool
	yes       bool
	localOnly bool
}

func newLogoutCommand(env *Env) *cobra.Command {
	var o logoutOptions
	cmd := &cobra.Command{
		Use:   "logout [alias]",
		Short: "Revoke a login at Salesforce and forget it",
		Long: `Revoke the refresh token at Salesforce, with every access token that came from it, then forget
the login here. If Salesforce cannot be reached the login is forgotten all the same, what stays behind is
said, and the exit code is 5.`,
		Example: `  sftoken logout prod
  sftoken logout --all --yes
  sftoken logout prod --local-only   # leave Salesforce alone`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.all && len(args) > 0 {
				return &usageError{id: "alias-or-all", command: cmd.CommandPath()}
			}
			return env.logout(cmd.Context(), o, args)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "log out of every login kept here")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask before logging out of all")
	cmd.Flags().BoolVar(&o.localOnly, "local-only", false, "forget here, revoke nothing at Salesforce")
	return cmd
}

// What Salesforce answered to a revocation.
const (
	answerRevoked  = "revoked"
	answerGone     = "already-dead"  // there was nothing left to revoke
	answerNone     = "not-supported" // the server has no revocation endpoint
	answerSkipped  = "skipped"       // --local-only
	answerNotAsked = "failed"        // it could not be asked, or gave no answer to go by
)

type logoutAnswer struct {
	Alias      string `json:"alias"`
	Username   string `json:"username,omitempty"`
	Revocation string `json:"revocation"`
	Reason     string `json:"reason,omitempty"`
	Forgotten  bool   `json:"forgotten"`
	err        error
}

func (e *Env) logout(ctx context.Context, o logoutOptions, args []string) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	aliases, err := e.logoutAliases(ctx, k, o, args)
	if err != nil {
		return err
	}
	answers := []logoutAnswer{}
	code := exitOK
	for _, alias := range aliases {
		answer := e.logoutOf(ctx, k, o, alias)
		answers = append(answers, answer)
		if answer.err == nil {
			continue
		}
		code = max(code, exitOf(answer.err))
		if len(aliases) == 1 && !answer.Forgotten {
			return answer.err
		}
	}
	if e.JSON {
		if err := e.WriteJSON(map[string]any{"logouts": answers}); err != nil {
			return err
		}
	} else {
		for _, answer := range answers {
			e.tellLogout(answer)
		}
	}
	if code != exitOK {
		return &toldError{code: code}
	}
	return nil
}

func (e *Env) logoutAliases(ctx context.Context, k *kept, o logoutOptions, args []string) ([]string, error) {
	if !o.all {
		alias, err := e.chooseAlias(ctx, k, args)
		return []string{alias}, err
	}
	aliases, err := k.Aliases(ctx)
	if err != nil || len(aliases) == 0 || o.yes {
		return aliases, err
	}
	data := map[string]any{"count": len(aliases), "aliases": joined(aliases)}
	if !e.Interactive() {
		return nil, &localError{id: "logout-unconfirmed", code: exitUsage, hints: true, data: data}
	}
	yes, err := e.confirm(ctx, e.Text("ask.logout-all", data))
	if err != nil {
		return nil, err
	}
	if !yes {
		return nil, &localError{id: "refused", code: exitRefused}
	}
	return aliases, nil
}

// logoutOf revokes and forgets one grant under its lease, so that no refresh brings it back meanwhile.
func (e *Env) logoutOf(ctx context.Context, k *kept, o logoutOptions, alias string) logoutAnswer {
	answer := logoutAnswer{Alias: alias, Revocation: answerSkipped}
	fail := func(err error) logoutAnswer {
		answer.err, answer.Reason = err, err.Error()
		return answer
	}
	if _, err := k.Get(ctx, alias); errors.Is(err, store.ErrNotFound) {
		return fail(e.notFound(ctx, k, alias))
	}
	lease, err := k.Lease(ctx, alias)
	if err != nil {
		return fail(err)
	}
	defer lease.Release()
	grant, err := lease.Load(ctx)
	switch {
	case err == nil:
		answer.Username = grant.Username
	case !o.localOnly:
		// An unreadable grant cannot be revoked; --local-only is how a person says to drop it.
		return fail(err)
	}
	if !o.localOnly {
		answer.Revocation, answer.err = e.revoke(ctx, grant)
		if ctx.Err() != nil {
			return fail(ctx.Err())
		}
	}
	if err := lease.Delete(ctx); err != nil {
		return fail(err)
	}
	answer.Forgotten = true
	if answer.err != nil {
		answer.Reason = answer.err.Error()
	}
	return answer
}

// revoke takes a grant back at Salesforce: the refresh token, and with it every access token that came from it; the access
// token where there is no other (C-55). A failure means "try again or do it by hand", whatever its cause.
func (e *Env) revoke(ctx context.Context, grant *store.Grant) (answer string, err error) {
	token := grant.RefreshToken
	if token.IsZero() {
		token = grant.AccessToken
	}
	if grant.State == store.Dead || token.IsZero() {
		return answerGone, nil
	}
	return revokeToken(ctx, e.client(grant), token)
}

func revokeToken(ctx context.Context, client *sftoken.Client, token sftoken.Secret) (answer string, err error) {
	err = client.Revoke(ctx, token)
	if err == nil {
		return answerRevoked, nil
	}
	if wire, ok := errors.AsType[*sftoken.Error](err); ok {
		switch {
		case wire.Status == 404:
			return answerNone, nil
		case wire.Code == "invalid_token", wire.Code == "unsupported_token_type":
			return answerGone, nil
		}
	}
	return answerNotAsked, fmt.Errorf("%w: %w", sftoken.ErrTemporary, err)
}

func (e *Env) tellLogout(a logoutAnswer) {
	if a.err != nil {
		e.tell(a.err)
	}
	data := map[string]any{"alias": a.Alias, "user": a.Username}
	if !a.Forgotten {
		return
	}
	e.Say("logout."+a.Revocation, data)
}
