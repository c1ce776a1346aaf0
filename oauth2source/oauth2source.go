// Package oauth2source lets programs that take an oauth2.TokenSource use the grants that sftoken keeps.
//
// The engine caches and refreshes; the source adds nothing. Do not wrap it in oauth2.ReuseTokenSource, and do not use
// oauth2.NewClient, which does: Salesforce rarely says when a token dies, and x/oauth2 keeps a token without expiry for
// ever. Use oauth2.Transport as in the example, or refresh.Transport, which also reacts to an API's 401.
//
// Everybody may import it.
package oauth2source

import (
	"context"

	"golang.org/x/oauth2"

	"github.com/sftoken/sftoken/refresh"
)

// TokenSource returns a source of access tokens of the grant alias. Each call of Token asks the engine; its errors are
// those of refresh.Engine.Token. The context lasts for as long as the source is used, since oauth2.TokenSource takes none
// itself: a deadline of one request does not belong there.
//
// A token's Expiry is set only when it is known. Its Extra("instance_url") says where the org's API answers.
func TokenSource(ctx context.Context, engine *refresh.Engine, alias string) oauth2.TokenSource {
	return source(func() (*oauth2.Token, error) {
		access, err := engine.Token(ctx, alias)
		if err != nil {
			return nil, err
		}
		token := &oauth2.Token{AccessToken: access.Token.Reveal(), TokenType: "Bearer", Expiry: access.Expiry.At}
		return token.WithExtra(map[string]any{"instance_url": access.InstanceURL}), nil
	})
}

type source func() (*oauth2.Token, error)

func (s source) Token() (*oauth2.Token, error) { return s() }
