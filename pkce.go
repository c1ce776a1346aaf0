package sftoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// randomText returns n bytes of crypto/rand in base64url without padding, all of whose characters may stand in a PKCE
// verifier (RFC 7636 section 4.1).
func randomText(n int) string {
	raw := make([]byte, n)
	rand.Read(raw) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(raw)
}

// newVerifier makes a PKCE verifier of 43 characters, the length that 32 bytes give and RFC 7636 recommends.
func newVerifier() Secret { return NewSecret(randomText(32)) }

// challenge is the S256 transformation of RFC 7636 section 4.2, the only one Salesforce knows.
func challenge(verifier Secret) string {
	sum := sha256.Sum256([]byte(verifier.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
