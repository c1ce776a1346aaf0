// Package flow runs every flow of package sftoken against the emulator, right and wrong: two readings of Salesforce's
// documents, checked against each other. SAML assertions are made nowhere here, so that of those only the refusal is.
package flow

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// pair is a private key and its public key, in PEM.
type pair struct{ private, public string }

var own, foreign = sync.OnceValue(newPair), sync.OnceValue(newPair)

func newPair() pair {
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
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return pair{encode("PRIVATE KEY", private), encode("PUBLIC KEY", public)}
}

// sign makes a JWT.
func (p pair) sign(t *testing.T, claims string) sftoken.Secret {
	t.Helper()
	block, _ := pem.Decode([]byte(p.private))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return sftoken.NewSecret(text + "." + encode(signature))
}

// start is an emulator whose confidential app has every flow.
func start(t *testing.T) *emulatortest.Server {
	t.Helper()
	config := emulator.DefaultConfig()
	config.Orgs[0].CodeCredentials = true
	config.Orgs[0].TokenHandlers = []emulator.TokenHandler{{
		Name: "Handler", Apps: []string{emulator.ClientIDConfidential}, Tokens: map[string]string{"theirs": emulator.Username},
	}}
	app := &config.Apps[0]
	app.Certificate = own().public
	app.ClientCredentials, app.ClientCredentialsUser = true, emulator.Username
	app.DeviceFlow, app.TokenExchange, app.AssetTokens, app.CodeCredentials = true, true, true, true
	app.Scopes = append(app.Scopes, "lightning")
	return emulatortest.Start(t, emulator.Options{Config: config})
}

// client is the confidential app's at a path of the server: "" is a login pool, "/acme" the org.
func client(t *testing.T, server *emulatortest.Server, path string) *sftoken.Client {
	t.Helper()
	host, err := sftoken.ParseHost(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return &sftoken.Client{HTTP: server.Client(), App: sftoken.App{
		ClientID: emulator.ClientIDConfidential, ClientSecret: sftoken.NewSecret(emulator.ClientSecretConfidential),
		Host: host, RedirectURI: "http://localhost:8080/callback",
	}}
}

func withKey(c *sftoken.Client, p pair) *sftoken.Client {
	c.App.ClientSecret, c.App.PrivateKey = sftoken.Secret{}, sftoken.NewSecret(p.private)
	return c
}

// login goes through the browser and gives where it ends.
func login(t *testing.T, server *emulatortest.Server, c *sftoken.Client, o sftoken.AuthorizeOptions) (*sftoken.Attempt, *url.URL) {
	t.Helper()
	attempt, err := c.Authorize(o)
	if err != nil {
		t.Fatal(err)
	}
	end, err := server.NewBrowser(emulator.Username).Visit(attempt.URL)
	if err != nil {
		t.Fatal(err)
	}
	return attempt, end
}

func exchange(t *testing.T, server *emulatortest.Server, c *sftoken.Client, o sftoken.AuthorizeOptions) (*sftoken.Token, error) {
	t.Helper()
	attempt, end := login(t, server, c, o)
	code, err := attempt.Accept(end.Query())
	if err != nil {
		t.Fatal(err)
	}
	return c.Exchange(t.Context(), attempt, code)
}

// works checks that the token opens the API as the user, and whether a refresh token came.
func works(t *testing.T, name string, c *sftoken.Client, token *sftoken.Token, err error, refreshable bool) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if who, err := c.UserInfo(t.Context(), token); err != nil || who.PreferredUsername != emulator.Username {
		t.Errorf("%s: the token opens nothing: %+v, %v", name, who, err)
	}
	if token.RefreshToken.IsZero() == refreshable {
		t.Errorf("%s: refresh token: %v", name, !token.RefreshToken.IsZero())
	}
}

// refused checks that Salesforce refused, and in which words.
func refused(t *testing.T, name string, err error, code, description string) {
	t.Helper()
	e, ok := errors.AsType[*sftoken.Error](err)
	if !ok || e.Code != code || !strings.Contains(strings.ToLower(e.Description), description) {
		t.Errorf("%s: %v, want %s (%s)", name, err, code, description)
	}
}

func change(t *testing.T, server *emulatortest.Server, how func(*emulator.App)) {
	t.Helper()
	if err := server.Emulator().UpdateApp(emulator.ClientIDConfidential, how); err != nil {
		t.Fatal(err)
	}
}

func is(err error, code string) bool {
	e, ok := errors.AsType[*sftoken.Error](err)
	return ok && e.Code == code
}
