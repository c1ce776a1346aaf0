package oauth2source_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/oauth2source"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

func TestTokenSource(t *testing.T) {
	t.Parallel()
	s := memory.New()
	engine := refresh.New(refresh.Options{Store: s})
	in := time.Now().Add(time.Hour)
	for alias, at := range map[string]time.Time{"known": in, "unknown": {}} {
		lease, err := s.Lease(t.Context(), alias)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		g := &store.Grant{
			Alias: alias, AccessToken: sftoken.NewSecret("00D!" + alias), RefreshToken: sftoken.NewSecret("r"),
			InstanceURL: "https://acme.my.salesforce.com", RefreshedAt: time.Now(),
		}
		if !at.IsZero() {
			g.Expiry = store.Expiry{At: at, Source: store.FromJWT}
		}
		if err := lease.Save(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		token, err := oauth2source.TokenSource(t.Context(), engine, alias).Token()
		if err != nil {
			t.Fatal(err)
		}
		if token.AccessToken != "00D!"+alias || !token.Expiry.Equal(at) || token.Type() != "Bearer" || !token.Valid() {
			t.Errorf("%s: type %s, expiry %v", alias, token.Type(), token.Expiry)
		}
		if got := token.Extra("instance_url"); got != "https://acme.my.salesforce.com" {
			t.Errorf("%s: instance_url %v", alias, got)
		}
	}
	if token, err := oauth2source.TokenSource(t.Context(), engine, "nobody").Token(); token != nil || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
