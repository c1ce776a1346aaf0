package cli

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// newKeyFile writes a new private key, readable by its owner only, and returns its public key in PEM.
func newKeyFile(ts *testscript.TestScript, name string) (public string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	ts.Check(os.WriteFile(ts.MkAbs(name), content, 0o600))
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	ts.Check(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
