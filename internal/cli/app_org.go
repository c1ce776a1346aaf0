package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/appsetup"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// orgFlags say whose login a command uses to look at an org's apps and to change them.
type orgFlags struct {
	using     string
	host      string
	keepAs    string
	browser   string
	noBrowser bool
	allow     []string
}

func (f *orgFlags) add(env *Env, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.using, "using", "", "alias of a login that may do this; without it one is made with the Salesforce CLI's app")
	flags.StringVar(&f.host, "host", "", "where to sign in: login, test, a My Domain name, or any address of the org")
	flags.StringVar(&f.keepAs, "keep-as", "", "keep that login under this alias; otherwise it is revoked at the end")
	flags.StringVar(&f.browser, "browser", "", "command that opens the address (default BROWSER, then the desktop's)")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "open no browser; print the address and wait")
	flags.StringSliceVar(&f.allow, "allow-host", nil, "further host that may be logged in to and sent tokens")
	_ = cmd.RegisterFlagCompletionFunc("using", func(cmd *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		return env.completeAliases(cmd, nil, text)
	})
}

// of signs in where an app is at home, unless the person says where.
func (f *orgFlags) of(app apps.App) *orgFlags {
	at := *f
	if at.host == "" && !app.Host.IsZero() {
		at.host, at.allow = app.Host.String(), words(f.allow, app.AllowHosts)
	}
	return &at
}

// admin is an org with the login of somebody who may manage its apps.
type admin struct {
	*appsetup.Org
	session *session
	grant   *store.Grant
	leave   func() // ends the login if it was made for this command only
}

// Close may be called twice.
func (a *admin) Close() {
	if a.session != nil {
		a.leave()
		a.session.Close()
		a.session = nil
	}
}

// signIn opens the org by the login of --using, or by one that it makes with the Salesforce CLI's app, which every org has.
func (e *Env) signIn(ctx context.Context, f *orgFlags) (*admin, error) {
	s, leave, err := e.adminSession(ctx, f)
	if err != nil {
		return nil, err
	}
	api, err := s.api(ctx, "")
	if err != nil {
		leave()
		s.Close()
		return nil, err
	}
	grant, err := s.grant(ctx)
	if err != nil {
		leave()
		s.Close()
		return nil, err
	}
	org := &appsetup.Org{API: api, Now: e.Now, Token: s.soapToken}
	return &admin{Org: org, session: s, grant: grant, leave: leave}, nil
}

// soapToken is the access token as appsetup wants it.
func (s *session) soapToken(ctx context.Context, rejected sftoken.Secret) (sftoken.Secret, error) {
	var access *refresh.Access
	var err error
	if rejected.IsZero() {
		access, err = s.token(ctx, 0)
	} else {
		access, err = s.engine.Reject(ctx, s.alias, rejected)
	}
	if err != nil {
		return sftoken.Secret{}, err
	}
	return access.Token, nil
}

func (e *Env) adminSession(ctx context.Context, f *orgFlags) (*session, func(), error) {
	if f.using != "" {
		if f.keepAs != "" {
			return nil, nil, &usageError{id: "not-both", data: map[string]any{"one": "--using", "other": "--keep-as"}, command: "sftoken app create"}
		}
		s, err := e.openSession(ctx, []string{f.using})
		return s, func() {}, err
	}
	o := &loginOptions{host: f.host, clientID: sftoken.PlatformCLI, browser: f.browser, noBrowser: f.noBrowser, allowHosts: f.allow, prompt: "login"}
	if err := e.needPerson(o, ""); err != nil {
		return nil, nil, &localError{id: "app-needs-login", code: exitLogin, hints: true}
	}
	settings, err := e.Config()
	if err != nil {
		return nil, nil, err
	}
	o.host, o.allowHosts = cmp.Or(f.host, settings.Host), words(f.allow, settings.AllowHosts)
	app := apps.App{App: sftoken.App{ClientID: sftoken.PlatformCLI, RedirectURI: sftoken.DefaultRedirectURI}, AllowHosts: o.allowHosts}
	if err := e.fillHost(ctx, o, &app); err != nil {
		return nil, nil, err
	}
	e.Say("app.sign-in", map[string]any{"host": app.Host.String()})
	if f.keepAs != "" {
		return e.keptAdmin(ctx, o, f.keepAs, app)
	}
	return e.passingAdmin(ctx, o, app)
}

// keptAdmin logs in as sftoken login does.
func (e *Env) keptAdmin(ctx context.Context, o *loginOptions, alias string, app apps.App) (*session, func(), error) {
	p, err := e.begin(ctx, o, alias, app)
	if err != nil {
		return nil, nil, err
	}
	outcome, err := e.travel(ctx, o, p)
	p.kept.Close()
	if err != nil {
		return nil, nil, err
	}
	e.Say("app.signed-in", map[string]any{"user": outcome.Grant.Username, "org": outcome.Grant.OrgID})
	s, err := e.openSession(ctx, []string{outcome.Grant.Alias})
	return s, func() {}, err
}

// passingAdmin logs in for this command alone: no refresh token is asked for, so that none of the five approvals is used up,
// nothing is written to disk, and the access token is revoked when leave is called.
func (e *Env) passingAdmin(ctx context.Context, o *loginOptions, app apps.App) (*session, func(), error) {
	at, err := e.location()
	if err != nil {
		return nil, nil, err
	}
	dir, err := e.dataDir(at)
	if err != nil {
		return nil, nil, err
	}
	app.Scopes = []string{"api"}
	k := &kept{Store: memory.New(), at: at, dir: dir}
	client := &sftoken.Client{App: app.App, Hosts: sftoken.HostRules{Allow: app.AllowHosts}, HTTP: e.http()}
	const alias = "administrator" // in memory only
	journey, err := login.Begin(client, k.Store, alias, sftoken.AuthorizeOptions{Prompt: o.prompt})
	if err != nil {
		return nil, nil, err
	}
	outcome, err := e.travel(ctx, o, &plan{kept: k, journey: journey, app: app})
	if err != nil {
		return nil, nil, err
	}
	e.Say("app.signed-in", map[string]any{"user": outcome.Grant.Username, "org": outcome.Grant.OrgID})
	engine, land, err := e.engine(k)
	if err != nil {
		return nil, nil, err
	}
	s := &session{env: e, alias: alias, kept: k, engine: engine, land: land}
	return s, func() { e.endPassing(ctx, s) }, nil
}

// endPassing revokes a login that was made for one command, even if the person has pressed Ctrl-C.
func (e *Env) endPassing(ctx context.Context, s *session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	grant, err := s.grant(ctx)
	if err == nil {
		_, err = e.revoke(ctx, grant)
	}
	if err != nil {
		e.Warn("app.not-revoked", map[string]any{"reason": err})
		return
	}
	e.Say("app.revoked", nil)
}

// appsFile opens the remembered apps for reading; there may be none.
func (e *Env) appsFile(ctx context.Context) (*apps.File, error) {
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	dir, err := e.dataDir(at)
	if err != nil {
		return nil, err
	}
	key, _, err := keys.Open(ctx, keys.Options{Dir: dir})
	if err != nil && !errors.Is(err, keys.ErrNoKey) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return apps.Open(dir, key), nil
}
