package foreign

import (
	"context"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// Both of x/oauth2 and go-oidc take their HTTP client from the context.
func withClient(t *testing.T, s *emulatortest.Server) context.Context {
	return oidc.ClientContext(t.Context(), s.Client())
}

func goOIDC(t *testing.T) {
	for name, s := range map[string]*emulatortest.Server{"http": emulatortest.Start(t), "https": emulatortest.StartTLS(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := withClient(t, s)
			provider, err := oidc.NewProvider(ctx, s.URL)
			if err != nil {
				t.Fatalf("discover: %v", err)
			}
			c := listen(t)
			config := oauth2Config(s, emulator.ClientIDPublic, c.URL, oidc.ScopeOpenID, "refresh_token")
			config.Endpoint = provider.Endpoint()
			token := login(t, s, config, c, oidc.Nonce("a nonce"))

			raw, _ := token.Extra("id_token").(string)
			verified, err := provider.Verifier(&oidc.Config{ClientID: emulator.ClientIDPublic}).Verify(ctx, raw)
			if err != nil {
				t.Fatalf("verify the ID token: %v", err)
			}
			if verified.Nonce != "a nonce" {
				t.Errorf("nonce %q", verified.Nonce)
			}
			if verified.AccessTokenHash != "" { // Salesforce does not always send one
				if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
					t.Errorf("at_hash: %v", err)
				}
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatalf("userinfo: %v", err)
			}
			if info.Subject != verified.Subject {
				t.Errorf("userinfo is about %q, the ID token about %q", info.Subject, verified.Subject)
			}

			if _, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err != nil {
				t.Errorf("refresh: %v", err)
			}
			if got := counted(s, "refresh_token", http.StatusOK); got != 1 {
				t.Errorf("the emulator counted %d refreshes, want 1", got)
			}
		})
	}
}
