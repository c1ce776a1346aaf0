package sftoken

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// IDToken holds the claims of a verified ID token.
type IDToken struct {
	Issuer          string
	Subject         string // the identity URL
	Audience        []string
	AuthorizedParty string
	ExpiresAt       time.Time
	IssuedAt        time.Time
	Claims          map[string]json.RawMessage // all others

	accessTokenHash string
}

// IDTokenError says which check an ID token did not pass.
type IDTokenError struct {
	Claim  string // alg, kid, signature, iss, aud …
	Reason string
}

func (e *IDTokenError) Error() string { return "verify id token: " + e.Claim + ": " + e.Reason }

// ErrorID returns the stable name of this kind of error.
func (e *IDTokenError) ErrorID() string { return "id-token-" + strings.ReplaceAll(e.Claim, "_", "-") }

// ErrorData returns the values that an explanation of the error may name.
func (e *IDTokenError) ErrorData() map[string]string {
	return map[string]string{"Claim": e.Claim, "Reason": e.Reason}
}

// clockSkew is how far this machine's clock may be off. Salesforce's ID tokens live two minutes by default
// (idTokenValidity), so that more would double their life.
const clockSkew = time.Minute

// VerifyIDToken checks an ID token as OpenID Connect Core section 3.1.3.7 asks: signed with RS256 by one of the login
// host's keys, from the login host or the pool or My Domain that belongs to it, for this app, alive, and answering the
// attempt's nonce. A zero nonce is not compared, for tokens that a refresh brought. The error is an *IDTokenError, or
// that of fetching the keys.
func (c *Client) VerifyIDToken(ctx context.Context, raw Secret, nonce Secret) (*IDToken, error) {
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	claims, err := c.verifySignature(ctx, raw.Reveal())
	if err != nil {
		return nil, err
	}
	t := &IDToken{
		Issuer:          claims.text("iss"),
		Subject:         claims.text("sub"),
		Audience:        audience(claims),
		AuthorizedParty: claims.text("azp"),
		ExpiresAt:       claims.seconds("exp"),
		IssuedAt:        claims.seconds("iat"),
		accessTokenHash: claims.text("at_hash"),
	}
	got := NewSecret(claims.text("nonce"))
	t.Claims = claims
	now := time.Now()
	fail := func(claim, reason string) (*IDToken, error) { return nil, &IDTokenError{claim, reason} }
	switch {
	case !trustsIssuer(c.App.Host, t.Issuer):
		return fail("iss", "it is from another server than the login host")
	case !slices.Contains(t.Audience, c.App.ClientID):
		return fail("aud", "it is for another app")
	case t.AuthorizedParty != "" && t.AuthorizedParty != c.App.ClientID:
		return fail("azp", "it was issued to another app")
	case t.Subject == "":
		return fail("sub", "it names no user")
	case !now.Before(t.ExpiresAt.Add(clockSkew)):
		return fail("exp", "it has expired, or this machine's clock is wrong")
	case t.IssuedAt.IsZero() || t.IssuedAt.After(now.Add(clockSkew)):
		return fail("iat", "it is from the future, or this machine's clock is wrong")
	case !nonce.IsZero() && !got.Equal(nonce):
		return fail("nonce", "it answers another login")
	}
	return t, nil
}

// VerifyAccessToken checks that the ID token was issued together with access (OpenID Connect Core section 3.1.3.6). An ID
// token without at_hash, which the code flow need not have, says nothing about that.
func (t *IDToken) VerifyAccessToken(access Secret) error {
	if t.accessTokenHash == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(access.Reveal()))
	want := base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	if subtle.ConstantTimeCompare([]byte(strings.TrimRight(t.accessTokenHash, "=")), []byte(want)) != 1 {
		return &IDTokenError{"at_hash", "it belongs to another access token"}
	}
	return nil
}

// verifySignature returns the claims of a JWT in compact form (RFC 7515) that is signed by the login host. RS256 is the
// only algorithm Salesforce uses, so it is the only one accepted: not "none", and none with a shared key.
func (c *Client) verifySignature(ctx context.Context, raw string) (fields, error) {
	fail := func(claim, reason string) (fields, error) { return nil, &IDTokenError{claim, reason} }
	part := strings.Split(raw, ".")
	if len(part) != 3 || len(raw) > 64<<10 {
		return fail("form", "not a signed JWT")
	}
	header, okHeader := jwtPart(part[0])
	claims, okClaims := jwtPart(part[1])
	signature, err := base64.RawURLEncoding.Strict().DecodeString(part[2])
	if !okHeader || !okClaims || err != nil {
		return fail("form", "not a signed JWT")
	}
	if header.text("alg") != "RS256" {
		return fail("alg", "Salesforce signs with RS256 and nothing else")
	}
	if header["crit"] != nil {
		return fail("crit", "it asks for extensions that nobody here knows")
	}
	id := header.text("kid")
	if id == "" {
		return fail("kid", "it does not say which key signed it")
	}
	key, err := c.key(ctx, id)
	if errors.Is(err, errUnknownKey) {
		return fail("kid", "the login host has no such key")
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return fail("signature", "it was not signed by the login host")
	}
	return claims, nil
}

// jwtPart decodes one part of a JWT, strictly: two ways to write one token must not both be accepted.
func jwtPart(part string) (fields, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, false
	}
	var f fields
	return f, json.Unmarshal(raw, &f) == nil && f != nil
}

// audience takes aud, which is one string or an array of them; unlike scopes it is never split at spaces.
func audience(claims fields) []string {
	var list []string
	if json.Unmarshal(claims["aud"], &list) == nil {
		delete(claims, "aud")
		return list
	}
	if one := claims.text("aud"); one != "" {
		return []string{one}
	}
	return nil
}
