package cli

import (
	"context"
	"fmt"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/login"
)

// loginUserAgent sends the person to the browser, and takes the address that it ends at: the token stands behind its #, which
// no server ever sees. What is pasted is as good as the login, so it is not shown.
func (e *Env) loginUserAgent(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	e.Say("login.url", nil)
	fmt.Fprintln(e.Stderr, p.journey.Attempt.URL)
	e.openBrowser(ctx, o, p.journey.Attempt.URL, settings)
	pasted, err := e.pastedAddress(ctx)
	if err != nil {
		return nil, err
	}
	token, err := p.journey.Client.AcceptTokenPasted(p.journey.Attempt, pasted.Reveal())
	if err != nil {
		return nil, err
	}
	return p.journey.Keep(ctx, token)
}

func (e *Env) pastedAddress(ctx context.Context) (sftoken.Secret, error) {
	if !e.Interactive() {
		return e.secretIn("-")
	}
	text, err := e.ask(ctx, question{id: "user-agent", hidden: true})
	return sftoken.NewSecret(text), err
}
