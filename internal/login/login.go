// Package login is the journey from an app to a saved grant: it makes the authorization request, waits for the browser or
// for what a person pastes, exchanges the code, finds out whose token it is, and saves the grant before anybody is told
// that it worked. Flows that do without a browser at our redirect URI bring their token themselves, and go the same way
// from there.
//
// It knows no terminal and opens no browser: those who use it bring their own. Packages under internal/cli and
// internal/demo may import it.
package login

import (
	"context"
	"errors"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/callback"
	"github.com/sftoken/sftoken/store"
)

// DefaultTimeout is how long a login waits for the browser or a pasted answer, as kubelogin does.
const DefaultTimeout = 180 * time.Second

// Journey is one login on its way. Begin makes one, Direct one without a browser; Pending.Journey takes up an attempt made
// earlier.
type Journey struct {
	Client  *sftoken.Client
	Store   store.Store
	Alias   string           // what the grant is to be called
	Attempt *sftoken.Attempt // of Direct: the flow and what it asks for, no more

	// Subject and Audience are kept with a grant of the JWT bearer flow, which is run again with them.
	Subject, Audience string

	// Timeout bounds the wait for a code; zero is DefaultTimeout.
	Timeout time.Duration
	// OnStep, if not nil, is told of each step when it is done.
	OnStep func(Step)
	// OnIgnored, if not nil, is told why something pasted was not taken. The wait goes on.
	OnIgnored func(error)
}

// Step names a part of the journey.
type Step string

// The steps in their order.
const (
	StepArrived   Step = "arrived"   // the code is here
	StepProven    Step = "proven"    // the store can be written
	StepExchanged Step = "exchanged" // the code was exchanged for tokens
	StepIdentity  Step = "identity"  // it is known whose they are
	StepSaved     Step = "saved"     // the grant is durable
)

// Begin makes a new attempt for client, whose grant is to be kept in s under alias.
func Begin(client *sftoken.Client, s store.Store, alias string, o sftoken.AuthorizeOptions) (*Journey, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	attempt, err := client.Authorize(o)
	if err != nil {
		return nil, err
	}
	return &Journey{Client: client, Store: s, Alias: alias, Attempt: attempt}, nil
}

// Direct makes a journey by a flow that gets its token without a browser at our redirect URI: see Run and Keep.
func Direct(client *sftoken.Client, s store.Store, alias string, flow sftoken.Flow) (*Journey, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if err := flow.Validate(client.App); err != nil {
		return nil, err
	}
	attempt := &sftoken.Attempt{Flow: flow, ClientID: client.App.ClientID, Host: client.App.Host, Scopes: client.App.Scopes}
	if attempt.Scopes == nil && flow.Facts().Scopes {
		attempt.Scopes = sftoken.DefaultScopes()
	}
	return &Journey{Client: client, Store: s, Alias: alias, Attempt: attempt}, nil
}

// Prove shows that the grant could be saved now. Asked before the person is sent to the browser, it spares them a login
// that cannot be kept.
func (j *Journey) Prove(ctx context.Context) error {
	lease, _, err := j.lease(ctx)
	if err != nil {
		return err
	}
	return lease.Release()
}

// Listen binds the attempt's redirect URI. Call it before the browser opens (C-21).
func (j *Journey) Listen(ctx context.Context) (*callback.Server, error) {
	return callback.Listen(ctx, callback.Options{
		RedirectURI: j.Attempt.RedirectURI,
		Match:       func(state string) bool { return j.Attempt.State.Equal(sftoken.NewSecret(state)) },
	})
}

// ErrTimeout is returned by Await when nothing came in time.
var ErrTimeout error = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "wait for the login: time is up" }
func (*timeoutError) ErrorID() string { return "login-timeout" }

// Await waits for the browser at server or for a line from pasted, whichever brings an answer first, and completes the
// login with it. Either may be nil. The browser is answered after the grant is saved (C-30). Await closes neither.
func (j *Journey) Await(ctx context.Context, server *callback.Server, pasted <-chan string) (*Outcome, error) {
	timeout := j.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	wait, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
	defer cancel()
	arrivals, done := arrive(wait, server)
	defer func() { cancel(); <-done }()
	for {
		select {
		case <-wait.Done():
			return nil, context.Cause(wait)
		case arrival := <-arrivals:
			if arrival.err != nil {
				return nil, arrival.err
			}
			return j.receive(ctx, arrival.Arrival)
		case line, open := <-pasted:
			if !open {
				pasted = nil
				continue
			}
			code, err := j.Attempt.AcceptPasted(line)
			if err != nil && !final(err) {
				j.ignored(err)
				continue
			}
			if err != nil {
				return nil, err
			}
			j.step(StepArrived)
			return j.Complete(ctx, code)
		}
	}
}

// final reports whether what was pasted is Salesforce's answer to this attempt, if a bad one, rather than a slip of the
// person, who may try again.
func final(err error) bool {
	_, ok := errors.AsType[*sftoken.Error](err)
	return ok
}

type arrival struct {
	*callback.Arrival
	err error
}

// arrive waits at server in a goroutine, which has ended when done is closed.
func arrive(ctx context.Context, server *callback.Server) (arrivals <-chan arrival, done <-chan struct{}) {
	c, d := make(chan arrival, 1), make(chan struct{})
	if server == nil {
		close(d)
		return c, d
	}
	go func() {
		defer close(d)
		a, err := server.Wait(ctx)
		if ctx.Err() == nil {
			c <- arrival{a, err}
		}
	}()
	return c, d
}

// receive completes the login with what the browser brought, and answers it.
func (j *Journey) receive(ctx context.Context, a *callback.Arrival) (*Outcome, error) {
	outcome, err := j.take(ctx, a)
	if err != nil {
		a.Finish(j.failurePage(err, a.Language))
		return nil, err
	}
	a.Finish(successPage(outcome, a.Language))
	return outcome, nil
}

func (j *Journey) take(ctx context.Context, a *callback.Arrival) (*Outcome, error) {
	code, err := j.Attempt.Accept(a.Query)
	if err != nil {
		return nil, err
	}
	j.step(StepArrived)
	return j.Complete(ctx, code)
}

func (j *Journey) step(s Step) {
	if j.OnStep != nil {
		j.OnStep(s)
	}
}

func (j *Journey) ignored(err error) {
	if j.OnIgnored != nil {
		j.OnIgnored(err)
	}
}
