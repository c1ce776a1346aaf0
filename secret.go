package sftoken

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// Secret holds a value that must never be shown: a token, a code, a client secret, a PKCE verifier.
//
// Every way of printing, logging or encoding a Secret gives "[secret]" (or "" when it is empty). The value sits behind a
// pointer, because fmt and slog print unexported string fields of a struct even if their type has a String method.
// The zero Secret is empty.
type Secret struct{ p *string }

const redacted = "[secret]"

// NewSecret wraps value. An empty value gives the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{p: &value}
}

// Reveal returns the value itself. Only the few places that put it on the wire, into an encrypted store or, when the
// person asked for it, on standard output may call it.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal compares two secrets in time that depends on their length only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Fingerprint returns the first 8 hexadecimal digits of the value's SHA-256, by which people and logs can tell two
// secrets apart without seeing either. An empty secret has an empty fingerprint.
func (s Secret) Fingerprint() string {
	if s.p == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(*s.p))
	return hex.EncodeToString(sum[:4])
}

// String implements fmt.Stringer without the value.
func (s Secret) String() string {
	if s.p == nil {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter, so that no verb reaches the pointer.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer without the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler without the value, which covers JSON, XML and most other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
