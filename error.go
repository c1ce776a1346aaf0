package sftoken

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What a caller branches on, through errors.Is.
var (
	// ErrLoginRequired: the refresh token or the code is dead; only a person logging in again can help.
	ErrLoginRequired = errors.New("login required")
	// ErrTemporary: the server or the network failed; the same request may work later. Whether a refresh may be sent
	// again is another matter: see TransportError.NotSent.
	ErrTemporary = errors.New("temporary failure")
	// ErrBlocked: Salesforce says no until an administrator changes something: the app is blocked, not installed or not
	// approved for the user, or a policy forbids the login.
	ErrBlocked = errors.New("blocked by salesforce")
	// ErrDenied: the person pressed Deny, or Salesforce did in their name.
	ErrDenied = errors.New("denied")
	// ErrStateMismatch: the callback is not this login's. Keep waiting for the real one.
	ErrStateMismatch = errors.New("state does not match")
)

// Error is an error that Salesforce reported.
type Error struct {
	Endpoint    string // authorize, token, revoke, introspect, userinfo, identity, discovery, versions or keys
	Status      int    // 0 for authorize, whose errors come by the browser
	Code        string // as received: "invalid_grant"; empty when the answer named none
	Description string // as received but for control characters and secrets, and cut
	GrantType   string // of a request to the token endpoint
	RetryAfter  time.Duration
	// ClockSkew is how far this machine's clock is ahead of Salesforce's, or if negative behind it, by the Date header of
	// the answer; zero below half a minute, and of requests that carried no assertion of ours.
	ClockSkew time.Duration
	Body      string // the beginning of the body, scrubbed; only when there is no code
	Err       error  // cause, if any
}

func (e *Error) Error() string {
	what := e.Code
	switch {
	case what == "" && e.Status != 0:
		what = strings.TrimSpace(fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status)))
	case what == "":
		what = "unknown error"
	}
	switch {
	case e.Description != "":
		what += " (" + e.Description + ")"
	case e.Body != "":
		what += " (" + e.Body + ")"
	}
	if e.ClockSkew != 0 {
		what += fmt.Sprintf("; this machine's clock is %v %s", e.ClockSkew.Abs(), aheadOrBehind(e.ClockSkew))
	}
	return e.Endpoint + " endpoint: " + what
}

func aheadOrBehind(skew time.Duration) string {
	if skew < 0 {
		return "behind Salesforce's"
	}
	return "ahead of Salesforce's"
}

// ErrorData returns the values that an explanation of the error may name.
func (e *Error) ErrorData() map[string]string {
	switch {
	case e.ClockSkew > 0:
		return map[string]string{"ClockAhead": e.ClockSkew.String()}
	case e.ClockSkew < 0:
		return map[string]string{"ClockBehind": e.ClockSkew.Abs().String()}
	}
	return nil
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the error belongs to target, one of this package's sentinels.
func (e *Error) Is(target error) bool { return target != nil && target == e.kind() }

// TransportError is a request that got no whole answer.
type TransportError struct {
	Endpoint string
	URL      string // without secrets
	// NotSent is true when nothing of the request's body was handed to the network, so that the server cannot have seen
	// the token in it: name resolution, connection or TLS failed. It is false for requests without a body.
	NotSent bool
	Err     error
}

func (e *TransportError) Error() string {
	cause := "no answer"
	if e.Err != nil {
		cause = clean(e.Err.Error(), descriptionLimit) // it may quote what the other side sent
	}
	return fmt.Sprintf("%s endpoint: ask %s: %s", e.Endpoint, e.URL, cause)
}

func (e *TransportError) Unwrap() error { return e.Err }

// Is makes every failure of the network ErrTemporary, except for one that the caller brought about by canceling.
func (e *TransportError) Is(target error) bool {
	return target == ErrTemporary && !errors.Is(e.Err, context.Canceled)
}

// UnexpectedError is an answer that is none of those that the endpoint gives, or one that must not be trusted: a web page
// with status 200, text that breaks off, no access_token, a foreign instance_url, a wrong signature.
type UnexpectedError struct {
	Endpoint    string
	Status      int
	ContentType string
	Snippet     string // the beginning of the body, scrubbed; empty when the answer was read and then refused
	Reason      string
	ID          string // answer-unreadable, answer-incomplete, answer-untrusted, answer-signature, answer-token-type, answer-issuer, answer-headless
	// RefreshToken is the new refresh token that the answer brought all the same. Under rotation the one that was sent
	// is dead: whoever refreshes keeps this one before reporting the error.
	RefreshToken Secret
	Err          error
}

func (e *UnexpectedError) Error() string {
	text := fmt.Sprintf("%s endpoint: unexpected answer with status %d: %s", e.Endpoint, e.Status, e.Reason)
	if e.Snippet != "" {
		text += fmt.Sprintf(" (%s)", e.Snippet)
	}
	return text
}

func (e *UnexpectedError) Unwrap() error { return e.Err }

// Is makes it ErrTemporary when something in front of Salesforce answered: a web page where none belongs. The login page
// that a headless login gets is Salesforce's own, and stays.
func (e *UnexpectedError) Is(target error) bool {
	return target == ErrTemporary && e.ID != "answer-headless" && (e.Status >= 500 || e.Status == http.StatusTooManyRequests ||
		strings.Contains(strings.ToLower(e.ContentType), "html"))
}

// ErrorID returns the stable name of this kind of error.
func (e *UnexpectedError) ErrorID() string { return e.ID }

// ErrorData returns the values that an explanation of the error may name.
func (e *UnexpectedError) ErrorData() map[string]string {
	return map[string]string{"Endpoint": e.Endpoint, "Status": fmt.Sprint(e.Status), "Reason": e.Reason, "Snippet": e.Snippet}
}

// RedirectError is a redirect that was refused. The request did not reach the place it names.
type RedirectError struct {
	Endpoint string
	From, To string // without queries
	Reason   string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s endpoint: follow redirect from %s to %s: %s", e.Endpoint, e.From, e.To, e.Reason)
}

// ErrorID returns the stable name of this kind of error.
func (e *RedirectError) ErrorID() string { return "redirect-refused" }

// ErrorData returns the values that an explanation of the error may name.
func (e *RedirectError) ErrorData() map[string]string {
	return map[string]string{"From": e.From, "To": e.To, "Reason": e.Reason}
}
