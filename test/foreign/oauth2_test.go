package foreign

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

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

func oauth2Rotates(t *testing.T) {
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

func oauth2WithSecret(t *testing.T) {
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

// The flows without a person, as Go's packages have them: they put aud, exp and the client's name where they please.
func oauth2Others(t *testing.T) {
	s := emulatortest.Start(t)
	withKey(t, s, emulator.ClientIDConfidential)
	ctx := withClient(t, s)
	config := oauth2Config(s, emulator.ClientIDConfidential, "")
	config.ClientSecret = emulator.ClientSecretConfidential
	for grantType, get := range map[string]func() (*oauth2.Token, error){
		jwtGrant: (&jwt.Config{
			Email: emulator.ClientIDConfidential, Subject: emulator.Username, PrivateKey: []byte(signingKey().private), TokenURL: config.Endpoint.TokenURL,
		}).TokenSource(ctx).Token,
		"client_credentials": (&clientcredentials.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, TokenURL: s.URL + "/acme/services/oauth2/token",
		}).TokenSource(ctx).Token,
		"password": func() (*oauth2.Token, error) {
			return config.PasswordCredentialsToken(ctx, emulator.Username, emulator.Password)
		},
	} {
		token, err := get()
		if err != nil {
			t.Errorf("%s: %v", grantType, err)
			continue
		}
		if !works(t, s, token.AccessToken) || token.RefreshToken != "" {
			t.Errorf("%s: a token that does not work, or one with a refresh token", grantType)
		}
		if got := counted(s, grantType, http.StatusOK); got != 1 {
			t.Errorf("%s: the emulator counted %d", grantType, got)
		}
	}
}

// Salesforce's device flow is older than RFC 8628: it begins at the token endpoint, and its names have to be set.
func oauth2Device(t *testing.T) {
	s := emulatortest.Start(t)
	config := oauth2Config(s, emulator.ClientIDPublic, "", "api", "refresh_token")
	config.Endpoint.DeviceAuthURL = config.Endpoint.TokenURL
	ctx, cancel := context.WithTimeout(withClient(t, s), time.Minute)
	defer cancel()
	begun, err := config.DeviceAuth(ctx, oauth2.SetAuthURLParam("response_type", "device_code"))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	approved := make(chan error, 1)
	go func() {
		_, err := s.NewBrowser(emulator.Username).Visit(begun.VerificationURI + "?user_code=" + begun.UserCode)
		approved <- err
	}()
	config.Scopes = nil // it would send them again, which Salesforce refuses at the token endpoint
	token, err := config.DeviceAccessToken(ctx, begun,
		oauth2.SetAuthURLParam("grant_type", "device"), oauth2.SetAuthURLParam("code", begun.DeviceCode))
	if err := errors.Join(err, <-approved); err != nil {
		t.Fatal(err)
	}
	if interval := time.Duration(begun.Interval) * time.Second; interval <= 0 || time.Since(began) < interval {
		t.Errorf("polled sooner than the interval of %s", interval)
	}
	if !works(t, s, token.AccessToken) || token.RefreshToken == "" {
		t.Error("the device has no token that works, or no refresh token")
	}
}
