package emulator

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keys are the RSA keys that sign ID tokens, newest first. The first is made when it is first needed: that takes a moment,
// and most tests never look at one.
type keys struct {
	mu    sync.Mutex
	list  []jose.JSONWebKey
	named map[string]jose.JSONWebKey // of JWT access tokens by org id, and the one of asset tokens
}

// current returns the keys, newest first.
func (k *keys) current() ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.list) == 0 {
		if err := k.add(); err != nil {
			return nil, err
		}
	}
	return slices.Clone(k.list), nil
}

// add makes a new signing key. k.mu is held.
func (k *keys) add() error {
	// Salesforce's key ids are short numbers, such as "248".
	id := 900
	if len(k.list) > 0 {
		id, _ = strconv.Atoi(k.list[0].KeyID)
		id += 2
	}
	key, err := newKey(strconv.Itoa(id))
	if err != nil {
		return err
	}
	k.list = slices.Insert(k.list, 0, key)
	return nil
}

func newKey(id string) (jose.JSONWebKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("make signing key: %w", err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.RS256), Use: "sig"}, nil
}

// forName returns the key of an org, or of asset tokens, and makes it under the given id when it is first needed.
func (k *keys) forName(name, id string) (jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.named[name]; ok {
		return key, nil
	}
	key, err := newKey(id)
	if err != nil {
		return key, err
	}
	if k.named == nil {
		k.named = map[string]jose.JSONWebKey{}
	}
	k.named[name] = key
	return key, nil
}

// known returns the key of an org or of asset tokens if it was ever needed.
func (k *keys) known(name string) []jose.JSONWebKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.named[name]; ok {
		return []jose.JSONWebKey{key}
	}
	return nil
}

// RotateKeys makes a new signing key. The one before stays published, so that ID tokens that are on their way can still be
// verified; older ones are withdrawn (E-17).
func (s *Server) RotateKeys() error {
	if _, err := s.keys.current(); err != nil {
		return err
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if err := s.keys.add(); err != nil {
		return err
	}
	s.keys.list = s.keys.list[:2]
	return nil
}

// RetireKeys withdraws every signing key but the newest.
func (s *Server) RetireKeys() {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.list = s.keys.list[:min(1, len(s.keys.list))]
}

// jwks answers /id/keys. The key of asset tokens is there once one was made, that of an org's JWT access tokens at the org's
// My Domain too.
func (s *Server) jwks(c *call) {
	list, err := s.keys.current()
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	list = append(list, s.keys.known(assetKeyID)...)
	if c.realm.kind == myDomain {
		list = append(list, s.keys.known(c.realm.orgID)...)
	}
	set := jose.JSONWebKeySet{}
	for _, key := range list {
		set.Keys = append(set.Keys, key.Public())
	}
	c.public()
	c.writeJSON(http.StatusOK, set)
}

// idTokenLife is how long an ID token is valid: Salesforce's default.
const idTokenLife = 2 * time.Minute

// idToken signs the ID token that a code exchange and a refresh answer when openid was granted. at_hash ties it to the access
// token: documented for the user-agent flow, believed for the others.
func (s *Server) idToken(issuer string, given *issued) (string, error) {
	list, err := s.keys.current()
	if err != nil {
		return "", err
	}
	life := cmp.Or(given.app.IDTokenValidity, idTokenLife)
	claims := map[string]any{
		"iss": issuer, "sub": identityURL(issuer, given.who), "aud": given.app.ClientID,
		"iat": given.at.Unix(), "exp": given.at.Add(life).Unix(), "at_hash": accessTokenHash(given.accessToken),
	}
	if given.nonce != "" {
		claims["nonce"] = given.nonce
	}
	if given.app.IDTokenClaims {
		addStandardClaims(claims, issuer, given.who)
	}
	return signJWT(list[0], claims, nil)
}

// addStandardClaims adds what an ID token of a live org was seen to have with "Include Standard Claims".
func addStandardClaims(claims map[string]any, base string, who *account) {
	maps.Copy(claims, map[string]any{
		"name": who.name(), "given_name": who.user.FirstName, "family_name": who.user.LastName, "nickname": nickname(who),
		"preferred_username": who.user.Username, "email": who.user.Email, "email_verified": true, "locale": who.user.Locale,
		"zoneinfo": who.user.Timezone, "profile": base + "/" + who.id(), "picture": base + "/profilephoto/005/F",
		"address": map[string]string{}, "phone_number": nil, "updated_at": lastModified,
	})
}

// accessTokenHash is at_hash: half of the SHA-256 (OpenID Connect Core 3.2.2.9).
func accessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// signJWT signs claims with RS256.
func signJWT(key jose.JSONWebKey, claims map[string]any, header map[jose.HeaderKey]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{ExtraHeaders: header}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
