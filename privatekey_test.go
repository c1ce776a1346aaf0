package sftoken_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// C-57: keys in PEM, PKCS #8 or PKCS #1, with whatever openssl writes around them; everything else is told apart.
func TestPrivateKey(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := testKeyPEM().Reveal()
	pkcs1 := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	certificate := pemOf("CERTIFICATE", []byte("x"))
	for _, row := range []struct{ name, text, id string }{
		{"PKCS #8", pkcs8, ""},
		{"PKCS #1", pkcs1, ""},
		{"Windows line ends", strings.ReplaceAll(pkcs8, "\n", "\r\n"), ""},
		{"bag attributes and a certificate before it", "Bag Attributes\n  friendlyName: x\n" + certificate + pkcs8, ""},
		{"a certificate", certificate, "private-key-certificate"},
		{"encrypted", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")), "private-key-encrypted"},
		{"encrypted the old way", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "private-key-encrypted"},
		{"elliptic", pemOf("PRIVATE KEY", ecDER), "private-key-type"},
		{"elliptic the old way", pemOf("EC PRIVATE KEY", sec1), "private-key-type"},
		{"damaged", pemOf("PRIVATE KEY", []byte("CANARY")), "private-key-malformed"},
		{"cut", pkcs8[:len(pkcs8)/2], "private-key-malformed"},
		{"something else", "CANARY", "private-key-malformed"},
	} {
		app := sftoken.App{ClientID: clientID, Host: parseHost(t, acme), PrivateKey: sftoken.NewSecret(row.text)}
		err := app.Validate()
		e, _ := errors.AsType[*sftoken.AppError](err)
		switch {
		case row.id == "" && err != nil, row.id != "" && (e == nil || e.ID != row.id):
			t.Errorf("%s: %v, want %q", row.name, err, row.id)
		case err != nil && (strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "BEGIN RSA")):
			t.Errorf("%s: the error shows the key: %v", row.name, err)
		}
	}
}

func TestPrivateKeyTooShort(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	app := sftoken.App{ClientID: clientID, Host: parseHost(t, acme), PrivateKey: sftoken.NewSecret(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short)))}
	if e, ok := errors.AsType[*sftoken.AppError](app.Validate()); !ok || e.ID != "private-key-type" {
		t.Errorf("a key of 1024 bits: %v", app.Validate())
	}
}

// C-57, C-59: exp is in seconds and never more than 180 away; a client assertion has a jti of its own each time.
func TestAssertionClaims(t *testing.T) {
	t.Parallel()
	testKey()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(999 * time.Millisecond) // off the whole second
		seen := map[string]bool{}
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			form := formOf(t, r)
			parts := strings.Split(form.Get("client_assertion")+form.Get("assertion"), ".")
			verify(t, &testKey().PublicKey, parts)
			raw, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil {
				t.Fatal(err)
			}
			var claims struct {
				Exp json.Number
				Jti string
			}
			if err := json.Unmarshal(raw, &claims); err != nil {
				t.Fatal(err)
			}
			exp, err := claims.Exp.Int64()
			if life := exp - time.Now().Unix(); err != nil || life > 180 || life < 170 {
				t.Errorf("exp %v: lives %d s", claims.Exp, life)
			}
			if form.Has("client_assertion") && (len(claims.Jti) < 20 || seen[claims.Jti] || form.Has("client_secret")) {
				t.Errorf("jti %q was there before, or a secret was sent as well", claims.Jti)
			}
			seen[claims.Jti] = true
			return answer(200, "application/json", `{"access_token":"00D!x","active":true}`), nil
		}))
		c.App.ClientSecret, c.App.PrivateKey = sftoken.Secret{}, testKeyPEM()
		for range 3 {
			if _, err := refresh(t, c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Introspect(t.Context(), sftoken.NewSecret(refreshToken), sftoken.RefreshTokenHint); err != nil {
			t.Fatal(err)
		}
		if _, err := c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{Subject: "a@acme.example"}); err != nil {
			t.Fatal(err)
		}
	})
}

// C-57: the server's clock is read from the Date header, and told when an assertion was refused, in either direction.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	testKey()
	refused := `{"error":"invalid_grant","error_description":"invalid assertion"}`
	for _, row := range []struct {
		skew time.Duration
		want string
	}{
		{0, ""},
		{29 * time.Second, ""},
		{-4 * time.Minute, "; this machine's clock is 4m0s behind Salesforce's"},
		{2 * time.Hour, "; this machine's clock is 2h0m0s ahead of Salesforce's"},
	} {
		synctest.Test(t, func(t *testing.T) {
			date := time.Now().Add(-row.skew).UTC().Format(http.TimeFormat)
			c := newClient(t, answering(400, "application/json", refused, "Date", date))
			_, err := refresh(t, c)
			if e, ok := errors.AsType[*sftoken.Error](err); !ok || e.ClockSkew != 0 {
				t.Errorf("a request without an assertion: %v", err)
			}
			c.App.PrivateKey = testKeyPEM()
			_, err = c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{Subject: "a@acme.example"})
			if want := "token endpoint: invalid_grant (invalid assertion)" + row.want; err == nil || err.Error() != want {
				t.Errorf("skew %v: %v\nwant %s", row.skew, err, want)
			}
		})
	}
	c := newClient(t, answering(400, "application/json", refused, "Date", "yesterday"))
	c.App.PrivateKey = testKeyPEM()
	if _, err := c.JWTBearer(t.Context(), sftoken.JWTBearerOptions{Subject: "a@acme.example"}); strings.Contains(err.Error(), "clock") {
		t.Errorf("a Date header that is none: %v", err)
	}
}

func formOf(t *testing.T, r *http.Request) url.Values {
	t.Helper()
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	return r.PostForm
}
