package sftoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Token is what the token endpoint answers.
type Token struct {
	AccessToken  Secret
	RefreshToken Secret // zero when the answer had none: of a refresh without rotation, keep the one that was sent
	IDToken      Secret // not verified yet: see VerifyIDToken
	InstanceURL  string // where the org's API answers, without a trailing slash; empty when the answer had none
	IdentityURL  string // the "id" of the answer; its host is a login pool even for logins elsewhere
	OrgID        string // from IdentityURL, 15 or 18 characters as received: compare with SameID
	UserID       string
	TokenType    string    // "Bearer"
	Scopes       []string  // granted; nil when the answer did not say
	IssuedAt     time.Time // zero when the answer did not say
	Signed       Signature

	APIInstanceURL string // the API gateway, for tokens that it takes
	CommunityURL   string // a site user's API host
	CommunityID    string
	TokenFormat    string // "jwt" for JWT access tokens

	Hybrid *Hybrid // session ids for the org's pages; nil but for the hybrid flow
	// Only asset tokens and exchanged ones tell these. Elsewhere Salesforce sends no expires_in.
	IssuedTokenType string
	ExpiresIn       time.Duration

	// Extra holds the fields that have no place above, as secrets because session ids are among them.
	Extra map[string]Secret
	// JWTExpiry is the exp claim of a JWT access token, else zero. Salesforce sends no expires_in, so this is the only
	// expiry that an answer can hold.
	JWTExpiry time.Time
}

// Signature says what became of the answer's signature field. An answer whose signature is wrong is an error.
type Signature int

const (
	SignatureUnchecked Signature = iota // there was none, or there is no client secret to check it with
	SignatureValid
)

func (s Signature) String() string {
	if s == SignatureValid {
		return "valid"
	}
	return "unchecked"
}

// readToken reads a token answer and checks everything in it that a token may be sent to.
func (c *Client) readToken(got *answer) (*Token, error) {
	f, cut := got.object()
	if got.status < 200 || got.status > 299 || f["error"] != nil && f["access_token"] == nil {
		return nil, got.failure()
	}
	t := newToken(f)
	refuse := func(id, reason string, cause error) error {
		e := got.unexpected(id, reason)
		e.RefreshToken, e.Err = t.RefreshToken, cause
		if !t.AccessToken.IsZero() || !t.RefreshToken.IsZero() {
			e.Snippet = "" // better nothing than one secret that the redaction does not know
		}
		return e
	}
	switch {
	case cut != nil:
		return nil, refuse("answer-unreadable", cut.Error(), nil)
	case t.AccessToken.IsZero():
		return nil, refuse("answer-incomplete", "there is no access_token in it", nil)
	case !headerSafe(t.AccessToken.Reveal()):
		return nil, refuse("answer-unreadable", "the access_token in it is damaged", nil)
	case !strings.EqualFold(t.TokenType, "Bearer"):
		return nil, refuse("answer-token-type", "token_type is not Bearer", nil)
	}
	if err := c.checkPlaces(t); err != nil {
		return nil, refuse("answer-untrusted", err.Error(), err)
	}
	if problem := t.checkSignature(f, c.App.ClientSecret); problem != "" {
		return nil, refuse("answer-signature", problem, nil)
	}
	if len(f) > 0 {
		t.Extra = make(map[string]Secret, len(f))
	}
	for name := range f {
		t.Extra[name] = f.extra(name)
	}
	return t, nil
}

// newToken takes everything out of f that has a place in a Token, but for issued_at and signature.
func newToken(f fields) *Token {
	t := &Token{
		AccessToken:    f.secret("access_token"),
		RefreshToken:   f.secret("refresh_token"),
		IDToken:        f.secret("id_token"),
		InstanceURL:    strings.TrimRight(f.text("instance_url"), "/"),
		IdentityURL:    f.text("id"),
		TokenType:      first(f.text("token_type"), "Bearer"),
		Scopes:         f.words("scope"),
		APIInstanceURL: f.text("api_instance_url"),
		CommunityURL:   f.text("sfdc_community_url"),
		CommunityID:    f.text("sfdc_community_id"),
		TokenFormat:    f.text("token_format"),
		Hybrid:         takeHybrid(f),
	}
	if t.IssuedTokenType = f.text("issued_token_type"); t.IssuedTokenType != "" {
		t.ExpiresIn = f.duration("expires_in")
	}
	t.JWTExpiry = jwtExpiry(t.AccessToken)
	return t
}

// checkPlaces refuses an answer whose instance_url or id, or whose domains for session ids, would lead them elsewhere,
// before anything is sent there.
func (c *Client) checkPlaces(t *Token) error {
	for _, place := range append(t.Hybrid.places(), t.InstanceURL, t.IdentityURL) {
		if place == "" {
			continue
		}
		if err := c.Hosts.Trusts(c.App.Host, place); err != nil {
			return err
		}
	}
	if t.IdentityURL != "" {
		org, user, ok := splitIdentityURL(t.IdentityURL)
		if !ok {
			return hostError(t.IdentityURL, "host-malformed", "not an identity URL, which ends with /id/, an org id and a user id")
		}
		t.OrgID, t.UserID = org, user
	}
	return nil
}

// checkSignature takes issued_at and signature. The signature is base64(HMAC-SHA256(client secret, id + issued_at))
// (Salesforce help, "OAuth 2.0 web server flow"), so that it can be checked by a confidential client only.
func (t *Token) checkSignature(f fields, clientSecret Secret) (problem string) {
	issuedAt, signature := f.text("issued_at"), f.text("signature")
	t.IssuedAt = millis(issuedAt)
	if signature == "" || clientSecret.IsZero() {
		return ""
	}
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return "the signature in it is damaged"
	}
	mac := hmac.New(sha256.New, []byte(clientSecret.Reveal()))
	mac.Write([]byte(t.IdentityURL + issuedAt))
	if !hmac.Equal(got, mac.Sum(nil)) {
		return "the signature in it was not made with this client secret"
	}
	t.Signed = SignatureValid
	return ""
}

// extra takes a field nobody knows: a string's value, or else the JSON as it stands.
func (f fields) extra(name string) Secret {
	raw := f[name]
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return NewSecret(s)
	}
	return NewSecret(string(raw))
}

// headerSafe reports whether a token can stand in a header: RFC 6750 allows no spaces, and nothing outside ASCII.
func headerSafe(token string) bool {
	return !strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}

// jwtExpiry reads exp of an access token that is a JWT. Its signature is not checked: the token came from the token
// endpoint itself, and the time is only used to know when to ask for the next.
func jwtExpiry(token Secret) time.Time {
	part := strings.Split(token.Reveal(), ".")
	if len(part) != 3 || !strings.HasPrefix(part[0], "eyJ") {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return time.Time{}
	}
	var f fields
	if json.Unmarshal(payload, &f) != nil || f == nil {
		return time.Time{}
	}
	return f.seconds("exp")
}
