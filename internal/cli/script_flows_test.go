package cli

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
)

// newKeyFile writes a new private key, readable by its owner only, and returns its public key in PEM.
func newKeyFile(path string) (public string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	der, derErr := x509.MarshalPKIXPublicKey(key.Public())
	if err := errors.Join(err, derErr); err != nil {
		return "", err
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), os.WriteFile(path, content, 0o600)
}
