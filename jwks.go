package sftoken

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"sync"
	"time"
)

// keyCache holds the login host's public keys. An unknown key id makes it ask again, at most once in keyInterval: the
// ids come from outside, and must not become a way to make us ask without end.
type keyCache struct {
	mu    sync.Mutex
	asked time.Time
	keys  map[string]*rsa.PublicKey
}

const keyInterval = time.Minute

var errUnknownKey = errors.New("no such key")

// key returns the login host's public key of that id. The keys come from the login host's own path and never from a place
// that a token names.
func (c *Client) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	if key := c.keys.keys[id]; key != nil {
		return key, nil
	}
	if !c.keys.asked.IsZero() && time.Since(c.keys.asked) < keyInterval {
		return nil, errUnknownKey
	}
	got, err := c.get(ctx, "keys", c.App.Host.Endpoint("/id/keys"), Secret{})
	if err != nil {
		return nil, err
	}
	f, err := got.read()
	if err != nil {
		return nil, err
	}
	keys := parseKeys(f["keys"])
	if len(keys) == 0 {
		return nil, got.unexpected("answer-unreadable", "there are no RSA keys in it")
	}
	c.keys.keys, c.keys.asked = keys, time.Now()
	if key := keys[id]; key != nil {
		return key, nil
	}
	return nil, errUnknownKey
}

// parseKeys reads the RSA signature keys of a JWK set (RFC 7517) and passes over all others.
func parseKeys(raw json.RawMessage) map[string]*rsa.PublicKey {
	var list []struct{ Kty, Use, Alg, Kid, N, E string }
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	keys := make(map[string]*rsa.PublicKey, len(list))
	for _, k := range list {
		if k.Kty != "RSA" || k.Kid == "" || k.Use != "" && k.Use != "sig" || k.Alg != "" && k.Alg != "RS256" {
			continue
		}
		n, errN := base64.RawURLEncoding.DecodeString(k.N)
		e, errE := base64.RawURLEncoding.DecodeString(k.E)
		if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
			continue
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if bits := key.N.BitLen(); bits < 2048 || bits > 16384 || key.E < 3 || key.E%2 == 0 {
			continue
		}
		keys[k.Kid] = key
	}
	return keys
}
