package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxAlias is the longest alias, in bytes of UTF-8. Escaped to three characters a byte it still fits a file name.
const MaxAlias = 64

// AliasError says why a text cannot be an alias.
type AliasError struct {
	Alias  string
	Reason string
}

func (e *AliasError) Error() string { return fmt.Sprintf("use alias %q: %s", e.Alias, e.Reason) }

// ErrorID implements the identification of errors for package explain.
func (e *AliasError) ErrorID() string { return "alias-invalid" }

// ErrorData gives the placeholders of the explanation.
func (e *AliasError) ErrorData() map[string]string {
	return map[string]string{"alias": e.Alias, "reason": e.Reason}
}

// ValidAlias reports with an *AliasError why alias cannot name a grant. An alias is 1 to 64 bytes of letters, numbers and
// the characters . _ - @ + of any language, begins with a letter or number, and so needs no quotes in a shell and can be
// no option and no path. A Salesforce username is a valid alias.
func ValidAlias(alias string) error {
	refuse := func(reason string) error { return &AliasError{Alias: alias, Reason: reason} }
	switch {
	case alias == "":
		return refuse("an alias cannot be empty")
	case !utf8.ValidString(alias):
		return refuse("it is not valid UTF-8")
	case len(alias) > MaxAlias:
		return refuse(fmt.Sprintf("it has %d bytes, at most %d fit", len(alias), MaxAlias))
	}
	for i, r := range alias {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r):
		case i == 0:
			return refuse(fmt.Sprintf("it begins with %q; begin with a letter or a number", r))
		case unicode.IsMark(r), strings.ContainsRune("._-@+", r):
		default:
			return refuse(fmt.Sprintf("%q is not allowed; use letters, numbers and . _ - @ +", r))
		}
	}
	return nil
}
