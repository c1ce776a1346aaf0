package foreign

import (
	"errors"
	"net/http"
	"testing"

	"golang.org/x/oauth2"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// oauth2Config is what a Go programmer writes who takes the address of an org for granted and knows nothing of Salesforce.
func oauth2Config(s *emulatortest.Server, clientID, redirectURL string, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:    clientID,
		RedirectURL: redirectURL,
		Scopes:      scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL:  s.URL + "/services/oauth2/authorize",
			TokenURL: s.URL + "/services/oauth2/token",
		},
	}
}

// login goes through the web server flow with PKCE and returns the token.
func login(t *testing.T, s *emulatortest.Server, config *oauth2.Config, c *callback, options ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	options = append(options, oauth2.S256ChallengeOption(verifier))
	code := c.code(t, s.Client().Transport, config.AuthCodeURL("a state", options...), "a state")
	token, err := config.Exchange(withClient(t, s), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("exchange: %v", err)
	}
	return token
}

func TestOAuth2Rotates(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	c := listen(t)
	config := oauth2Config(s, emulator.ClientIDRotating, c.URL, "api", "refresh_token")
	ctx := withClient(t, s)
	token := login(t, s, config, c)
	first := token.RefreshToken
	instance, _ := token.Extra("instance_url").(string)

	spent := map[string]bool{}
	for round := range 3 {
		if got := status(t, s.Client(), instance, token.AccessToken); got != http.StatusOK {
			t.Errorf("round %d: API answers %d to a fresh token", round, got)
		}
		s.Emulator().ExpireSessions()
		if got := status(t, s.Client(), instance, token.AccessToken); got != http.StatusUnauthorized {
			t.Errorf("round %d: API answers %d to an expired token", round, got)
		}
		spent[token.RefreshToken] = true
		fresh, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil {
			t.Fatalf("round %d: refresh: %v", round, err)
		}
		if spent[fresh.RefreshToken] {
			t.Fatalf("round %d: the refresh token did not rotate", round)
		}
		token = fresh
	}
	if got := counted(s, "refresh_token", http.StatusOK); got != 3 {
		t.Errorf("the emulator counted %d refreshes, want 3", got)
	}

	// A spent refresh token kills the whole grant: the newest one with it.
	for _, dead := range []string{first, token.RefreshToken} {
		_, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: dead}).Token()
		refused, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok || refused.ErrorCode != "invalid_grant" {
			t.Errorf("refresh with a dead token: %v, want invalid_grant", err)
		}
	}
}

func TestOAuth2WithSecret(t *testing.T) {
	t.Parallel()
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInParams, oauth2.AuthStyleInHeader} {
		s := emulatortest.Start(t)
		c := listen(t)
		config := oauth2Config(s, emulator.ClientIDConfidential, c.URL, "api", "refresh_token")
		config.ClientSecret = emulator.ClientSecretConfidential
		config.Endpoint.AuthStyle = style
		token := login(t, s, config, c)
		fresh, err := config.TokenSource(withClient(t, s), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil {
			t.Errorf("style %d: refresh: %v", style, err)
		} else if fresh.RefreshToken != token.RefreshToken {
			t.Errorf("style %d: the refresh token rotated though the app does not", style)
		}
	}
}
