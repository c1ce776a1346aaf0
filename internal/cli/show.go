package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

func newShowCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "show [alias]",
		Short: "Show all that is known of a login, secrets as fingerprints",
		Example: `  sftoken show prod
  sftoken show prod --json | jq -r .instance_url`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.show(cmd.Context(), args)
		},
	}
}

type showAnswer struct {
	grantView
	place
}

func (e *Env) show(ctx context.Context, args []string) error {
	k, err := e.openKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	alias, err := e.chooseAlias(ctx, k, args)
	if err != nil {
		return err
	}
	grant, err := k.Get(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		return e.notFound(ctx, k, alias)
	}
	if err != nil {
		return err
	}
	if e.JSON {
		return e.WriteJSON(showAnswer{viewOf(grant), k.where()})
	}
	return e.writeShow(grant, k)
}

func (e *Env) writeShow(grant *store.Grant, k *kept) error {
	v := viewOf(grant)
	var rows [][2]string
	row := func(id, value string) {
		if value != "" {
			rows = append(rows, [2]string{e.Text("show."+id, nil), value})
		}
	}
	secret := func(id, fingerprint string) {
		if fingerprint != "" {
			row(id, e.Text("show.fingerprint", map[string]any{"fingerprint": fingerprint}))
		}
	}
	state := e.Text("state."+v.State, nil)
	if v.Reason != "" {
		state += ": " + v.Reason
	}
	row("alias", v.Alias)
	row("state", state)
	row("user", withNote(v.Username, v.Name))
	row("user_id", v.UserID)
	row("org", v.OrgID)
	row("instance", v.InstanceURL)
	row("host", v.LoginHost.String())
	row("client_id", v.ClientID)
	secret("client_secret", v.ClientSecret)
	row("redirect", v.RedirectURI)
	row("flow", v.Flow)
	row("scopes", strings.Join(v.Scopes, " "))
	secret("refresh_token", v.RefreshToken)
	switch renewalOf(grant) {
	case sftoken.RenewByRunning:
		row("refresh_token", e.Text("show.run-again", map[string]any{"flow": v.Flow}))
	case sftoken.RenewByLogin:
		row("refresh_token", e.Text("show.none", nil))
	}
	if v.Rotates {
		row("rotation", e.Text("show.rotates", nil))
	}
	secret("access_token", v.AccessToken)
	row("expiry", e.expiryText(grant.Expiry))
	row("created", localTime(v.CreatedAt))
	row("refreshed", localTime(v.RefreshedAt))
	row("kept", e.keptIn(k))
	row("key", e.keyIn(k))
	return e.writeFacts(rows)
}

func (e *Env) writeFacts(rows [][2]string) error {
	width := 0
	for _, r := range rows {
		width = max(width, lipgloss.Width(r[0]))
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(e.Stdout, "%s%s  %s\n", r[0], strings.Repeat(" ", width-lipgloss.Width(r[0])), r[1]); err != nil {
			return err
		}
	}
	return nil
}

// expiryText says when an access token dies and how that is known.
func (e *Env) expiryText(x store.Expiry) string {
	if x.IsZero() {
		return e.Text("expiry.unknown", nil)
	}
	return withNote(x.At.Local().Format("2006-01-02 15:04:05"), e.Text("expiry."+string(x.Source), nil))
}

func withNote(text, note string) string {
	if text == "" || note == "" {
		return text + note
	}
	return text + " (" + note + ")"
}

func localTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
