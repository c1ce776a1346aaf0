package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// session is a login that a command works with.
type session struct {
	env    *Env
	alias  string
	kept   *kept
	engine *refresh.Engine
	land   func() // waits for a refresh that has left
}

// openSession opens the store and says which login is meant. Close the session.
func (e *Env) openSession(ctx context.Context, args []string) (*session, error) {
	k, err := e.openKept(ctx)
	if err != nil {
		return nil, err
	}
	alias, err := e.chooseAlias(ctx, k, args)
	if err != nil {
		k.Close()
		return nil, err
	}
	engine, land, err := e.engine(k)
	if err != nil {
		k.Close()
		return nil, err
	}
	return &session{env: e, alias: alias, kept: k, engine: engine, land: land}, nil
}

// Close waits for a refresh that has left, and closes the store.
func (s *session) Close() {
	s.land()
	s.kept.Close()
}

// grant is the login as it is kept now.
func (s *session) grant(ctx context.Context) (*store.Grant, error) {
	g, err := s.kept.Get(ctx, s.alias)
	return g, s.named(ctx, err)
}

// named gives store.ErrNotFound the words of the command line.
func (s *session) named(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return s.env.notFound(ctx, s.kept, s.alias)
	}
	return err
}

// token returns an access token, and tells what is wrong with its login.
func (s *session) token(ctx context.Context, minTTL time.Duration) (*refresh.Access, error) {
	access, err := s.engine.Token(ctx, s.alias)
	if err == nil && minTTL > 0 {
		access, err = s.lasting(ctx, access, minTTL)
	}
	if err != nil {
		return nil, s.named(ctx, err)
	}
	if access.Warning != nil {
		s.env.Warn("token.warning", map[string]any{"alias": s.alias, "reason": access.Warning})
	}
	return access, nil
}

// lasting returns a token that lives for minTTL at least. Where nobody tells how long one lives, a new one is the best there
// is, and that it is no certainty is said.
func (s *session) lasting(ctx context.Context, access *refresh.Access, minTTL time.Duration) (*refresh.Access, error) {
	lives := func() time.Duration { return access.Expiry.At.Sub(s.env.Now()) }
	if !access.Expiry.IsZero() && lives() >= minTTL {
		return access, nil
	}
	if !access.Refreshed {
		renewed, err := s.engine.Refresh(ctx, s.alias)
		if err != nil {
			return nil, err
		}
		access = renewed
	}
	s.land() // Salesforce may be telling when the new token dies
	if g, err := s.kept.Get(ctx, s.alias); err == nil && g.AccessToken.Equal(access.Token) && !g.Expiry.IsZero() {
		told := *access
		told.Expiry = g.Expiry
		access = &told
	}
	settings, err := s.env.Config()
	if err != nil {
		return nil, err
	}
	data := map[string]any{"alias": s.alias, "wanted": minTTL, "lives": lives().Round(time.Second)}
	switch {
	case !access.Expiry.IsZero() && lives() >= minTTL:
	case access.Expiry.IsZero(), access.Expiry.Source == store.FromSession && settings.SessionTimeout == 0:
		s.env.Warn("token.unknown-end", data)
	default:
		return nil, &localError{id: "ttl-too-short", code: exitFailed, hints: true, data: data}
	}
	return access, nil
}

// api returns a client of the org's REST API with this login's token. version is the API's; empty: the newest.
func (s *session) api(ctx context.Context, version string) (*rest.Client, error) {
	access, err := s.token(ctx, 0)
	if err != nil {
		return nil, err
	}
	client := rest.New(&refresh.Transport{Engine: s.engine, Alias: s.alias, Base: s.env.traced(http.DefaultTransport)}, access.InstanceURL)
	client.Version, client.Known = version, rest.Remember(s.kept.dir, s.env.Now)
	return client, nil
}
