package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/appsetup"
)

func newAppShowCommand(env *Env) *cobra.Command {
	var using string
	cmd := &cobra.Command{
		Use:   "show [name]",
		Short: "Show what is remembered of an app, and with --using what its org has",
		Example: `  sftoken app show
  sftoken app show sftoken --using admin`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeApps,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.appShow(cmd.Context(), using, args)
		},
	}
	cmd.Flags().StringVar(&using, "using", "", "alias of a login that may read the org's metadata")
	return cmd
}

type appShowAnswer struct {
	appView
	Logins []string     `json:"logins"`           // aliases that use it
	InOrg  *appInOrgRow `json:"in_org,omitempty"` // with --using
}

// appInOrgRow is the app as the org has it.
type appInOrgRow struct {
	Name             string   `json:"name"`
	Label            string   `json:"label,omitempty"`
	Enabled          bool     `json:"enabled"`
	ConsumerKey      string   `json:"consumer_key,omitempty"`
	RedirectURIs     []string `json:"redirect_uris"`
	Scopes           []string `json:"scopes"`
	PKCE             bool     `json:"pkce"`
	Rotation         bool     `json:"rotation"`
	SecretForLogin   bool     `json:"secret_for_login"`
	SecretForRefresh bool     `json:"secret_for_refresh"`
	RefreshPolicy    string   `json:"refresh_policy"`
	AdminApproved    bool     `json:"admin_approved"`
	IPRelaxation     string   `json:"ip_relaxation,omitempty"`
	Device           bool     `json:"device"`
	ClientCreds      bool     `json:"client_credentials"`
	RunAs            string   `json:"run_as,omitempty"`
}

func inOrg(c *appsetup.Current) *appInOrgRow {
	row := &appInOrgRow{
		Name: c.Name, Label: c.Label, Enabled: c.Enabled, ConsumerKey: c.ConsumerKey, RedirectURIs: c.RedirectURIs, Scopes: c.Scopes,
		PKCE: c.PKCE, Rotation: c.Rotation, SecretForLogin: c.SecretForLogin, SecretForRefresh: c.SecretForRefresh,
		RefreshPolicy: c.RefreshPolicy.String(), AdminApproved: c.AdminApproved, IPRelaxation: c.IPRelaxation,
		Device: c.Device, ClientCreds: c.ClientCredentials, RunAs: c.RunAs,
	}
	if c.RefreshNever {
		row.RefreshPolicy = "zero"
	}
	if c.PoliciesUnknown {
		row.RefreshPolicy = ""
	}
	return row
}

func (e *Env) appShow(ctx context.Context, using string, args []string) error {
	app, err := e.chosenApp(ctx, args)
	if err != nil && (using == "" || len(args) == 0) {
		return err
	}
	answer := appShowAnswer{Logins: []string{}}
	if err == nil {
		answer.appView = appViewOf(app)
		if answer.Logins, err = e.loginsOf(ctx, app.ClientID); err != nil {
			return err
		}
	}
	if using != "" {
		current, err := e.currentApp(ctx, &orgFlags{using: using}, app, args)
		if err != nil {
			return err
		}
		answer.InOrg = inOrg(current)
	}
	if e.JSON {
		return e.WriteJSON(answer)
	}
	return e.writeApp(answer)
}

// currentApp reads an app from its org, by the name that is remembered or else the one that was given.
func (e *Env) currentApp(ctx context.Context, f *orgFlags, app apps.App, args []string) (*appsetup.Current, error) {
	name := app.Made.Name
	if name == "" {
		name = appName(args)
	}
	a, err := e.signIn(ctx, f.of(app))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	e.about = map[string]string{"app": name}
	return sameOrg(ctx, a, app, name)
}

// sameOrg reads an app, unless the login leads to another org than the app's.
func sameOrg(ctx context.Context, a *admin, app apps.App, name string) (*appsetup.Current, error) {
	if org := app.Made.OrgID; org != "" && !sftoken.SameID(org, a.grant.OrgID) {
		return nil, &localError{id: "app-other-org", code: exitUsage, data: map[string]any{"app": name, "org": org, "other": a.grant.OrgID}}
	}
	return a.Current(ctx, name)
}

// loginsOf lists the aliases of the logins that were made with an app.
func (e *Env) loginsOf(ctx context.Context, clientID string) ([]string, error) {
	k, err := e.lookKept(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	aliases := []string{}
	for grant, err := range k.List(ctx) {
		if err == nil && grant.App.ClientID == clientID { // one that cannot be read is told of by sftoken list
			aliases = append(aliases, grant.Alias)
		}
	}
	return aliases, nil
}

func (e *Env) writeApp(a appShowAnswer) error {
	var rows [][2]string
	row := func(id, value string) {
		if value != "" {
			rows = append(rows, [2]string{e.Text("app.row-"+id, nil), value})
		}
	}
	yes := func(b bool) string { return e.Text("app."+strconv.FormatBool(b), nil) }
	row("name", a.Name)
	row("client-id", a.ClientID)
	if a.ClientSecret != "" {
		row("client-secret", e.Text("show.fingerprint", map[string]any{"fingerprint": a.ClientSecret}))
	}
	if a.LoginHost != nil {
		row("host", a.LoginHost.String())
	}
	row("org", a.OrgID)
	row("redirect", strings.Join(a.RedirectURIs, " "))
	row("scopes", strings.Join(a.Scopes, " "))
	row("logins", joined(a.Logins))
	if s := a.Staged; s != nil {
		row("staged", withNote(shortID(s.ClientID), localTime(s.ExpiresAt)))
	}
	if o := a.InOrg; o != nil {
		row("in-org", withNote(o.Name, o.Label))
		row("enabled", yes(o.Enabled))
		row("consumer-key", o.ConsumerKey)
		row("callbacks", strings.Join(o.RedirectURIs, " "))
		row("app-scopes", strings.Join(o.Scopes, " "))
		row("pkce", yes(o.PKCE))
		row("rotation", yes(o.Rotation))
		row("secret-login", yes(o.SecretForLogin))
		row("secret-refresh", yes(o.SecretForRefresh))
		row("refresh-policy", o.RefreshPolicy)
		row("admin-approved", yes(o.AdminApproved))
		row("ip", o.IPRelaxation)
		row("device", yes(o.Device))
		row("client-credentials", withNote(yes(o.ClientCreds), o.RunAs))
	}
	return e.writeFacts(rows)
}
