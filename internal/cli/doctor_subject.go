package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/browser"
	"github.com/sftoken/sftoken/internal/doctor"
	"github.com/sftoken/sftoken/internal/inspect"
	"github.com/sftoken/sftoken/store"
)

// patient is a subject with what has to be closed after it was examined.
type patient struct {
	subject *doctor.Subject
	close   func()
}

// patient gathers what is known. What cannot be had is a finding later; only a name that nobody has is an error.
func (e *Env) patient(ctx context.Context, o *doctorOptions, args []string) (_ *patient, err error) {
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	target, k, err := e.inspectTarget(ctx, at)
	if err != nil {
		return nil, err
	}
	p := &patient{subject: &doctor.Subject{Now: e.Now(), Transport: e.traced(doctor.NewTransport())}, close: func() {}}
	if k.Store != nil {
		p.close = func() { k.Close() }
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.subject.Kept, err = inspect.Run(ctx, target); err != nil {
		return nil, err
	}
	alias, seen, err := e.doctorArgs(ctx, k, args)
	if err != nil {
		return nil, err
	}
	if err := e.doctorGrant(ctx, o, p, k, alias, seen != ""); err != nil {
		return nil, err
	}
	if err := e.doctorApp(ctx, o, p.subject, k, seen); err != nil {
		return nil, err
	}
	p.subject.Environment = e.doctorEnvironment(p.subject.App.Host)
	e.about = map[string]string{"alias": alias, "host": p.subject.App.Host.String(), "redirect": p.subject.App.RedirectURI}
	if p.subject.Grant != nil {
		e.about["alias"] = p.subject.Grant.Alias
	}
	return p, nil
}

// doctorArgs tells the alias from what the person saw.
func (e *Env) doctorArgs(ctx context.Context, k *kept, args []string) (alias, seen string, err error) {
	var aliases []string
	if k.Store != nil {
		aliases, _ = k.Aliases(ctx) // that they cannot be listed is a finding
	}
	for _, arg := range args {
		switch {
		case arg == "-":
			if seen, err = e.readUnexplained(ctx, nil); err != nil {
				return "", "", err
			}
		case slices.Contains(aliases, arg), store.ValidAlias(arg) == nil && explain.Text(arg, "") == nil:
			alias = arg
		default:
			seen = arg
		}
	}
	return alias, seen, nil
}

// doctorGrant finds the login that is meant, if one is: an app that is named by flags, or an error that was seen, can be looked
// at without.
func (e *Env) doctorGrant(ctx context.Context, o *doctorOptions, p *patient, k *kept, alias string, seen bool) error {
	if k.Store == nil {
		return nil
	}
	if alias == "" {
		if seen || o.host != "" || o.clientID != "" {
			return nil
		}
		chosen, err := e.chooseAlias(ctx, k, nil)
		if local, ok := errors.AsType[*localError](err); ok && local.id == "alias-needed" {
			return err
		}
		if err != nil {
			return nil // nobody is logged in, or the store says why not
		}
		alias = chosen
	}
	g, err := k.Get(ctx, alias)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return e.notFound(ctx, k, alias)
	case err != nil:
		return nil // a finding of the store
	}
	p.subject.Grant = g
	if o.refresh {
		return e.doctorRefresh(p, k, alias)
	}
	return nil
}

func (e *Env) doctorRefresh(p *patient, k *kept, alias string) error {
	engine, land, err := e.engine(k)
	if err != nil {
		return err
	}
	closeStore := p.close
	p.close = func() { land(); closeStore() }
	p.subject.Refresh = func(ctx context.Context) (*store.Grant, error) {
		access, err := engine.Refresh(ctx, alias)
		if err == nil && access.Warning != nil {
			err = access.Warning
		}
		saved, getErr := k.Get(ctx, alias)
		return saved, cmp.Or(err, getErr)
	}
	return nil
}

// doctorApp settles the app without asking: flags, settings, what was pasted, the grant's, the one app that is remembered.
func (e *Env) doctorApp(ctx context.Context, o *doctorOptions, s *doctor.Subject, k *kept, seen string) error {
	settings, err := e.Config()
	if err != nil {
		return err
	}
	wish := o.loginOptions
	s.Hosts = sftoken.HostRules{Allow: words(o.allowHosts, settings.AllowHosts)}
	if s.Grant != nil {
		s.Hosts.Allow = words(o.allowHosts, s.Grant.AllowHosts, settings.AllowHosts)
	}
	saw := &doctor.Pasted{}
	if seen != "" {
		saw = doctor.ReadPasted(seen, s.Hosts)
		s.Pasted = saw
	}
	wish.clientID = cmp.Or(o.clientID, saw.ClientID)
	s.HostText = cmp.Or(o.host, saw.Host.String())
	if s.Grant == nil {
		wish.clientID, s.HostText = cmp.Or(wish.clientID, settings.ClientID), cmp.Or(s.HostText, settings.Host)
	}
	wish.host = s.HostText
	known := &apps.App{}
	if s.Grant != nil && (wish.clientID == "" || wish.clientID == s.Grant.App.ClientID) {
		known.App = s.Grant.App
	} else if k.key != nil {
		if remembered := e.rememberedApp(ctx, &wish, k); remembered != nil && (wish.host != "" || wish.clientID != "" || seen != "") {
			known = remembered
		}
	}
	s.App = known.App
	s.App.ClientID = cmp.Or(wish.clientID, s.App.ClientID)
	s.App.Scopes = words(o.scopes, saw.Scopes, s.App.Scopes, settings.Scopes)
	s.App.RedirectURI = cmp.Or(o.redirectURI, saw.RedirectURI, s.App.RedirectURI)
	if s.Grant == nil {
		s.App.RedirectURI = cmp.Or(s.App.RedirectURI, settings.RedirectURI)
	}
	if s.App.RedirectURI == "" && s.App.ClientID != "" && s.Grant == nil { // one that was imported has none
		s.App.RedirectURI = sftoken.DefaultRedirectURI
	}
	if s.HostText != "" {
		if s.App.Host, s.InputErr = s.Hosts.Parse(s.HostText); s.InputErr != nil {
			s.App.Host = sftoken.Host{}
		}
	}
	given, is, err := e.givenSecret(&wish)
	if is {
		s.App.ClientSecret = given
	}
	return err
}

// rememberedApp is the app of an earlier login that fits, if there is but one: nobody is asked.
func (e *Env) rememberedApp(ctx context.Context, wish *loginOptions, k *kept) *apps.App {
	defer func(was bool) { e.NoInput = was }(e.NoInput)
	e.NoInput = true
	remembered, err := e.knownApp(ctx, wish, k, nil)
	if err != nil {
		return nil // a finding of the store
	}
	return remembered
}

// proxyVariables are those that Go's and other programs' HTTP clients heed.
func (e *Env) proxyVariables() map[string]string {
	set := map[string]string{}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"} {
		if value := e.Getenv(name); value != "" {
			set[name] = value
		}
	}
	return set
}

func (e *Env) doctorEnvironment(host sftoken.Host) doctor.Environment {
	_, reason := browser.Available(e.Getenv, exists)
	found := doctor.Environment{
		NoBrowser: reason,
		WSL:       e.Getenv("WSL_DISTRO_NAME") != "" || e.Getenv("WSL_INTEROP") != "",
		Proxies:   e.proxyVariables(),
		Direct:    true,
	}
	if request, err := http.NewRequest(http.MethodGet, host.String(), nil); err == nil && !host.IsZero() {
		proxy, err := http.ProxyFromEnvironment(request)
		found.Direct = err == nil && proxy == nil
	}
	return found
}
