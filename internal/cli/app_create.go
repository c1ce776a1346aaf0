package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/appsetup"
)

// createFlags are the flags of app create beside those of the app and of the org.
type createFlags struct {
	app appFlags
	org orgFlags

	alias     string
	noLogin   bool
	update    bool
	checkOnly bool
	dryRun    bool
	timeout   time.Duration
	wait      time.Duration
}

func newAppCreateCommand(env *Env) *cobra.Command {
	var f createFlags
	cmd := &cobra.Command{
		Use:   "create [name]",
		Short: "Make the app in an org, and log in with it",
		Long: `Make an external client app in an org, wait until Salesforce knows it, remember its consumer key, and log in with it.

It is deployed with the login of an administrator: one that is kept here (--using), or one that is made for this with the
Salesforce CLI's app and revoked at the end (--keep-as keeps it). The app is a public client with PKCE, rotation and a
limit of 30 idle days for refresh tokens, unless the flags say otherwise.

An app of the same name is left alone, unless --update says to bring it to these settings.`,
		Example: `  sftoken app create                          # asks for what it needs
  sftoken app create --host acme --alias prod
  sftoken app create nightly --using admin --confidential --no-login
  sftoken app create --using admin --check-only       # would the org take it?
  sftoken app create --dry-run                        # what would be deployed`,
		Args:              atMostOne,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.appCreate(cmd.Context(), &f, appName(args))
		},
	}
	f.app.add(cmd)
	f.org.add(env, cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.alias, "alias", "", "what to call the login with the new app")
	flags.BoolVar(&f.noLogin, "no-login", false, "make and remember the app only")
	flags.BoolVar(&f.update, "update", false, "if the org has an app of that name, bring it to these settings")
	flags.BoolVar(&f.checkOnly, "check-only", false, "let the org check the app, and change nothing")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be deployed, and ask nobody")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long the deployment may take")
	flags.DurationVar(&f.wait, "wait", 30*time.Minute, "how long to wait until Salesforce knows the app")
	return cmd
}

// appCreateAnswer is what is said with --json: no secret among it.
type appCreateAnswer struct {
	appView
	DeploymentID string       `json:"deployment_id,omitempty"`
	CheckOnly    bool         `json:"check_only,omitempty"` // nothing was changed
	Ready        bool         `json:"ready"`                // Salesforce takes logins with it
	Login        *loginAnswer `json:"login,omitempty"`
	Next         string       `json:"next,omitempty"` // the command that comes next, if no login was made
}

type appDryRunAnswer struct {
	Files []appFileView `json:"files"`
}

type appFileView struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

func (e *Env) appCreate(ctx context.Context, f *createFlags, name string) error {
	config, err := e.Config()
	if err != nil {
		return err
	}
	f.app.withDefaults(config)
	s, err := f.app.settings(name)
	if err != nil {
		return err
	}
	// Whose address it is can be known only after signing in; everything else is checked before.
	early := s
	early.ContactEmail = cmp.Or(s.ContactEmail, "somebody@example.com")
	if err := early.Validate(); err != nil {
		return err
	}
	if f.dryRun {
		return e.appDryRun(early, s.ContactEmail == "")
	}
	for _, id := range s.Warnings() {
		e.Warn("app.warn-"+id, nil)
	}
	if err := e.freeForLogin(ctx, f); err != nil {
		return err
	}
	a, err := e.signIn(ctx, &f.org)
	if err != nil {
		return err
	}
	defer a.Close()
	e.about = map[string]string{"app": name, "alias": cmp.Or(f.alias, "prod")}
	s.ContactEmail = cmp.Or(s.ContactEmail, a.grant.Email)
	if err := s.Validate(); err != nil {
		return err
	}
	return e.makeApp(ctx, f, a, s.Filled())
}

// freeForLogin refuses an alias that is taken before anything is made. A login follows only where a person can make it.
func (e *Env) freeForLogin(ctx context.Context, f *createFlags) error {
	if !f.noLogin && !f.checkOnly && !e.Interactive() && f.org.browser == "" && !f.org.noBrowser {
		f.noLogin = true
		e.Say("app.no-login", nil)
	}
	if f.noLogin || f.checkOnly {
		return nil
	}
	k, err := e.lookKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	taken, err := k.Aliases(ctx)
	if err != nil {
		return err
	}
	if f.alias == "" && !e.Interactive() {
		f.alias = freeAlias("prod", taken)
	}
	if slices.Contains(taken, f.alias) {
		return &localError{id: "alias-exists", code: exitUsage, data: map[string]any{"alias": f.alias}}
	}
	return nil
}

func (e *Env) appDryRun(s appsetup.Settings, contactOpen bool) error {
	files := s.Package()
	if contactOpen {
		e.Say("app.contact-open", nil)
	}
	if e.JSON {
		return e.WriteJSON(appDryRunAnswer{Files: fileViews(files)})
	}
	for _, file := range files {
		if _, err := fmt.Fprintf(e.Stdout, "=== %s\n%s\n", file.Path, file.Content); err != nil {
			return err
		}
	}
	return nil
}

func fileViews(files []appsetup.File) []appFileView {
	views := make([]appFileView, 0, len(files))
	for _, file := range files {
		views = append(views, appFileView{Path: file.Path, Content: string(file.Content)})
	}
	return views
}

// makeApp deploys, remembers and logs in.
func (e *Env) makeApp(ctx context.Context, f *createFlags, a *admin, s appsetup.Settings) error {
	if !f.update {
		if err := a.Free(ctx, s.Name); err != nil {
			return err
		}
	}
	deployed, err := e.deployApp(ctx, f, a, s)
	if err != nil {
		return err
	}
	answer := appCreateAnswer{DeploymentID: deployed.ID, CheckOnly: f.checkOnly}
	if f.checkOnly {
		answer.appView = appView{Name: s.Name, OrgID: a.grant.OrgID, RedirectURIs: s.RedirectURIs, Scopes: s.Scopes}
		e.Say("app.checked", map[string]any{"app": s.Name, "org": a.grant.OrgID})
		return e.answerCreate(answer)
	}
	e.Say("app.deployed", map[string]any{"app": s.Name, "org": a.grant.OrgID})
	app, noSecret, err := e.learnApp(ctx, a, s, deployed)
	if err != nil {
		return err
	}
	answer.appView = appViewOf(app)
	answer.RedirectURIs = s.RedirectURIs
	if err := e.rememberApp(ctx, app); err != nil {
		return err
	}
	e.Say("app.key", map[string]any{"app": s.Name, "client": app.ClientID})
	answer.Next = loginCommand(f.alias, app)
	if noSecret != nil {
		return noSecret
	}
	if err := e.awaitApp(ctx, f.wait, app); err != nil {
		return err
	}
	answer.Ready = true
	a.Close() // before the next login: its end is told where it belongs
	if f.noLogin {
		e.Say("app.next", map[string]any{"command": answer.Next})
		return e.answerCreate(answer)
	}
	return e.loginWithApp(ctx, f, app, answer)
}

func (e *Env) answerCreate(answer appCreateAnswer) error {
	if e.JSON {
		return e.WriteJSON(answer)
	}
	return nil
}

func (e *Env) deployApp(ctx context.Context, f *createFlags, a *admin, s appsetup.Settings) (*appsetup.Deployed, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	e.Say("app.deploying", map[string]any{"app": s.Name, "user": a.grant.Username})
	said := ""
	return a.Deploy(ctx, s, appsetup.DeployOptions{CheckOnly: f.checkOnly, OnProgress: func(p appsetup.Progress) {
		line := e.Text("app.progress", map[string]any{"status": p.Status, "done": p.Done, "total": p.Total})
		if p.Lost != nil {
			line = e.Text("app.lost", map[string]any{"reason": p.Lost})
		}
		if line != said {
			fmt.Fprintln(e.Stderr, line)
		}
		said = line
	}})
}

// learnApp reads back what only the org knows. noSecret says that the secret has to come by another way.
func (e *Env) learnApp(ctx context.Context, a *admin, s appsetup.Settings, d *appsetup.Deployed) (app apps.App, noSecret, err error) {
	consumer, err := a.Key(ctx, s.Name, d.AppID)
	if err != nil {
		return app, nil, err
	}
	// An app that is local to its org is known at the org's own host only.
	rules := sftoken.HostRules{Allow: a.grant.AllowHosts}
	host, err := rules.Parse(a.grant.InstanceURL)
	if err != nil {
		return app, nil, err
	}
	app = apps.App{
		App:        sftoken.App{ClientID: consumer.Key, Host: host, RedirectURI: s.RedirectURIs[0], Scopes: s.Scopes},
		AllowHosts: a.grant.AllowHosts,
		Made:       apps.Made{Name: s.Name, OrgID: a.grant.OrgID, AppID: cmp.Or(consumer.AppID, d.AppID)},
	}
	if !s.Confidential {
		return app, nil, nil
	}
	app.ClientSecret, noSecret = a.Secret(ctx, s.Name, consumer)
	if noSecret == nil || !e.Interactive() {
		return app, noSecret, nil
	}
	e.tell(noSecret)
	app.ClientSecret, err = e.askSecret(ctx, app.ClientID)
	return app, nil, err
}

// rememberApp keeps the app for logins, and sets the data directory up for that if it is the first thing to be kept.
func (e *Env) rememberApp(ctx context.Context, app apps.App) error {
	k, err := e.createKept(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	app.UsedAt = e.Now()
	return k.apps().Remember(ctx, app)
}

// awaitApp waits until the login host knows the app.
func (e *Env) awaitApp(ctx context.Context, wait time.Duration, app apps.App) error {
	client := &sftoken.Client{App: app.App, Hosts: sftoken.HostRules{Allow: app.AllowHosts}}
	attempt, err := client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	asking := e.http()
	if asking == nil {
		asking = sftoken.DefaultHTTP()
	}
	told := false
	return appsetup.Ready(ctx, asking, attempt.URL, func(err error) {
		if !told {
			e.Say("app.spreading", map[string]any{"host": app.Host.String(), "wait": wait, "reason": err})
		}
		told = true
	})
}

// loginWithApp is sftoken login with the new app.
func (e *Env) loginWithApp(ctx context.Context, f *createFlags, app apps.App, answer appCreateAnswer) error {
	o := &loginOptions{
		host: app.Host.String(), clientID: app.ClientID, redirectURI: app.RedirectURI, scopes: app.Scopes,
		browser: f.org.browser, noBrowser: f.org.noBrowser, allowHosts: app.AllowHosts,
	}
	p, err := e.plan(ctx, o, f.alias)
	if err != nil {
		return err
	}
	if p == nil { // a login of the app's that still works: --update
		return nil
	}
	defer p.kept.Close()
	outcome, err := e.travel(ctx, o, p)
	if err != nil {
		return err
	}
	e.remember(ctx, p)
	if !e.JSON {
		return e.tellLogin(p, outcome)
	}
	made := answerOf(p, outcome)
	answer.Login, answer.Next = &made, ""
	return e.WriteJSON(answer)
}

// loginCommand is the login with an app as a command to copy.
func loginCommand(alias string, app apps.App) string {
	o := &loginOptions{host: app.Host.String(), clientID: app.ClientID, redirectURI: app.RedirectURI, scopes: app.Scopes}
	if slices.Equal(app.Scopes, sftoken.DefaultScopes()) {
		o.scopes = nil
	}
	if app.RedirectURI == sftoken.DefaultRedirectURI {
		o.redirectURI = ""
	}
	return o.command("sftoken login", cmp.Or(alias, "prod"))
}
