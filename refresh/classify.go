package refresh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sftoken/sftoken"
)

// verdict is what a refresh that gave no token means for the refresh token.
type verdict uint8

const (
	unsent  verdict = iota // nothing left this machine (B-04)
	refused                // answered, and not spent: temporary, or a fault in the app's set-up
	busy                   // Salesforce is processing a request with this token
	final                  // the grant is dead
	unclear                // answered by a server in trouble: it may be spent
	lost                   // it was sent and no answer came: it may be spent
)

func (v verdict) unanswered() bool { return v == unsent || v == unclear || v == lost }

// classify sorts the errors of sftoken.Client. What it does not know is taken for the worst, a lost answer.
func classify(err error) verdict {
	if e, ok := errors.AsType[*sftoken.TransportError](err); ok {
		if e.NotSent {
			return unsent
		}
		return lost
	}
	if e, ok := errors.AsType[*sftoken.UnexpectedError](err); ok {
		switch e.ID {
		case "answer-untrusted", "answer-signature", "answer-token-type":
			return refused // read whole: had it rotated the token, the new one would be there
		}
		return byStatus(e.Status)
	}
	if _, ok := errors.AsType[*sftoken.RedirectError](err); ok {
		return refused
	}
	if _, ok := errors.AsType[*sftoken.AppError](err); ok {
		return unsent
	}
	e, ok := errors.AsType[*sftoken.Error](err)
	switch {
	case !ok:
		return lost
	case isBusy(e):
		return busy
	case e.Code == "" || e.Status >= 500:
		return byStatus(e.Status)
	case errors.Is(e, sftoken.ErrTemporary):
		return refused
	case errors.Is(e, sftoken.ErrLoginRequired), errors.Is(e, sftoken.ErrBlocked):
		return final
	}
	return refused
}

// isBusy recognises invalid_grant "token request is already being processed": somebody else is spending this token now.
func isBusy(e *sftoken.Error) bool {
	return strings.Contains(strings.ToLower(e.Description), "already being processed")
}

// byStatus judges answers without an OAuth code. A success that could not be read has spent the token. Of the errors of a
// server, only 503 says that it has not looked at the request.
func byStatus(status int) verdict {
	switch {
	case status < 300:
		return lost
	case status >= 500 && status != http.StatusServiceUnavailable:
		return unclear
	}
	return refused
}

// refused acts on a refresh that gave no token. Nil means that the loop goes on: read again, or resolve the doubt.
func (a *attempt) refused(ctx context.Context, cause error) error {
	if e, ok := errors.AsType[*sftoken.UnexpectedError](cause); ok && !e.RefreshToken.IsZero() {
		if err := a.salvage(ctx, e.RefreshToken); err != nil {
			return err
		}
		return a.failed(cause)
	}
	v := classify(cause)
	if a.grant.RunsAgain() && v != final {
		v = refused // an answer that was lost costs nothing but a login in Salesforce's count
	}
	switch v {
	case lost, unclear:
		a.lost(ctx, v, cause)
		return nil
	case busy:
		return a.waitBusy(ctx, cause)
	case final:
		return a.finalUnlessRotated(ctx, cause)
	}
	a.prior.restore(a.grant)
	a.saveNote(ctx)
	return a.failed(cause)
}

// failed ends a flight with the cause, and keeps others from trying at once.
func (a *attempt) failed(cause error) error {
	err := fmt.Errorf("refresh %s: %w", a.alias, cause)
	a.backOff(err)
	return err
}

// finalUnlessRotated reads once more, since whoever rotated the token has saved the new one (B-05), and then gives up.
func (a *attempt) finalUnlessRotated(ctx context.Context, cause error) error {
	if !a.reread {
		a.reread = true
		theirs, err := a.lease.Load(ctx)
		if err == nil && !theirs.RefreshToken.Equal(a.grant.RefreshToken) {
			a.grant = theirs
			return nil
		}
	}
	return a.bury(ctx, &DeadError{Alias: a.alias, Reason: reason(cause), Err: cause})
}

// reason is what the store remembers of a refusal, in the form that deadError reads.
func reason(cause error) string {
	if e, ok := errors.AsType[*sftoken.Error](cause); ok && e.Code != "" {
		return e.Code + ": " + e.Description
	}
	return cause.Error()
}
