package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/store"
)

// settleApp finds the app of a login. Each part comes from a flag, else a setting, else the app of the grant that is being
// renewed or of an earlier login, else the person.
func (e *Env) settleApp(ctx context.Context, o *loginOptions, k *kept, existing *store.Grant) (apps.App, error) {
	settings, err := e.Config()
	if err != nil {
		return apps.App{}, err
	}
	wish := *o
	wish.host = cmp.Or(o.host, settings.Host)
	wish.clientID = cmp.Or(o.clientID, settings.ClientID)
	wish.redirectURI = cmp.Or(o.redirectURI, settings.RedirectURI)
	wish.scopes = words(o.scopes, settings.Scopes)
	wish.allowHosts = words(o.allowHosts, settings.AllowHosts)

	known, err := e.knownApp(ctx, &wish, k, existing)
	if err != nil {
		return apps.App{}, err
	}
	app, err := e.fillApp(ctx, &wish, known)
	if err != nil {
		return apps.App{}, err
	}
	return app, o.flow.Validate(o.flowApp(app.App))
}

// knownApp finds the earlier app that the wish is about; nil if there is none.
func (e *Env) knownApp(ctx context.Context, wish *loginOptions, k *kept, existing *store.Grant) (*apps.App, error) {
	if existing != nil && (wish.clientID == "" || wish.clientID == existing.App.ClientID) {
		return &apps.App{App: existing.App, AllowHosts: existing.AllowHosts}, nil
	}
	list, err := k.apps().List()
	if err != nil {
		return nil, err
	}
	host, _ := sftoken.HostRules{Allow: wish.allowHosts}.Parse(wish.host)
	list = slices.DeleteFunc(list, func(a apps.App) bool {
		return wish.clientID != "" && a.ClientID != wish.clientID || wish.clientID == "" && !host.IsZero() && a.Host != host
	})
	// The same app may be used at several login hosts: one record for this host is better than the last used.
	if i := slices.IndexFunc(list, func(a apps.App) bool { return a.Host == host }); i >= 0 {
		return &list[i], nil
	}
	switch {
	case len(list) == 0:
		return nil, nil
	case len(list) == 1 || wish.clientID != "":
		return &list[0], nil
	case !e.Interactive():
		return nil, nil // the next step says what is missing
	}
	names := make([]string, 0, len(list)+1)
	for _, a := range list {
		names = append(names, fmt.Sprintf("%s  %s", shortID(a.ClientID), a.Host))
	}
	picked, err := e.choose(ctx, "app", append(names, e.Text("ask.app-other", nil)))
	if err != nil || picked == len(list) {
		return nil, err
	}
	return &list[picked], nil
}

// fillApp puts the app together, and asks for what nobody has said.
func (e *Env) fillApp(ctx context.Context, wish *loginOptions, known *apps.App) (apps.App, error) {
	app := apps.App{}
	if known != nil {
		app = *known
		if wish.clientID == "" {
			e.sayRemembered(app, wish)
		}
	}
	app.AllowHosts = words(wish.allowHosts, app.AllowHosts)
	app.Scopes = words(wish.scopes, app.Scopes)
	app.RedirectURI = cmp.Or(wish.redirectURI, app.RedirectURI)
	if wish.needs(sftoken.NeedRedirectURI) {
		app.RedirectURI = cmp.Or(app.RedirectURI, sftoken.DefaultRedirectURI)
	}

	if err := e.fillHost(ctx, wish, &app); err != nil {
		return app, err
	}
	if err := e.fillClientID(ctx, wish, &app); err != nil {
		return app, err
	}
	return app, e.fillProof(ctx, wish, known == nil, &app.App)
}

// fillProof gives the app what it authenticates by: a private key if one was named, else a secret.
func (e *Env) fillProof(ctx context.Context, wish *loginOptions, unknown bool, app *sftoken.App) (err error) {
	if wish.keyFile != "" || wish.needs(sftoken.NeedPrivateKey) {
		return e.fillKey(ctx, wish, app)
	}
	if !wish.takes("client-secret-file") {
		return nil
	}
	secret, given, err := e.givenSecret(wish)
	needed := wish.needs(sftoken.NeedClientSecret) && app.IsPublic()
	switch {
	case err != nil:
		return err
	case given:
		app.ClientSecret = secret
	case (needed || unknown && app.ClientID != sftoken.PlatformCLI) && e.Interactive():
		app.ClientSecret, err = e.askSecret(ctx, app.ClientID)
	case needed:
		return missing("--client-secret-file", "SFTOKEN_CLIENT_SECRET")
	}
	return err
}

func (e *Env) fillHost(ctx context.Context, wish *loginOptions, app *apps.App) (err error) {
	rules := sftoken.HostRules{Allow: app.AllowHosts}
	text := wish.host
	if text == "" && !app.Host.IsZero() {
		return nil
	}
	if text == "" {
		if !e.Interactive() {
			return missing("--host", "SFTOKEN_HOST")
		}
		text, err = e.ask(ctx, question{id: "host", preset: "login.salesforce.com", validate: func(text string) error {
			_, err := rules.Parse(text)
			return err
		}})
		if err != nil {
			return err
		}
	}
	app.Host, err = rules.Parse(text)
	return err
}

func (e *Env) fillClientID(ctx context.Context, wish *loginOptions, app *apps.App) (err error) {
	switch {
	case wish.clientID != "":
		app.ClientID = wish.clientID
	case app.ClientID != "":
	case wish.flow == sftoken.FlowSAMLAssertion:
		app.ClientID = sftoken.PlatformCLI // not sent: the flow needs no app, and this one is in every org
	case !e.Interactive():
		return missing("--client-id", "SFTOKEN_CLIENT_ID")
	default:
		app.ClientID, err = e.ask(ctx, question{id: "client-id", preset: sftoken.PlatformCLI, validate: func(text string) error {
			return sftoken.App{ClientID: text, Host: app.Host}.Validate()
		}})
	}
	return err
}

// givenSecret reads a client secret that was given without asking. Never from an argument: everybody on the machine can
// read those (C-70).
func (e *Env) givenSecret(wish *loginOptions) (secret sftoken.Secret, given bool, err error) {
	switch {
	case wish.secretStdin:
		content, err := io.ReadAll(io.LimitReader(e.Stdin, 4096))
		if err != nil {
			return secret, false, fmt.Errorf("read client secret from stdin: %w", err)
		}
		secret = sftoken.NewSecret(strings.TrimSpace(string(content)))
		if secret.IsZero() {
			return secret, false, &localError{id: "secret-empty", code: exitUsage, data: map[string]any{"source": "stdin"}}
		}
		return secret, true, nil
	case wish.secretFile != "":
		content, err := os.ReadFile(wish.secretFile)
		if err != nil {
			return secret, false, &localError{id: "secret-unreadable", code: exitUsage, err: err}
		}
		secret = sftoken.NewSecret(strings.TrimSpace(string(content)))
		if secret.IsZero() {
			return secret, false, &localError{id: "secret-empty", code: exitUsage, data: map[string]any{"source": wish.secretFile}}
		}
		return secret, true, nil
	}
	if value := e.Getenv("SFTOKEN_CLIENT_SECRET"); value != "" {
		e.Say("login.secret-from-environment", nil)
		_ = os.Unsetenv("SFTOKEN_CLIENT_SECRET") // the browser and hooks would inherit it (C-70)
		return sftoken.NewSecret(value), true, nil
	}
	return secret, false, nil
}

func (e *Env) askSecret(ctx context.Context, clientID string) (sftoken.Secret, error) {
	text, err := e.ask(ctx, question{id: "client-secret", hidden: true, validate: func(text string) error {
		err := sftoken.App{ClientID: clientID, ClientSecret: sftoken.NewSecret(text), Host: anyHost()}.Validate()
		return err
	}})
	return sftoken.NewSecret(text), err
}

// anyHost stands in where only another part of an app is checked.
func anyHost() sftoken.Host {
	host, _ := sftoken.ParseHost("login.salesforce.com")
	return host
}

// askAlias asks what to call the login.
func (e *Env) askAlias(ctx context.Context, k *kept, app apps.App) (string, error) {
	taken, err := k.Aliases(ctx)
	if err != nil {
		return "", err
	}
	if !e.Interactive() {
		return "", missing("ALIAS", "SFTOKEN_ALIAS")
	}
	preset := freeAlias(suggestAlias(app.Host), taken)
	return e.ask(ctx, question{id: "alias", preset: preset, validate: func(text string) error {
		if err := store.ValidAlias(text); err != nil {
			return err
		}
		if slices.Contains(taken, text) {
			return &localError{id: "alias-exists", code: exitUsage, data: map[string]any{"alias": text}}
		}
		return nil
	}})
}

// suggestAlias names a login after its host: "acme" for acme.my.salesforce.com, "prod" and "test" for the pools.
func suggestAlias(host sftoken.Host) string {
	name := strings.TrimPrefix(strings.TrimPrefix(host.String(), "https://"), "http://")
	label, _, _ := strings.Cut(name, ".")
	switch {
	case host.IsPool() && label == "login":
		return "prod"
	case host.IsLoopback():
		return "local"
	case store.ValidAlias(label) != nil:
		return "default"
	}
	return label
}

func freeAlias(name string, taken []string) string {
	free := name
	for n := 2; slices.Contains(taken, free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

func (e *Env) sayRemembered(app apps.App, wish *loginOptions) {
	host := app.Host.String()
	if wish.host != "" {
		host = wish.host
	}
	e.Say("login.remembered-app", map[string]any{"client": shortID(app.ClientID), "host": host})
}

// shortID shows enough of a consumer key to know it by.
func shortID(id string) string {
	if len(id) <= 24 {
		return id
	}
	return id[:12] + "…" + id[len(id)-6:]
}

func missing(flag, variable string) error {
	return &localError{id: "setting-missing", code: exitUsage, hints: true, data: map[string]any{"flag": flag, "variable": variable}}
}

// words gives the first list that says anything, with entries that hold several words split.
func words(lists ...[]string) []string {
	for _, list := range lists {
		if len(list) > 0 {
			return config.Words(strings.Join(list, " "))
		}
	}
	return nil
}
