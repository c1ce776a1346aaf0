package cli

import (
	"context"
	"errors"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/store"
	"github.com/spf13/cobra"
)

// loginOptions are the flags of login and login start; what is not given comes from the settings, the remembered apps or
// the person.
type loginOptions struct {
	flowOptions
	host        string
	clientID    string
	secretFile  string
	secretStdin bool
	redirectURI string
	scopes      []string
	allowHosts  []string
	prompt      string
	loginHint   string
	browser     string
	noBrowser   bool
	timeout     time.Duration
	force       bool
	oneCommand  bool // the person logs in while the command waits
}

func newLoginCommand(env *Env) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login [alias]",
		Short: "Log in with the browser, or by another flow, and keep the refresh token",
		Long: `Log in to Salesforce with the browser, or by the flow that --flow names, and keep the refresh token under an alias.

What is not given is taken from SFTOKEN_* variables, the config file and the app of the last login, and then asked
for. The address to open is always printed too; the address that a browser ends at, on any machine, can be pasted
while the command waits.

A client secret never goes on the command line: it is asked for, or comes from a file, from stdin or from
SFTOKEN_CLIENT_SECRET.`,
		Example: `  sftoken login prod
  sftoken login dev --host acme--dev.sandbox --client-id 3MVG9… --client-secret-file secret.txt
  sftoken login --client-id PlatformCLI      # no app of your own: the Salesforce CLI's
  sftoken login prod --no-browser            # print the address, take the pasted answer
  sftoken login prod --force                 # renew a login that still works
  sftoken login ci --flow jwt-bearer --host acme --client-id 3MVG9… --key-file server.pem --username ci@acme.example
  sftoken login srv --flow device --host login --client-id 3MVG9…   # the browser may be anywhere`,
		Args:              atMostOne,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkFlow(cmd); err != nil {
				return err
			}
			return env.login(cmd.Context(), &o, first(args))
		},
	}
	o.addFlags(cmd)
	o.addDirectFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.browser, "browser", "", "command that opens the address (default BROWSER, then the desktop's)")
	flags.BoolVar(&o.noBrowser, "no-browser", false, "open no browser; print the address and wait")
	flags.DurationVar(&o.timeout, "timeout", 0, "how long to wait for the browser (default 3m0s)")
	env.addOnRotate(cmd)
	cmd.AddCommand(newLoginStartCommand(env), newLoginFinishCommand(env))
	return cmd
}

// addFlags adds what login and login start have in common.
func (o *loginOptions) addFlags(cmd *cobra.Command) {
	o.addAppFlags(cmd)
	o.addFlowFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.prompt, "prompt", "", "login, consent or select_account: what Salesforce asks again")
	flags.StringVar(&o.loginHint, "login-hint", "", "user name to fill in on the login page")
	flags.BoolVar(&o.force, "force", false, "log in even if the login still works")
	_ = cmd.RegisterFlagCompletionFunc("prompt", cobra.FixedCompletions(
		[]string{"login", "consent", "select_account"}, cobra.ShellCompDirectiveNoFileComp))
}

// addAppFlags adds the flags that say which app is meant.
func (o *loginOptions) addAppFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.host, "host", "", "login host: login, test, a My Domain name, or any address of the org")
	flags.StringVar(&o.clientID, "client-id", "", "the app's consumer key; PlatformCLI for the Salesforce CLI's app")
	flags.StringVar(&o.secretFile, "client-secret-file", "", "file that holds the app's consumer secret")
	flags.BoolVar(&o.secretStdin, "client-secret-stdin", false, "read the app's consumer secret from stdin")
	flags.StringVar(&o.redirectURI, "redirect-uri", "", "callback URL as registered in the app (default "+sftoken.DefaultRedirectURI+")")
	flags.StringSliceVar(&o.scopes, "scope", nil, "scopes to ask for (default \"api refresh_token\")")
	flags.StringSliceVar(&o.allowHosts, "allow-host", nil, "further host that may be logged in to and sent tokens")
	_ = cmd.MarkFlagFilename("client-secret-file")
}

func (e *Env) login(ctx context.Context, o *loginOptions, alias string) error {
	o.oneCommand = true
	plan, err := e.plan(ctx, o, alias)
	if err != nil || plan == nil {
		return err
	}
	defer plan.kept.Close()
	outcome, err := e.obtain(ctx, o, plan)
	if err != nil {
		e.offerDoctor(o, plan.app.App, err)
		return err
	}
	e.remember(ctx, plan)
	e.handOn(outcome.Grant)
	return e.tellLogin(plan, outcome)
}

// needPerson refuses to start what needs a person where there is none (C-75). A browser that is named, or the word that
// none is wanted, shows that somebody has thought of how the address gets to a person.
func (e *Env) needPerson(o *loginOptions, alias string) error {
	if !o.flow.Facts().Browser || e.Interactive() || o.noBrowser || !e.NoInput && (o.browser != "" || o.secretStdin && e.StderrTTY) {
		return nil
	}
	steps := *o
	if !throughRedirect(o.flow) {
		steps.flowName = "" // in two steps there are the flows that come to the redirect URI
	}
	return &localError{id: "login-needs-terminal", code: exitLogin, hints: true, data: map[string]any{
		"command": o.command("sftoken login", alias), "start": steps.command("sftoken login start --json", alias),
	}}
}

// command is the command line of these options, to be copied.
func (o *loginOptions) command(name, alias string) string {
	add := func(flag, value string) {
		if value != "" {
			name += " " + flag + " " + shellWord(value)
		}
	}
	if alias != "" {
		name += " " + shellWord(alias)
	}
	add("--flow", o.flowName)
	add("--host", o.host)
	add("--client-id", o.clientID)
	add("--client-secret-file", o.secretFile)
	add("--redirect-uri", o.redirectURI)
	for _, scope := range o.scopes {
		add("--scope", scope)
	}
	for _, host := range o.allowHosts {
		add("--allow-host", host)
	}
	return name
}

// plan is a login about to begin: all that was asked for is known and sound.
type plan struct {
	kept    *kept
	journey *login.Journey
	app     apps.App // as it is remembered
}

// plan settles alias and app, proves that the grant can be kept, and makes the attempt. Everything that can be wrong
// without the network is found here, before a browser opens. A nil plan without an error means that the login still works.
func (e *Env) plan(ctx context.Context, o *loginOptions, alias string) (_ *plan, err error) {
	look, err := e.lookKept(ctx)
	if err != nil {
		return nil, err
	}
	defer look.Close()
	alias, err = e.settleAlias(ctx, look, alias)
	if err != nil {
		return nil, err
	}
	existing, err := e.existing(ctx, look, o, alias)
	if err != nil {
		return nil, err
	}
	if o.oneCommand && o.flowName == "" && existing != nil && !throughRedirect(existing.Flow) {
		o.flow = existing.Flow // a login is renewed as it was made
	}
	if o.oneCommand {
		if err := e.needPerson(o, alias); err != nil {
			return nil, err
		}
	}
	if existing != nil && !o.force {
		alive, err := e.stillAlive(ctx, look, existing)
		if alive || err != nil {
			return nil, err
		}
	}
	app, err := e.settleApp(ctx, o, look, existing)
	if err != nil {
		return nil, err
	}
	if alias == "" {
		if alias, err = e.askAlias(ctx, look, app); err != nil {
			return nil, err
		}
	}
	if err := e.fillFlow(ctx, o, existing); err != nil {
		return nil, err
	}
	return e.begin(ctx, o, alias, app)
}

// begin opens the store for writing and makes the attempt.
func (e *Env) begin(ctx context.Context, o *loginOptions, alias string, app apps.App) (_ *plan, err error) {
	e.about = map[string]string{"alias": alias, "host": app.Host.String(), "redirect": app.RedirectURI}
	k, err := e.createKept(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	client := &sftoken.Client{
		App:   o.flowApp(app.App),
		HTTP:  e.http(),
		Hosts: sftoken.HostRules{Allow: app.AllowHosts},
		OnRedirect: func(from, to string) {
			e.Say("login.redirected", map[string]any{"from": from, "to": to})
		},
	}
	journey, err := o.journey(client, k.Store, alias)
	if err != nil {
		return nil, err
	}
	e.sayFlow(o.flow)
	if err := journey.Prove(ctx); err != nil {
		return nil, err
	}
	return &plan{kept: k, journey: journey, app: app}, nil
}

// settleAlias gives the alias that was named, or "" to ask for one once the app is known.
func (e *Env) settleAlias(ctx context.Context, k *kept, alias string) (string, error) {
	if alias == "" {
		settings, err := e.Config()
		if err != nil {
			return "", err
		}
		alias = settings.Alias
	}
	if alias == "" {
		return "", nil
	}
	return alias, store.ValidAlias(alias)
}

// existing returns the grant that has the alias, nil if there is none. Naming another app for it is a mistake that would
// cost a working login.
func (e *Env) existing(ctx context.Context, k *kept, o *loginOptions, alias string) (*store.Grant, error) {
	if alias == "" {
		return nil, nil
	}
	grant, err := k.Get(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if o.clientID != "" && o.clientID != grant.App.ClientID && grant.State != store.Dead {
		return nil, &localError{id: "alias-taken", code: exitUsage, hints: true, data: map[string]any{
			"alias": alias, "user": grant.Username, "client": grant.App.ClientID,
		}}
	}
	return grant, nil
}

// stillAlive refreshes the login, which alone proves it: somebody who runs login may do so because the access token that is
// kept here stopped working.
func (e *Env) stillAlive(ctx context.Context, k *kept, grant *store.Grant) (bool, error) {
	if grant.State == store.Dead || !grant.Renewable() {
		return false, nil
	}
	engine, done, err := e.engine(k)
	if err != nil {
		return false, err
	}
	defer done()
	access, err := engine.Refresh(ctx, grant.Alias)
	switch {
	case errors.Is(err, sftoken.ErrLoginRequired), errors.Is(err, sftoken.ErrBlocked):
		return false, nil
	case err != nil:
		return false, err
	case access.Warning != nil:
		return false, nil
	}
	if grant, err = k.Get(ctx, grant.Alias); err != nil {
		return false, err
	}
	if e.JSON {
		return true, e.WriteJSON(loginAnswer{grantView: viewOf(grant), place: k.where(), Already: true, HasRefreshToken: !grant.RefreshToken.IsZero()})
	}
	e.Say("login.alive", map[string]any{"alias": grant.Alias, "user": grant.Username, "org": grant.OrgID})
	return true, nil
}

// remember keeps the app for the next login. The login has worked, so a failure here is told and no more.
func (e *Env) remember(ctx context.Context, p *plan) {
	p.app.UsedAt = e.Now()
	if err := p.kept.apps().Remember(ctx, p.app); err != nil {
		e.Warn("login.not-remembered", map[string]any{"reason": err})
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
