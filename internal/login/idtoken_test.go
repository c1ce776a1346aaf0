package login

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// meddler changes the answers of a server on their way: a token answer's fields, or which paths can be reached.
type meddler struct {
	http.RoundTripper
	change func(fields map[string]any)
	cut    string // path that gets no answer
	keys   string // what /id/keys answers instead
}

func (m meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.cut != "" && strings.HasSuffix(r.URL.Path, m.cut) {
		return nil, errors.New("connection refused")
	}
	if m.keys != "" && strings.HasSuffix(r.URL.Path, "/id/keys") {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(m.keys))}, nil
	}
	res, err := m.RoundTripper.RoundTrip(r)
	if err != nil || m.change == nil || !strings.HasSuffix(r.URL.Path, "/token") {
		return res, err
	}
	defer res.Body.Close()
	var fields map[string]any
	if err := json.NewDecoder(res.Body).Decode(&fields); err != nil {
		return nil, err
	}
	m.change(fields)
	body, err := json.Marshal(fields)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, err
}

// withHash is a login host whose ID tokens name the access token that they come with: another one.
func withHash(t *testing.T) meddler {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return meddler{
		keys: `{"keys":[{"kty":"RSA","kid":"ours","e":"AQAB","n":"` + encode(key.N.Bytes()) + `"}]}`,
		change: func(f map[string]any) {
			claims, err := base64.RawURLEncoding.DecodeString(strings.Split(f["id_token"].(string), ".")[1])
			if err != nil {
				t.Error(err)
			}
			claims = append(claims[:len(claims)-1], `,"at_hash":"AAAAAAAAAAAAAAAAAAAAAA"}`...)
			text := encode([]byte(`{"alg":"RS256","kid":"ours"}`)) + "." + encode(claims)
			sum := sha256.Sum256([]byte(text))
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			if err != nil {
				t.Error(err)
			}
			f["id_token"] = text + "." + encode(signature)
		},
	}
}

// C-48: when openid was asked for, nothing is kept before the ID token has been verified, and what cannot be trusted is
// revoked. Keys that cannot be fetched are no proof of anything.
func TestIDTokenIsVerified(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		with  meddler
		nonce string // of another login
		claim string // that fails; empty: the grant is kept
	}{
		{name: "right"},
		{name: "no keys to be had", with: meddler{cut: "/id/keys"}},
		{name: "no ID token", with: meddler{change: func(f map[string]any) { delete(f, "id_token") }}},
		{name: "forged", with: meddler{change: func(f map[string]any) {
			raw := f["id_token"].(string)
			i := strings.LastIndexByte(raw, '.') + 10
			f["id_token"] = raw[:i] + swap(raw[i]) + raw[i+1:]
		}}, claim: "signature"},
		{name: "unsigned", with: meddler{change: func(f map[string]any) { f["id_token"] = "eyJhbGciOiJub25lIn0.e30." }}, claim: "alg"},
		{name: "another access token's", with: withHash(t), claim: "at_hash"},
		{name: "another login's", nonce: "another", claim: "nonce"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server, s := emulatortest.Start(t), memory.New()
			j := begin(t, server, s, "prod")
			attempt, err := j.Client.Authorize(sftoken.AuthorizeOptions{Scopes: []string{"api", "refresh_token", "openid"}})
			if err != nil {
				t.Fatal(err)
			}
			j.Attempt = attempt
			code := code(t, server, j, emulator.Username)
			if row.nonce != "" {
				j.Attempt.Nonce = sftoken.NewSecret(row.nonce)
			}
			row.with.RoundTripper = server.Client().Transport
			j.Client.HTTP = &http.Client{Transport: row.with}
			_, err = j.Complete(t.Context(), code)
			_, missing := s.Get(t.Context(), "prod")
			if row.claim == "" {
				if err != nil || missing != nil {
					t.Errorf("Complete: %v; kept: %v", err, missing)
				}
				return
			}
			e, ok := errors.AsType[*sftoken.IDTokenError](err)
			unsaved, _ := errors.AsType[*UnsavedError](err)
			if !ok || e.Claim != row.claim || unsaved == nil || !unsaved.Revoked || !errors.Is(missing, store.ErrNotFound) {
				t.Errorf("Complete: %v; in the store: %v; want an *IDTokenError on %s, revoked and not kept", err, missing, row.claim)
			}
		})
	}
}

func swap(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
