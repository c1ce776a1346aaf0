package refresh

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/sftoken/sftoken"
)

const (
	maxBusy       = 4         // how often one flight waits for a token that Salesforce is busy with
	maxRetryAfter = time.Hour // what a server may ask for at most
)

// pause keeps callers off a login host that has just failed them: they all get the same error.
type pause struct {
	until time.Time
	err   error
	steps *backoff.ExponentialBackOff
}

func pauseSteps() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: time.Second, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: time.Minute,
	}
}

// backOff starts or prolongs the pause.
func (a *attempt) backOff(err error) {
	a.entry.mu.Lock()
	defer a.entry.mu.Unlock()
	p := &a.entry.pause
	if p.steps == nil {
		p.steps = pauseSteps()
	}
	p.err, p.until = err, a.now().Add(max(p.steps.NextBackOff(), retryAfter(err)))
}

// resume ends the pause.
func (a *attempt) resume() {
	a.entry.mu.Lock()
	defer a.entry.mu.Unlock()
	a.entry.pause = pause{}
}

// paused returns the error of the failure that the pause follows.
func (a *attempt) paused() error {
	a.entry.mu.Lock()
	defer a.entry.mu.Unlock()
	if a.now().Before(a.entry.pause.until) {
		return a.entry.pause.err
	}
	return nil
}

func (a *attempt) pausedUntil() time.Time {
	a.entry.mu.Lock()
	defer a.entry.mu.Unlock()
	return a.entry.pause.until
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*sftoken.Error](err); ok {
		return min(e.RetryAfter, maxRetryAfter)
	}
	return 0
}

// waitBusy backs off while Salesforce is processing a request with our refresh token, and reads the grant again: whoever
// made that request may have saved its answer.
func (a *attempt) waitBusy(ctx context.Context, cause error) error {
	if a.busy++; a.busy > maxBusy {
		a.prior.restore(a.grant)
		a.saveNote(ctx)
		return a.failed(cause)
	}
	a.sends-- // that one was not processed
	steps := pauseSteps()
	wait := steps.InitialInterval
	for range a.busy {
		wait = steps.NextBackOff()
	}
	timer := time.NewTimer(max(wait, retryAfter(cause)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.closing.Done():
		a.busy = maxBusy
		return a.waitBusy(ctx, cause)
	}
	again, err := a.lease.Load(ctx)
	if err != nil {
		return err
	}
	if again.RefreshToken.Equal(a.grant.RefreshToken) {
		a.prior.restore(again)
	}
	a.grant = again
	return nil
}
