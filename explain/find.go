package explain

import (
	"context"
	"strings"

	"github.com/sftoken/sftoken"
)

// localIDs are the entries of failures on this machine and on the way to Salesforce.
var localIDs = []string{
	"host", "host-empty", "host-not-salesforce", "host-insecure", "host-lightning", "host-no-login",
	"client-id", "client-id-cut", "client-id-swapped", "client-secret", "client-secret-swapped", "redirect", "scope",
	"port-in-use", "redirect-not-listenable", "login-timeout", "state-mismatch", "callback", "pasted", "no-refresh-token",
	"login-required", "login-unsaved", "login-not-pending", "no-input", "interrupted", "config-invalid",
	"alias-invalid", "alias-taken", "grant-not-found", "grant-uncertain", "grant-restored", "session-policy",
	"store-locked", "store-damaged", "store-read-only", "store-no-space", "store-newer-format", "store-unsafe",
	"store-failed", "store-missing", "store-unknown", "store-password",
	"store-unavailable", "store-refused", "store-dsn-invalid", "store-login-refused", "store-database-missing",
	"store-certificate", "store-tables-missing", "backup-damaged", "recipient-invalid",
	"key-none", "key-lost", "key-in-use", "keyring",
	"answer", "answer-html", "redirect-refused",
	"network", "network-dns", "network-refused", "network-timeout", "network-tls", "network-tls-proxy", "network-tls-expired",
}

// synonyms are ids of errors that share the entry of another one.
var synonyms = map[string]string{
	"grant-dead":          "login-required",
	"token-empty":         "login-required",
	"refresh-token-empty": "no-refresh-token",
	"token-rejected":      "session-policy",
	"id-token":            "answer",
	"lease-lost":          "store-locked",
	"grant-stale":         "store-locked",
	"alias-unknown":       "grant-not-found",
	"callback-timeout":    "login-timeout",
	"no-terminal":         "no-input",
	"store-not-set-up":    "key-none",
	"store-key-lost":      "key-lost",
	"store-mode":          "store-unsafe",
}

// consequences are entries that give way to that of the cause.
var consequences = []string{"login-required", "login-unsaved", "store-failed", "network"}

// sentinels have an entry without having an ErrorID.
var sentinels = []struct {
	err error
	id  string
}{
	{sftoken.ErrStateMismatch, "state-mismatch"},
	{sftoken.ErrDenied, "denied"},
	{sftoken.ErrLoginRequired, "login-required"},
	{context.Canceled, "interrupted"},
}

// identify returns the id of the entry of err itself, without what it wraps, or "". It adds to data what it learns.
func identify(err error, data map[string]string) string {
	switch err := err.(type) {
	case *sftoken.Error:
		return matchWire(err)
	case *sftoken.TransportError:
		return matchNetwork(err, data)
	case *sftoken.UnexpectedError:
		if strings.Contains(strings.ToLower(err.ContentType), "html") {
			return "answer-html"
		}
	}
	if named, ok := err.(interface{ ErrorID() string }); ok {
		return localEntry(named.ErrorID())
	}
	for _, sentinel := range sentinels {
		if err == sentinel.err {
			return sentinel.id
		}
	}
	return ""
}

// localEntry returns the entry for an ErrorID: its own, or that of the family before its last hyphen.
func localEntry(id string) string {
	for id != "" {
		if same, ok := synonyms[id]; ok {
			return same
		}
		for _, known := range localIDs {
			if known == id {
				return id
			}
		}
		id = id[:max(strings.LastIndexByte(id, '-'), 0)]
	}
	return ""
}

// walk visits err and all that it wraps, the outer before the inner.
func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		walk(err.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			walk(inner, visit)
		}
	}
}

// collect adds what err names for placeholders; an outer error's word counts more than an inner one's.
func collect(data map[string]string, err error) {
	named, ok := err.(interface{ ErrorData() map[string]string })
	if !ok {
		return
	}
	for name, value := range named.ErrorData() {
		if name = strings.ToLower(name); value != "" && data[name] == "" {
			data[name] = value
		}
	}
}
