package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keys are the RSA keys that sign ID tokens, newest first. The first is made when it is first needed: that takes a moment,
// and most tests never look at one.
type keys struct {
	mu   sync.Mutex
	list []jose.JSONWebKey
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
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	// Salesforce's key ids are short numbers, such as "248".
	id := 900
	if len(k.list) > 0 {
		id, _ = strconv.Atoi(k.list[0].KeyID)
		id += 2
	}
	k.list = slices.Insert(k.list, 0, jose.JSONWebKey{Key: key, KeyID: strconv.Itoa(id), Algorithm: string(jose.RS256), Use: "sig"})
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

// jwks answers /id/keys.
func (s *Server) jwks(c *call) {
	list, err := s.keys.current()
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	set := jose.JSONWebKeySet{}
	for _, key := range list {
		set.Keys = append(set.Keys, key.Public())
	}
	c.public()
	c.writeJSON(http.StatusOK, set)
}

// idTokenMinutes is how long an ID token is valid: Salesforce's default.
const idTokenMinutes = 2

// idToken signs the ID token that a code exchange and a refresh answer when openid was granted.
func (s *Server) idToken(issuer string, app *App, given *issued) (string, error) {
	list, err := s.keys.current()
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"iss": issuer, "sub": identityURL(issuer, given.who), "aud": app.ClientID,
		"iat": given.at.Unix(), "exp": given.at.Unix() + idTokenMinutes*60,
	}
	if given.nonce != "" {
		claims["nonce"] = given.nonce
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: list[0]}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
