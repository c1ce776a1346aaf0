// Package imports reads logins out of what other programs keep and print: SFDX auth URLs, JSON, .env files, ForceCLI's
// accounts, jsforce's registry, a bare refresh token.
//
// It opens no file, asks nobody and keeps nothing: it turns text into values, and says what is wrong with a text by line,
// without quoting it, since it holds secrets. Only internal/cli imports it.
package imports

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/sftoken/sftoken"
)

// Login is what a text says of a login. What it does not say is zero.
type Login struct {
	Name         string      // as the text calls it: an alias or user name
	App          sftoken.App // client id, client secret, login host
	RefreshToken sftoken.Secret
	InstanceURL  string
	Username     string
}

// Format is a way of writing logins down.
type Format string

// The formats.
const (
	AuthURL  Format = "auth-url" // force://…, bare or as sfdxAuthUrl in JSON
	JSON     Format = "json"     // an object with refresh_token, client_id, …
	Env      Format = "env"      // SF_REFRESH_TOKEN=… and its like
	ForceCLI Format = "force"    // a file of ~/.force/accounts
	JSforce  Format = "jsforce"  // ~/.jsforce/config.json
	Token    Format = "token"    // a refresh token and nothing else
)

// Formats are all of them.
func Formats() []Format { return []Format{AuthURL, JSON, Env, ForceCLI, JSforce, Token} }

// Error says what is wrong with a text.
type Error struct {
	Source string // the file, or "stdin"
	Line   int    // 0: all of it
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("import %s: %s", e.Source, e.Reason)
	}
	return fmt.Sprintf("import %s:%d: %s", e.Source, e.Line, e.Reason)
}

// ErrorID identifies the error for explanations.
func (e *Error) ErrorID() string { return "import-unreadable" }

// ErrorData gives the placeholders of the explanation.
func (e *Error) ErrorData() map[string]string {
	return map[string]string{"source": e.Source, "reason": e.Reason}
}

// Read reads the logins in data, one or more, in the given format, or in the one that it seems to be in if that is "". The
// rules say which login hosts are taken. Errors are *Error and *sftoken.HostError.
func Read(format Format, source string, data []byte, rules sftoken.HostRules) ([]Login, error) {
	t := &text{source: source, data: bytes.TrimPrefix(data, []byte("\ufeff")), rules: rules}
	if len(bytes.TrimSpace(t.data)) == 0 {
		return nil, t.wrong(0, "it is empty")
	}
	if format == "" {
		format = t.detect()
	}
	switch format {
	case AuthURL:
		return t.authURL()
	case JSON:
		return t.json()
	case Env:
		return t.env()
	case ForceCLI:
		return t.forceCLI()
	case JSforce:
		return t.jsforce()
	case Token:
		return t.token()
	}
	return nil, t.wrong(0, fmt.Sprintf("there is no format %q", format))
}

// text is what is being read.
type text struct {
	source string
	data   []byte
	rules  sftoken.HostRules
}

func (t *text) wrong(line int, reason string) error { return &Error{t.source, line, reason} }

// lineAt is the number of the line that has the byte at offset.
func (t *text) lineAt(offset int64) int {
	return 1 + bytes.Count(t.data[:min(max(offset, 0), int64(len(t.data)))], []byte("\n"))
}

// detect goes by what only one format can begin with.
func (t *text) detect() Format {
	trimmed := bytes.TrimSpace(t.data)
	switch {
	case len(trimmed) >= 8 && strings.EqualFold(string(trimmed[:8]), "force://"):
		return AuthURL
	case trimmed[0] == '{' || trimmed[0] == '[' || trimmed[0] == '"':
		return JSON
	case bytes.ContainsAny(trimmed, "=\n#") && !isToken(string(trimmed)):
		return Env
	}
	return Token
}

func (t *text) token() ([]Login, error) {
	token := strings.TrimSpace(string(t.data))
	if !isToken(token) {
		return nil, t.wrong(0, "a refresh token is one word of letters, digits, dots, dashes and underscores; this is something else")
	}
	return []Login{{RefreshToken: sftoken.NewSecret(token)}}, nil
}

// isToken goes by what all seen refresh tokens are made of (core: parseSfdxAuthUrl).
func isToken(word string) bool {
	bare := strings.TrimRight(word, "=")
	return bare != "" && len(word)-len(bare) <= 2 && strings.IndexFunc(bare, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}) < 0
}

// placeholder recognises what the Salesforce CLI prints since 2.136 instead of a secret.
func placeholder(value string) bool { return strings.HasPrefix(value, "[REDACTED]") }

const redacted = "the Salesforce CLI has put a placeholder in the secret's place; it prints the real one with: sf org auth show-sfdx-auth-url --json"

// secret takes a refresh token that a text names.
func (t *text) secret(value string, line int) (sftoken.Secret, error) {
	switch {
	case value == "":
		return sftoken.Secret{}, t.wrong(line, "there is no refresh token in it")
	case placeholder(value):
		return sftoken.Secret{}, t.wrong(line, redacted)
	case !isToken(value):
		return sftoken.Secret{}, t.wrong(line, "the refresh token has characters in it that none has")
	}
	return sftoken.NewSecret(value), nil
}
