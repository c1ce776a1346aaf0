package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/imports"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/internal/stores"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

// importOptions are the flags of import; app has those that say what the source does not.
type importOptions struct {
	app     loginOptions
	from    string
	file    string
	user    string
	offline bool
	force   bool
}

func newImportCommand(env *Env) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import [alias]",
		Short: "Keep a refresh token that some other program has",
		Long: `Take over a login from a file, from stdin, or from where another program keeps its logins:

  auth-url   force://…, bare or in the JSON of sf org auth show-sfdx-auth-url --json
  json       an object with refresh_token, client_id, client_secret, login_url (also in camelCase)
  env        SF_REFRESH_TOKEN=…, SF_CLIENT_ID=… (also SALESFORCE_…), SFDX_AUTH_URL=force://…
  force      an account of ForceCLI, a file of ~/.force/accounts
  jsforce    the registry of jsforce, ~/.jsforce/config.json
  token      a refresh token and nothing else, with --client-id and --host
  sf         the Salesforce CLI's own logins

The format is recognised if --from does not name it, but for the last four of these. What is taken over is refreshed
once, which proves it; --offline leaves that out. Nothing secret goes on the command line.

Where the app rotates refresh tokens, that refresh takes the login away from the program that it came from, and the
next use there ends it for both. To share the Salesforce CLI's logins, import nothing: --store sf: uses them in place.`,
		Example: `  sf org auth show-sfdx-auth-url --target-org acme --json | sftoken import acme
  sftoken import prod --file .env
  sftoken import prod --from token --client-id 3MVG9… --host login   # asks for the refresh token
  sftoken import acme --from sf --user amelia@acme.example
  sftoken list --store sf:                                           # instead of a copy`,
		Args:              atMostOne,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.importLogin(cmd.Context(), &o, first(args))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.from, "from", "", "format: auth-url, json, env, force, jsforce, token or sf")
	flags.StringVar(&o.file, "file", "", "file to read (default: stdin, or where force or jsforce keep theirs)")
	flags.StringVar(&o.user, "user", "", "which login, where the source has several: its user name or its name there")
	flags.BoolVar(&o.offline, "offline", false, "ask Salesforce nothing; the first use will show whether it works")
	flags.BoolVar(&o.force, "force", false, "replace a login of this alias that works")
	flags.StringVar(&o.app.host, "host", "", "login host, if the source names none")
	flags.StringVar(&o.app.clientID, "client-id", "", "the app's consumer key, if the source names none")
	flags.StringVar(&o.app.secretFile, "client-secret-file", "", "file that holds the app's consumer secret")
	flags.StringSliceVar(&o.app.allowHosts, "allow-host", nil, "further host that may be sent tokens")
	_ = cmd.MarkFlagFilename("client-secret-file")
	_ = cmd.MarkFlagFilename("file")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(
		[]string{"auth-url", "json", "env", "force", "jsforce", "token", "sf"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (e *Env) importLogin(ctx context.Context, o *importOptions, alias string) error {
	found, err := e.importSource(ctx, o)
	if err != nil {
		return err
	}
	app, err := e.importApp(ctx, o, found)
	if err != nil {
		return err
	}
	k, err := e.createKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	if alias, err = e.settleAlias(ctx, k, alias); err == nil && alias == "" {
		alias, err = e.askAlias(ctx, k, app)
	}
	if err != nil {
		return err
	}
	e.about = map[string]string{"alias": alias, "host": app.Host.String()}
	grant := &store.Grant{
		Alias: alias, App: app.App, AllowHosts: app.AllowHosts, RefreshToken: found.RefreshToken,
		InstanceURL: found.InstanceURL, Username: found.Username, CreatedAt: e.Now(),
	}
	previous, err := e.importSave(ctx, k, grant, o.force)
	if err != nil {
		return err
	}
	if o.offline {
		return e.tellImport(k, grant, o, nil)
	}
	grant, warning, err := e.importProve(ctx, k, grant, previous)
	if err != nil {
		return err
	}
	p := &plan{kept: k, app: app}
	e.remember(ctx, p)
	return e.tellImport(k, grant, o, warning)
}

// importApp puts the app together: what the source says, else flags and settings, else the person.
func (e *Env) importApp(ctx context.Context, o *importOptions, found *imports.Login) (apps.App, error) {
	settings, err := e.Config()
	if err != nil {
		return apps.App{}, err
	}
	wish := o.app
	app := apps.App{App: found.App, AllowHosts: words(o.app.allowHosts, settings.AllowHosts)}
	if app.Host.IsZero() {
		wish.host = cmp.Or(wish.host, settings.Host)
	}
	if app.ClientID == "" {
		wish.clientID = cmp.Or(wish.clientID, settings.ClientID)
	}
	if err := e.fillHost(ctx, &wish, &app); err != nil {
		return app, err
	}
	if err := e.fillClientID(ctx, &wish, &app); err != nil {
		return app, err
	}
	secret, given, err := e.givenSecret(&wish)
	switch {
	case err != nil:
		return app, err
	case given:
		app.ClientSecret = secret
	case o.from == string(imports.Token) && app.ClientID != sftoken.PlatformCLI && e.Interactive():
		if app.ClientSecret, err = e.askSecret(ctx, app.ClientID); err != nil {
			return app, err
		}
	}
	return app, app.Validate()
}

// importSave keeps the login before anything is asked of Salesforce. Two grants of one refresh token would kill each other.
func (e *Env) importSave(ctx context.Context, k *kept, grant *store.Grant, force bool) (previous *store.Grant, err error) {
	for other, err := range k.List(ctx) {
		if err == nil && other.Alias != grant.Alias && other.RefreshToken.Equal(grant.RefreshToken) {
			return nil, &localError{id: "import-known", code: exitUsage, hints: true, data: map[string]any{"alias": other.Alias}}
		}
	}
	lease, err := k.Lease(ctx, grant.Alias)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	previous, err = lease.Load(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case previous.State != store.Dead && !force:
		return nil, &localError{id: "alias-exists", code: exitUsage, data: map[string]any{"alias": grant.Alias}}
	default:
		grant.Generation = previous.Generation
	}
	if err := lease.Probe(ctx); err != nil {
		return nil, err
	}
	return previous, lease.Save(ctx, grant)
}

// importProve refreshes the login, which alone proves it, and finds out whose it is. One that is dead is not kept, and what
// it replaced comes back; one that could not be asked about is kept, since its refresh token may be spent by now.
func (e *Env) importProve(ctx context.Context, k *kept, grant, previous *store.Grant) (_ *store.Grant, warning, err error) {
	engine, done, err := e.engine(k)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	access, err := engine.Refresh(ctx, grant.Alias)
	if errors.Is(err, sftoken.ErrLoginRequired) || errors.Is(err, sftoken.ErrBlocked) {
		return nil, nil, errors.Join(err, takeBack(context.WithoutCancel(ctx), k, grant.Alias, previous))
	}
	if err != nil {
		e.Warn("import.unproven", map[string]any{"alias": grant.Alias})
		return nil, nil, err
	}
	if grant, err = k.Get(ctx, grant.Alias); err != nil {
		return nil, nil, err
	}
	client := e.client(grant)
	warning = login.Identify(ctx, client, &sftoken.Token{
		AccessToken: access.Token, InstanceURL: grant.InstanceURL, IdentityURL: grant.IdentityURL,
	}, grant)
	return grant, warning, saveIdentity(ctx, k, grant)
}

// saveIdentity saves what was found out of the user, unless the login was refreshed again meanwhile: then into that.
func saveIdentity(ctx context.Context, k *kept, known *store.Grant) error {
	lease, err := k.Lease(ctx, known.Alias)
	if err != nil {
		return err
	}
	defer lease.Release()
	g, err := lease.Load(ctx)
	if err != nil {
		return err
	}
	g.OrgID, g.UserID, g.Username, g.DisplayName, g.Email = known.OrgID, known.UserID, known.Username, known.DisplayName, known.Email
	if err := lease.Save(ctx, g); err != nil {
		return err
	}
	*known = *g
	return nil
}

// takeBack undoes the import of a dead login.
func takeBack(ctx context.Context, k *kept, alias string, previous *store.Grant) error {
	lease, err := k.Lease(ctx, alias)
	if err != nil {
		return err
	}
	defer lease.Release()
	g, err := lease.Load(ctx)
	switch {
	case err != nil || g.State != store.Dead:
		return err
	case previous == nil:
		return lease.Delete(ctx)
	}
	previous.Generation = g.Generation
	return lease.Save(ctx, previous)
}

// importAnswer is what import says with --json.
type importAnswer struct {
	grantView
	place
	Proven   bool     `json:"proven"` // Salesforce took the refresh token
	Warnings []string `json:"warnings,omitempty"`
}

func (e *Env) tellImport(k *kept, g *store.Grant, o *importOptions, warning error) error {
	if e.JSON {
		answer := importAnswer{grantView: viewOf(g), place: k.where(), Proven: !o.offline}
		if warning != nil {
			answer.Warnings = append(answer.Warnings, warning.Error())
		}
		return e.WriteJSON(answer)
	}
	if o.offline {
		e.Say("import.offline", map[string]any{"alias": g.Alias, "client": shortID(g.App.ClientID), "host": g.App.Host.String()})
	} else {
		e.Say("import.done", map[string]any{"alias": g.Alias, "user": withNote(g.Username, g.DisplayName), "org": g.OrgID, "instance": g.InstanceURL})
	}
	if warning != nil {
		e.Warn("done.warning", map[string]any{"reason": warning})
	}
	e.Say("done.kept", map[string]any{"place": e.keptIn(k), "key": e.keyIn(k)})
	switch {
	case g.Rotates:
		e.Warn("import.rotates", nil)
	case o.offline:
		e.Warn("import.may-rotate", nil)
	}
	if o.from == string(stores.SF) {
		e.Warn("import.sf", nil)
	}
	e.Say("done.next", map[string]any{"alias": g.Alias})
	return nil
}
