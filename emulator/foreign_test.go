package emulator_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// The web server flow with PKCE, the refresh and the ID token, by clients that nobody here wrote, over https.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		clientID, secret string
		style            oauth2.AuthStyle
	}{
		"confidential, detected": {emulator.ClientIDConfidential, emulator.ClientSecretConfidential, oauth2.AuthStyleAutoDetect},
		"confidential, basic":    {emulator.ClientIDConfidential, emulator.ClientSecretConfidential, oauth2.AuthStyleInHeader},
		"public, rotating":       {emulator.ClientIDRotating, "", oauth2.AuthStyleInParams},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := emulatortest.StartTLS(t)
			ctx := oidc.ClientContext(t.Context(), s.Client())
			provider, err := oidc.NewProvider(ctx, s.URL)
			if err != nil {
				t.Fatal(err)
			}
			endpoint := provider.Endpoint()
			endpoint.AuthStyle = row.style
			config := oauth2.Config{
				ClientID: row.clientID, ClientSecret: row.secret, Endpoint: endpoint, RedirectURL: "http://localhost:8080/callback",
				Scopes: []string{oidc.ScopeOpenID, "api", "refresh_token"},
			}
			verifier := oauth2.GenerateVerifier()
			end, err := s.NewBrowser(emulator.UsernameJa).Visit(config.AuthCodeURL("state-1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce-1")))
			if err != nil {
				t.Fatal(err)
			}
			if got := end.Query().Get("state"); got != "state-1" {
				t.Fatalf("state = %q", got)
			}
			token, err := config.Exchange(ctx, end.Query().Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			idToken := verifyIDToken(ctx, t, provider, row.clientID, token)
			if idToken.Nonce != "nonce-1" {
				t.Errorf("nonce = %q", idToken.Nonce)
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != idToken.Subject || info.Email != emulator.UsernameJa {
				t.Errorf("userinfo of %s, %s", info.Subject, info.Email)
			}

			// Signing keys change; the old ID token can still be verified, and new ones too.
			if err := s.Emulator().RotateKeys(); err != nil {
				t.Fatal(err)
			}
			verifyIDToken(ctx, t, provider, row.clientID, token)
			next, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
			if err != nil {
				t.Fatal(err)
			}
			verifyIDToken(ctx, t, provider, row.clientID, next)
			if rotated := next.RefreshToken != token.RefreshToken; rotated != (row.clientID == emulator.ClientIDRotating) {
				t.Errorf("refresh token changed: %t", rotated)
			}
			if !next.Expiry.IsZero() {
				t.Error("an expiry came from somewhere: Salesforce sends none")
			}

			_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: "5Aep861wrong"}).Token()
			refused, ok := errors.AsType[*oauth2.RetrieveError](err)
			if !ok || refused.ErrorCode != "invalid_grant" || refused.ErrorDescription != expired {
				t.Errorf("wrong refresh token: %v", err)
			}
		})
	}
}

func verifyIDToken(ctx context.Context, t *testing.T, provider *oidc.Provider, clientID string, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: clientID}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if idToken.Subject != token.Extra("id") {
		t.Errorf("sub = %s, want the identity URL %v", idToken.Subject, token.Extra("id"))
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	return idToken
}

// E-17: a key that was withdrawn is gone from /id/keys.
func TestRetireKeys(t *testing.T) {
	t.Parallel()
	b := start(t)
	for range 2 {
		if err := b.Emulator().RotateKeys(); err != nil {
			t.Fatal(err)
		}
	}
	two := b.get("/id/keys", "").body
	b.Emulator().RetireKeys()
	one := b.get("/id/keys", "").body
	if count(two, `"kid"`) != 2 || count(one, `"kid"`) != 1 || count(two, `"d"`) != 0 {
		t.Errorf("keys before %d and after %d, want 2 and 1, and no private parts", count(two, `"kid"`), count(one, `"kid"`))
	}
}

// The flows without a person, by Go's own OAuth packages: they put aud, exp and the client's name where they please.
func TestForeignClientsWithoutPerson(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	b.login(emulator.ClientIDConfidential)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, b.Client())
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(own().key)})
	for name, source := range map[string]oauth2.TokenSource{
		"jwt": (&jwt.Config{Email: emulator.ClientIDConfidential, Subject: emulator.Username, PrivateKey: key, TokenURL: b.URL + tokenPath}).TokenSource(ctx),
		"clientcredentials": (&clientcredentials.Config{
			ClientID: emulator.ClientIDConfidential, ClientSecret: emulator.ClientSecretConfidential, TokenURL: b.URL + "/acme" + tokenPath,
		}).TokenSource(ctx),
	} {
		token, err := source.Token()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !b.alive(token.AccessToken) {
			t.Errorf("%s: the access token is dead", name)
		}
	}
}
