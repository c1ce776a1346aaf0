package foreign

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

const (
	callbackURL = "http://localhost:8080/callback" // of every app; nobody listens, the browser stops before it
	jwtGrant    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// signingKey returns an RSA key as PEM, as every client here takes it.
var signingKey = sync.OnceValue(func() (pair struct {
	private, public string
	key             *rsa.PrivateKey
},
) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	pair.key = key
	pair.private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	pair.public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return pair
})

// withKey lets an app use the JWT bearer flow for the seeded user, whom its administrator has approved.
func withKey(t *testing.T, s *emulatortest.Server, clientID string) {
	t.Helper()
	err := s.Emulator().UpdateApp(clientID, func(a *emulator.App) {
		a.Certificate, a.AdminApproved, a.ApprovedUsers = signingKey().public, true, []string{emulator.Username}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// approve returns where the browser ends after the seeded user has logged in and allowed.
func approve(t *testing.T, s *emulatortest.Server, address string) *url.URL {
	t.Helper()
	end, err := s.NewBrowser(emulator.Username).Visit(address)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// works reports whether the API of the org takes the access token.
func works(t *testing.T, s *emulatortest.Server, token string) bool {
	t.Helper()
	return status(t, s.Client(), s.URL, token) == 200
}

// assertion is a JWT bearer assertion, for clients that let others make it.
func assertion(t *testing.T, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: signingKey().key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": emulator.ClientIDConfidential, "sub": emulator.Username, "aud": audience, "exp": time.Now().Add(3 * time.Minute).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
