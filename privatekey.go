package sftoken

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"
)

// assertionLife is how long an assertion of ours is good: the three minutes that Salesforce's help allows ("OAuth 2.0 JWT
// bearer flow"; C-57). Less would only take away from what this machine's clock may be wrong.
const assertionLife = 3 * time.Minute

// parsePrivateKey reads an RSA key in PEM, PKCS #8 or PKCS #1, whatever stands around it. The error is an *AppError and
// never shows anything of the key.
func parsePrivateKey(text Secret) (*rsa.PrivateKey, error) {
	fail := func(id, reason string) (*rsa.PrivateKey, error) { return nil, &AppError{"private key", reason, id} }
	if text.IsZero() {
		return fail("private-key-empty", "none was given")
	}
	seen := ""
	for rest := []byte(text.Reveal()); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return fail("private-key-encrypted", "it is encrypted: remove the passphrase, or give the .p12 file")
		case block.Type == "PRIVATE KEY" || block.Type == "RSA PRIVATE KEY":
			return rsaKey(block.Bytes)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return fail("private-key-type", "it is not an RSA key, and Salesforce takes RS256 only")
		}
		seen = block.Type
	}
	if strings.Contains(seen, "CERTIFICATE") {
		return fail("private-key-certificate", "it is the certificate, which belongs into the app; the key is the other file")
	}
	return fail("private-key-malformed", "not a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
}

func rsaKey(der []byte) (*rsa.PrivateKey, error) {
	fail := func(id, reason string) (*rsa.PrivateKey, error) { return nil, &AppError{"private key", reason, id} }
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		any, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return fail("private-key-malformed", "damaged, or cut off")
		}
		var ok bool
		if key, ok = any.(*rsa.PrivateKey); !ok {
			return fail("private-key-type", "it is not an RSA key, and Salesforce takes RS256 only")
		}
	}
	if key.N.BitLen() < 2048 { // RFC 7518 section 3.3
		return fail("private-key-type", "it has less than the 2048 bits that RS256 asks for")
	}
	return key, nil
}

// signJWT makes a JWT that the app signs with RS256, the only algorithm Salesforce takes. exp is in whole seconds and
// rounded down, so that it never lies further away than assertionLife.
func (a App) signJWT(claims map[string]any) (Secret, error) {
	key, err := parsePrivateKey(a.PrivateKey)
	if err != nil {
		return Secret{}, err
	}
	claims["exp"] = time.Now().Add(assertionLife).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		return Secret{}, err
	}
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return Secret{}, &AppError{"private key", "it cannot sign", "private-key-malformed"}
	}
	return NewSecret(text + "." + part(signature)), nil
}
