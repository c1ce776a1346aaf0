package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
)

func newAppListCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the apps that are remembered here",
		Example: `  sftoken app list
  sftoken app list --json | jq -r '.apps[].client_id'`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.appList(cmd.Context())
		},
	}
}

type appListAnswer struct {
	Apps []appView `json:"apps"`
}

// appView is what is shown of a remembered app; its secret has a fingerprint.
type appView struct {
	Name         string        `json:"name,omitempty"` // in its org, if sftoken made it or looked it up
	ClientID     string        `json:"client_id,omitempty"`
	ClientSecret string        `json:"client_secret_fingerprint,omitempty"`
	LoginHost    *sftoken.Host `json:"login_host,omitempty"`
	OrgID        string        `json:"org_id,omitempty"`
	RedirectURIs []string      `json:"redirect_uris,omitempty"`
	Scopes       []string      `json:"scopes,omitempty"`
	Staged       *stagedView   `json:"staged,omitempty"`
	UsedAt       *time.Time    `json:"used_at,omitempty"`
}

// stagedView is what is shown of credentials that the org does not use yet.
type stagedView struct {
	ClientID     string     `json:"client_id"`
	ClientSecret string     `json:"client_secret_fingerprint"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
}

func appViewOf(app apps.App) appView {
	v := appView{
		Name: app.Made.Name, ClientID: app.ClientID, ClientSecret: app.ClientSecret.Fingerprint(), LoginHost: &app.Host,
		OrgID: app.Made.OrgID, Scopes: app.Scopes, UsedAt: known(app.UsedAt),
	}
	if app.RedirectURI != "" {
		v.RedirectURIs = []string{app.RedirectURI}
	}
	if s := app.Staged; s != nil {
		v.Staged = &stagedView{ClientID: s.ClientID, ClientSecret: s.Secret.Fingerprint(), ExpiresAt: known(s.ExpiresAt)}
	}
	return v
}

func (e *Env) appList(ctx context.Context) error {
	file, err := e.appsFile(ctx)
	if err != nil {
		return err
	}
	list, err := file.List()
	if err != nil {
		return err
	}
	answer := appListAnswer{Apps: []appView{}}
	rows := make([][]string, 0, len(list))
	for _, app := range list {
		v := appViewOf(app)
		answer.Apps = append(answer.Apps, v)
		rows = append(rows, []string{v.Name, shortID(v.ClientID), strings.TrimPrefix(app.Host.String(), "https://"), v.OrgID, localTime(v.UsedAt)})
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	if len(rows) == 0 {
		e.Say("app.none", nil)
		return nil
	}
	_, err = fmt.Fprintln(e.Stdout, e.table(lines(e.Text("app.headers", nil)), rows))
	return err
}

// chosenApp finds the remembered app that is meant: by its name in the org, or by its consumer key. Without a word it is the
// only one. The Salesforce CLI's app is nobody's to look after.
func (e *Env) chosenApp(ctx context.Context, args []string) (apps.App, error) {
	file, err := e.appsFile(ctx)
	if err != nil {
		return apps.App{}, err
	}
	list, err := file.List()
	if err != nil {
		return apps.App{}, err
	}
	list = slices.DeleteFunc(list, func(a apps.App) bool { return a.ClientID == sftoken.PlatformCLI })
	var names []string
	for _, app := range list {
		names = append(names, cmp.Or(app.Made.Name, shortID(app.ClientID)))
		if len(args) > 0 && slices.Contains([]string{app.Made.Name, app.ClientID, shortID(app.ClientID)}, args[0]) {
			return app, nil
		}
	}
	if len(args) == 0 && len(list) == 1 {
		return list[0], nil
	}
	data := map[string]any{"app": first(args), "apps": joined(names)}
	if len(args) == 0 && len(list) > 1 {
		return apps.App{}, &localError{id: "app-needed", code: exitUsage, hints: true, data: data}
	}
	return apps.App{}, &localError{id: "app-unknown", code: exitUsage, hints: true, data: data}
}

// completeApps offers the names of remembered apps to a shell.
func (e *Env) completeApps(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	file, err := e.appsFile(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	list, _ := file.List()
	for _, app := range list {
		if app.Made.Name != "" {
			names = append(names, app.Made.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
