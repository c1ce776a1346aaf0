package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/internal/message"
	"github.com/sftoken/sftoken/internal/useragent"
	"github.com/sftoken/sftoken/internal/wire"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// play is one performance. Each act does something, makes sure that it went as the text says, and tells it.
type play struct {
	options Options
	texts   message.Texts
	stage   *stage
	story   *Story

	first   sftoken.Secret // the refresh token of the login
	current *store.Grant
}

// tell adds a step to the story.
func (p *play) tell(s Step, data map[string]any) {
	s.Number = len(p.story.Steps) + 1
	s.Title = p.texts.Text("step."+s.ID+".title", data)
	s.Text = p.texts.Text("step."+s.ID+".text", data)
	for i := range s.Facts {
		s.Facts[i].Name = p.texts.Text("fact."+s.Facts[i].ID, nil)
	}
	p.story.Steps = append(p.story.Steps, s)
	if p.options.Audience != nil {
		p.options.Audience.Step(s)
	}
}

// app introduces the app.
func (p *play) app(context.Context) error {
	app := p.stage.client.App
	p.tell(Step{ID: "app", Facts: []Fact{
		{ID: "host", Value: app.Host.String()},
		{ID: "client_id", Value: app.ClientID},
		{ID: "client_secret", Value: wire.Secret(app.ClientSecret)},
		{ID: "callback", Value: app.RedirectURI},
	}}, nil)
	return nil
}

// login goes from the authorize URL to the kept grant.
func (p *play) login(ctx context.Context) error {
	journey, err := login.Begin(p.stage.client, p.stage.store, alias, sftoken.AuthorizeOptions{})
	if err != nil {
		return err
	}
	journey.Timeout = p.options.Timeout
	server, err := journey.Listen(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	journey.OnStep = func(s login.Step) {
		if s == login.StepArrived {
			p.tellPages()
		}
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	visited := p.visit(ctx, waiting, journey.Attempt.URL, cancel)
	outcome, err := journey.Await(waiting, server, nil)
	if err != nil {
		cancel(err) // the agent has nothing left to visit
	}
	<-visited
	if err != nil {
		return err
	}
	p.current = outcome.Grant
	p.first = outcome.Grant.RefreshToken
	p.story.Result = Result{
		Username: outcome.Grant.Username, OrgID: outcome.Grant.OrgID, InstanceURL: outcome.Grant.InstanceURL,
		Scopes: outcome.Grant.Scopes, RefreshTokens: []string{p.first.Fingerprint()},
	}
	return p.tellTokens()
}

// visit lets the person, or else the built-in user agent, go through the login pages. The channel is closed when there is
// nobody of ours to wait for. The agent goes while waiting lasts, and ends it with fail if it does not get through.
func (p *play) visit(ctx, waiting context.Context, address string, fail context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	username := emulator.Username
	if base, _ := p.texts.Language().Base(); base.String() == "ja" {
		username = emulator.UsernameJa
	}
	if p.options.Open != nil {
		audience := p.options.Audience
		if audience != nil {
			audience.Visit(Visit{address, username, emulator.Password, p.options.Timeout})
		}
		err := p.options.Open(ctx, address)
		if err == nil {
			close(done)
			return done
		}
		if audience != nil {
			audience.Alone(err)
		}
	}
	go func() {
		defer close(done)
		agent := &useragent.Agent{Username: username, Password: emulator.Password, Language: p.texts.Language().String()}
		if _, err := agent.Visit(waiting, address); err != nil {
			fail(err)
		}
	}()
	return done
}

// tellPages tells what the browser sent to the login pages. The code has arrived, so all of it was seen.
func (p *play) tellPages() {
	asked := p.stage.visited(func(x wire.Exchange) bool { return strings.HasSuffix(x.URL, "/services/oauth2/authorize") })
	signedIn := p.stage.visited(func(x wire.Exchange) bool { return wire.Get(x.Form, "pw") != "" })
	allowed := p.stage.visited(func(x wire.Exchange) bool { return wire.Get(x.Carried, "code") != "" })
	p.tell(Step{ID: "authorize", Exchanges: exchanges(asked, nil, only())}, nil)
	p.tell(Step{ID: "signin", Exchanges: exchanges(signedIn, only("username", "pw"), only())}, nil)
	p.tell(Step{ID: "allow", Exchanges: exchanges(allowed, only("decision"), nil)}, nil)
}

// tellTokens tells the exchange of the code, and what was kept.
func (p *play) tellTokens() error {
	var exchanged, looked []Exchange
	for _, x := range p.stage.sent() {
		if isToken(x) {
			exchanged = append(exchanged, exchange(x, nil, nil))
			continue
		}
		looked = append(looked, exchange(x, only("token"), only("username", "display_name", "active", "exp")))
	}
	p.tell(Step{ID: "exchange", Exchanges: exchanged}, nil)
	path, size, err := p.grantFile()
	if err != nil {
		return err
	}
	p.tell(Step{ID: "keep", Exchanges: looked, Facts: []Fact{
		{ID: "file", Value: path},
		{ID: "content", Value: p.texts.Text("encrypted", map[string]any{"count": size})},
		{ID: "user", Value: p.current.Username},
		{ID: "scopes", Value: strings.Join(p.current.Scopes, " ")},
	}}, nil)
	return nil
}

func isToken(x wire.Exchange) bool { return strings.HasSuffix(x.URL, "/services/oauth2/token") }

// grantFile finds the one grant's file in the store.
func (p *play) grantFile() (path string, size int64, err error) {
	err = filepath.WalkDir(p.stage.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > size { // the key and the lock are smaller
			path, size = name, info.Size()
		}
		return err
	})
	return path, size, err
}

// refreshTwice spends two refresh tokens, each for the next.
func (p *play) refreshTwice(ctx context.Context) error {
	for _, id := range []string{"refresh", "again"} {
		before := p.current
		if err := p.refresh(ctx); err != nil {
			return err
		}
		if before.RefreshToken.Equal(p.current.RefreshToken) {
			return errors.New("refresh: the refresh token did not rotate")
		}
		p.story.Result.RefreshTokens = append(p.story.Result.RefreshTokens, p.current.RefreshToken.Fingerprint())
		var told []Exchange
		for _, x := range p.stage.sent() {
			if isToken(x) {
				told = append(told, exchange(x, nil, only("access_token", "refresh_token", "issued_at")))
			} else {
				told = append(told, exchange(x, only("token"), only("active", "exp")))
			}
		}
		p.tell(Step{ID: id, Exchanges: told, Changes: []Change{
			{"refresh_token", wire.Secret(before.RefreshToken), wire.Secret(p.current.RefreshToken)},
			{"access_token", wire.Secret(before.AccessToken), wire.Secret(p.current.AccessToken)},
		}}, nil)
	}
	return nil
}

// refresh refreshes once and waits for all that comes of it, as a command does that ends.
func (p *play) refresh(ctx context.Context) error {
	engine := refresh.New(refresh.Options{Store: p.stage.store, HTTP: p.stage.client.HTTP})
	_, err := engine.Refresh(ctx, alias)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := errors.Join(err, engine.Close(closing)); err != nil {
		return err
	}
	p.current, err = p.stage.store.Get(ctx, alias)
	return err
}

// oldToken shows by introspection that the first refresh token is dead and the last one lives.
func (p *play) oldToken(ctx context.Context) error {
	client := p.stage.client
	old, err := client.Introspect(ctx, p.first, sftoken.RefreshTokenHint)
	if err != nil {
		return err
	}
	current, err := client.Introspect(ctx, p.current.RefreshToken, sftoken.RefreshTokenHint)
	if err != nil {
		return err
	}
	p.story.Result.OldIsDead, p.story.Result.GrantLived = !old.Active, current.Active
	if old.Active || !current.Active {
		return fmt.Errorf("introspect: the first refresh token is active: %t, the last one: %t", old.Active, current.Active)
	}
	p.tell(Step{ID: "old", Exchanges: exchanges(p.stage.sent(), nil, only("active", "token_type", "username"))}, nil)
	return nil
}

// identity asks with the newest access token whose it is.
func (p *play) identity(ctx context.Context) error {
	identity, err := p.stage.client.Identity(ctx, p.token())
	if err != nil {
		return err
	}
	p.tell(Step{ID: "identity", Exchanges: exchanges(p.stage.sent(), nil, only("user_id", "organization_id", "username", "display_name", "email", "user_type", "language", "timezone"))},
		map[string]any{"name": identity.DisplayName})
	return nil
}

// revoke ends the grant as `sftoken logout` does: at the login host first, then in the store.
func (p *play) revoke(ctx context.Context) error {
	if err := p.stage.client.Revoke(ctx, p.current.RefreshToken); err != nil {
		return err
	}
	lease, err := p.stage.store.Lease(ctx, alias)
	if err != nil {
		return err
	}
	if err := errors.Join(lease.Delete(ctx), lease.Release()); err != nil {
		return err
	}
	p.tell(Step{ID: "revoke", Exchanges: exchanges(p.stage.sent(), nil, nil)}, nil)
	return nil
}

// over shows that neither token is good for anything now.
func (p *play) over(ctx context.Context) error {
	current, err := p.stage.client.Introspect(ctx, p.current.RefreshToken, sftoken.RefreshTokenHint)
	if err != nil {
		return err
	}
	_, err = p.stage.client.Identity(ctx, p.token())
	refused, ok := errors.AsType[*sftoken.Error](err)
	if current.Active || !ok || refused.Status != http.StatusForbidden {
		return fmt.Errorf("use revoked tokens: the refresh token is active: %t, the access token was answered: %v", current.Active, err)
	}
	p.story.Result.Revoked = true
	p.tell(Step{ID: "over", Exchanges: exchanges(p.stage.sent(), only("token"), nil)}, nil)
	return nil
}

// token is what the grant holds, in the form in which the client takes it.
func (p *play) token() *sftoken.Token {
	g := p.current
	return &sftoken.Token{AccessToken: g.AccessToken, InstanceURL: g.InstanceURL, IdentityURL: g.IdentityURL, OrgID: g.OrgID, UserID: g.UserID}
}
