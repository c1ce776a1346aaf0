package refresh

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sftoken/sftoken"
)

// ErrClosed is the error of calls to an engine after Close.
var ErrClosed = errors.New("refresh engine is closed")

// DeadError says that a grant is dead: only a new login, or for sftoken.ErrBlocked an administrator, brings it back.
type DeadError struct {
	Alias  string
	Reason string // "invalid_grant: expired access/refresh token"
	Err    error  // what Salesforce answered, as *sftoken.Error; nil when the reason is not Salesforce's
}

func (e *DeadError) Error() string {
	return fmt.Sprintf("refresh %s: grant is dead: %s", e.Alias, e.Reason)
}

// Unwrap returns what Salesforce answered.
func (e *DeadError) Unwrap() error { return e.Err }

// Is makes a dead grant one that needs a login, unless Salesforce blocks it.
func (e *DeadError) Is(target error) bool {
	return target == sftoken.ErrLoginRequired && !errors.Is(e.Err, sftoken.ErrBlocked)
}

// ErrorID identifies the error for explanations.
func (e *DeadError) ErrorID() string { return "grant-dead" }

// ErrorData gives the placeholders of the explanation.
func (e *DeadError) ErrorData() map[string]string {
	return map[string]string{"alias": e.Alias, "reason": e.Reason}
}

// wireReason is a reason that Salesforce gave: "code: description".
var wireReason = regexp.MustCompile(`^([A-Za-z_]+): (.*)$`)

// deadError makes the error from the reason that the store remembers, so that the thousandth caller learns the same as
// the first.
func deadError(alias, reason string) *DeadError {
	dead := &DeadError{Alias: alias, Reason: reason}
	if strings.HasPrefix(reason, noRefreshToken) {
		dead.Err = &sftoken.AppError{Field: "refresh token", Reason: reason, ID: "refresh-token-empty"}
	}
	if m := wireReason.FindStringSubmatch(reason); m != nil {
		dead.Err = &sftoken.Error{Endpoint: "token", GrantType: "refresh_token", Status: 400, Code: m[1], Description: m[2]}
	}
	return dead
}

// UncertainError says that the refresh token was sent and no answer came, so that it may be spent or not, and that this
// could not be found out yet. It is temporary: a later call tries to.
type UncertainError struct {
	Alias string
	Since time.Time
	Err   error // why there was no answer, or why Salesforce could not be asked; may be nil
}

func (e *UncertainError) Error() string {
	text := fmt.Sprintf("refresh %s: the answer to the refresh of %s was lost", e.Alias, e.Since.UTC().Format(time.RFC3339))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Err }

// Is makes an uncertain grant a temporary failure.
func (e *UncertainError) Is(target error) bool { return target == sftoken.ErrTemporary }

// ErrorID identifies the error for explanations.
func (e *UncertainError) ErrorID() string { return "grant-uncertain" }

// ErrorData gives the placeholders of the explanation.
func (e *UncertainError) ErrorData() map[string]string {
	return map[string]string{"alias": e.Alias, "since": e.Since.UTC().Format(time.RFC3339)}
}

// RejectedError says that an API rejects a token that Salesforce has only just issued, in answer to another rejection.
// That is a policy (API access control, missing scope, session locked to an IP address), not an expiry; refreshing again
// would only repeat it.
type RejectedError struct {
	Alias string
	Age   time.Duration // of the rejected token
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("refresh %s: the API rejects a token issued %v ago: this is a policy, which no refresh cures",
		e.Alias, e.Age.Round(time.Second))
}

// Is makes it a refusal for good.
func (e *RejectedError) Is(target error) bool { return target == sftoken.ErrBlocked }

// ErrorID identifies the error for explanations.
func (e *RejectedError) ErrorID() string { return "token-rejected" }

// ErrorData gives the placeholders of the explanation.
func (e *RejectedError) ErrorData() map[string]string { return map[string]string{"alias": e.Alias} }

// RestoredError says that a grant came out of a backup and Salesforce does not tell whether its refresh token is still
// good. It is not sent then: if it was spent since, sending it would end the login for whoever has the newer one.
type RestoredError struct {
	Alias  string
	Reason string // the grant's
	Err    error  // what Salesforce answered; nil if it was not asked
}

func (e *RestoredError) Error() string {
	text := fmt.Sprintf("refresh %s: it was %s, and its refresh token may have been used since", e.Alias, e.Reason)
	if e.Err != nil {
		text += "; Salesforce does not tell: " + e.Err.Error()
	}
	return text
}

// Is makes it a matter of a new login. The cause is not unwrapped: it is the answer to a question, not to a refresh.
func (e *RestoredError) Is(target error) bool { return target == sftoken.ErrLoginRequired }

// ErrorID identifies the error for explanations.
func (e *RestoredError) ErrorID() string { return "grant-restored" }

// ErrorData gives the placeholders of the explanation.
func (e *RestoredError) ErrorData() map[string]string { return map[string]string{"alias": e.Alias} }
