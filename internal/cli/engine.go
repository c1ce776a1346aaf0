package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/sftoken/sftoken/refresh"
)

// shortestSession is the shortest session time-out that an org can have (salesforce-oauth.md section 4). A token whose end
// nobody tells is taken for dead after it, because a token that may be stale is never printed.
const shortestSession = 15 * time.Minute

// engine makes a refresh engine for one command. Close waits for a refresh that has left: its answer may hold the only
// living refresh token.
func (e *Env) engine(k *kept) (engine *refresh.Engine, done func(), err error) {
	settings, err := e.Config()
	if err != nil {
		return nil, nil, err
	}
	engine = refresh.New(refresh.Options{
		Store:          k.Store,
		HTTP:           e.http(),
		SessionTimeout: cmp.Or(settings.SessionTimeout, shortestSession),
		OnEvent:        e.onEvent,
	})
	return engine, func() { _ = engine.Close(context.Background()) }, nil
}
