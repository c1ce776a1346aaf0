package sftoken

import (
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"
)

// CallbackError says what is wrong with a callback that is neither an answer of Salesforce's nor somebody else's.
type CallbackError struct {
	Reason string
	ID     string // callback-duplicate, callback-no-code, callback-implicit, callback-issuer, pasted-unreadable, pasted-unfinished, pasted-token
}

func (e *CallbackError) Error() string { return "read callback: " + e.Reason }

// ErrorID returns the stable name of this kind of error.
func (e *CallbackError) ErrorID() string { return e.ID }

// Accept takes the code from the query of a callback.
//
// A callback without this attempt's state is ErrStateMismatch, whatever else it says: it is a stray request, or somebody
// else's, and the real one may still come. An error that Salesforce reports is an *Error, a malformed callback a
// *CallbackError; both end the attempt. Accept keeps no record: calling it twice for one delivery is for the caller to
// prevent.
func (a *Attempt) Accept(query url.Values) (code Secret, err error) {
	if err := a.acceptState(query); err != nil {
		return Secret{}, err
	}
	return a.accept(query)
}

func (a *Attempt) acceptState(query url.Values) error {
	if len(query["state"]) != 1 || !a.fits(query.Get("state")) {
		return fmt.Errorf("accept callback: %w", ErrStateMismatch)
	}
	return nil
}

// AcceptPasted takes the code from what a person pasted: the address their browser ended at, whole or in part, an error
// page's address, or the bare code. A state, where there is one, must be this attempt's. A bare code carries none and is
// taken because a person, not a web page, delivered it; PKCE still ties it to this attempt.
func (a *Attempt) AcceptPasted(text string) (code Secret, err error) {
	query, err := ParsePasted(text)
	if err != nil {
		return Secret{}, err
	}
	if query.Has("state") {
		return a.Accept(query)
	}
	return a.accept(query)
}

func (a *Attempt) fits(state string) bool {
	want := a.State.Reveal()
	return want != "" && subtle.ConstantTimeCompare([]byte(state), []byte(want)) == 1
}

// checkCallback refuses what is neither a code nor a token.
func (a *Attempt) checkCallback(query url.Values) error {
	for _, name := range []string{"code", "iss", "error", "error_description", "access_token", "refresh_token", "id_token", "instance_url", "id"} {
		if len(query[name]) > 1 { // RFC 6749 section 3.1
			return &CallbackError{"there is more than one " + name + " in it", "callback-duplicate"}
		}
	}
	// RFC 9207. Salesforce does not send iss so far, so that its absence says nothing.
	if query.Has("iss") && !trustsIssuer(a.Host, query.Get("iss")) {
		return &CallbackError{"it comes from another server than the login was begun at", "callback-issuer"}
	}
	if query.Get("error") != "" {
		return &Error{
			Endpoint:    "authorize",
			Code:        clean(query.Get("error"), 80),
			Description: clean(query.Get("error_description"), descriptionLimit),
		}
	}
	return nil
}

func (a *Attempt) accept(query url.Values) (Secret, error) {
	if err := a.checkCallback(query); err != nil {
		return Secret{}, err
	}
	code := query.Get("code")
	switch {
	case code == "" && query.Has("access_token"):
		return Secret{}, &CallbackError{"it carries an access token instead of a code; the login was not begun by us", "callback-implicit"}
	case code == "":
		return Secret{}, &CallbackError{"there is no code in it", "callback-no-code"}
	case len(code) > 4096 || strings.ContainsFunc(code, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return Secret{}, &CallbackError{"the code in it is damaged", "callback-no-code"}
	}
	return NewSecret(code), nil
}
