package cli

import (
	"context"
	"errors"

	"github.com/sftoken/sftoken/internal/agent"
)

// askAgent gets a token from the session's agent. It returns nil if there is none to ask, and says so if there should be: then
// the store is opened as always. What the agent refuses, the store would.
func (e *Env) askAgent(ctx context.Context, args []string) (*tokenAnswer, error) {
	socket := e.Getenv(agentVariable)
	if socket == "" || !agent.Supported {
		return nil, nil
	}
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	at, err := e.location()
	if err != nil {
		return nil, err
	}
	asked := agent.Request{Alias: settings.Alias, Store: at.String(), Language: e.Language().String()}
	if len(args) > 0 {
		asked.Alias = args[0]
	}
	answer := new(tokenAnswer)
	err = agent.Post(ctx, socket, "/v1/token", asked, answer)
	refused, ok := errors.AsType[*agent.Refused](err)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case ok && refused.Exit != exitStore: // its keys, or its store, may not be those of today
		return nil, refused
	}
	e.Warn("agent.fallback", map[string]any{"reason": err})
	return nil, nil
}
