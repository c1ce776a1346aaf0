package sftoken

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// TokenType says what kind of token is exchanged.
type TokenType string

// The kinds that Salesforce knows. It spells JWT in capitals (Apex reference, OAuth2TokenExchangeType), unlike RFC 8693.
const (
	AccessTokenType  TokenType = "urn:ietf:params:oauth:token-type:access_token"
	IDTokenType      TokenType = "urn:ietf:params:oauth:token-type:id_token"
	JWTType          TokenType = "urn:ietf:params:oauth:token-type:JWT"
	RefreshTokenType TokenType = "urn:ietf:params:oauth:token-type:refresh_token"
	SAML2Type        TokenType = "urn:ietf:params:oauth:token-type:saml2"
)

var tokenTypes = []TokenType{AccessTokenType, IDTokenType, JWTType, RefreshTokenType, SAML2Type}

var errTokenType = &AppError{"subject token type", "Salesforce knows access_token, id_token, JWT, refresh_token and saml2", "subject-token-type"}

// TokenExchangeOptions are what is exchanged, and who judges it.
type TokenExchangeOptions struct {
	SubjectToken Secret // another identity provider's
	SubjectType  TokenType
	Handler      string   // the Apex class that maps it to a user; empty: the app's default
	Scopes       []string // nil: the app's, and when it names none, all that it has
}

// TokenExchange gets tokens for the token of another identity provider (RFC 8693), which a handler in the org has to know:
// an Apex class that extends Auth.Oauth2TokenExchangeHandler. It runs at the org's My Domain only, and needs the user's or an
// administrator's approval of the app. A refresh token comes if refresh_token is among the scopes.
func (c *Client) TokenExchange(ctx context.Context, o TokenExchangeOptions) (*Token, error) {
	if err := c.checkFlow(FlowTokenExchange); err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	scopes := o.Scopes
	if scopes == nil {
		scopes = c.App.Scopes
	}
	form := url.Values{
		"grant_type":         {grantTokenExchange},
		"subject_token":      {o.SubjectToken.Reveal()},
		"subject_token_type": {string(o.SubjectType)},
	}
	if o.Handler != "" {
		form.Set("token_handler", o.Handler)
	}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	return c.token(ctx, form)
}

func (o TokenExchangeOptions) validate() error {
	if o.SubjectToken.IsZero() {
		return &AppError{"subject token", "none was given", "subject-token-empty"}
	}
	if !slices.Contains(tokenTypes, o.SubjectType) {
		return errTokenType
	}
	return validScopes(o.Scopes)
}

// ParseTokenType reads the last part of a token type as a person writes it, in any case, or all of it. The error is an
// *AppError.
func ParseTokenType(text string) (TokenType, error) {
	for _, known := range tokenTypes {
		short := string(known[strings.LastIndexByte(string(known), ':')+1:])
		if strings.EqualFold(text, short) || strings.EqualFold(text, string(known)) {
			return known, nil
		}
	}
	return "", errTokenType
}
