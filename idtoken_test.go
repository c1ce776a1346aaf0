package sftoken_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
)

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

type object = map[string]any

func part(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func signed(header, claims object) string { return signedBy(signingKey(), header, claims) }

func signedBy(key *rsa.PrivateKey, header, claims object) string {
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func jwk(kid string) object {
	key := signingKey().PublicKey
	return object{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

func keySet(keys ...object) string {
	raw, err := json.Marshal(object{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func idClaims(now time.Time, change object) object {
	claims := object{
		"iss": "https://login.salesforce.com", "sub": identityURL, "aud": clientID, "nonce": "n0nce",
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "email": "a@acme.example",
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

var goodHeader = object{"alg": "RS256", "kid": "248", "typ": "JWT"}

// C-07, C-48: each lie an ID token can tell.
func TestVerifyIDToken(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := signed(goodHeader, idClaims(now, nil))
	parts := strings.Split(good, ".")
	none := part(object{"alg": "none", "kid": "248"}) + "." + parts[1] + "."
	shared := part(object{"alg": "HS256", "kid": "248"}) + "." + parts[1]
	mac := hmac.New(sha256.New, signingKey().N.Bytes()) // the public key as the shared one
	mac.Write([]byte(shared))
	shared += "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	claim := func(change object) string { return signed(goodHeader, idClaims(now, change)) }
	header := func(h object) string { return signed(h, idClaims(now, nil)) }

	for _, row := range []struct{ name, raw, want string }{
		{"good", good, ""},
		{"from the My Domain itself", claim(object{"iss": acme}), ""},
		{"several audiences", claim(object{"aud": []string{"other", clientID}}), ""},
		{"azp", claim(object{"azp": clientID}), ""},
		{"a clock that is a little off", claim(object{"iat": now.Add(30 * time.Second).Unix(), "exp": now.Add(-30 * time.Second).Unix()}), ""},
		{"none", none, "alg"},
		{"a shared key", shared, "alg"},
		{"RS512", header(object{"alg": "RS512", "kid": "248"}), "alg"},
		{"no alg", header(object{"kid": "248"}), "alg"},
		{"no kid", header(object{"alg": "RS256"}), "kid"},
		{"an unknown kid", header(object{"alg": "RS256", "kid": "999"}), "kid"},
		{"an encryption key", header(object{"alg": "RS256", "kid": "enc"}), "kid"},
		{"crit", header(object{"alg": "RS256", "kid": "248", "crit": []string{"x"}}), "crit"},
		{"other claims under the signature", parts[0] + "." + part(idClaims(now, object{"sub": "x"})) + "." + parts[2], "signature"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"two parts", parts[0] + "." + parts[1], "form"},
		{"padding", good + "=", "form"},
		{"nothing", "", "form"},
		{"null", part(nil) + "." + part(nil) + ".AAAA", "form"},
		{"a foreign issuer", claim(object{"iss": "https://evil.example"}), "iss"},
		{"another org's issuer", claim(object{"iss": "https://other.my.salesforce.com"}), "iss"},
		{"an issuer by http", claim(object{"iss": "http://login.salesforce.com"}), "iss"},
		{"no issuer", claim(object{"iss": nil}), "iss"},
		{"another app's", claim(object{"aud": "other"}), "aud"},
		{"an audience with ours in it", claim(object{"aud": "other " + clientID}), "aud"},
		{"no audience", claim(object{"aud": nil}), "aud"},
		{"another azp", claim(object{"aud": []string{clientID, "other"}, "azp": "other"}), "azp"},
		{"no subject", claim(object{"sub": nil}), "sub"},
		{"expired", claim(object{"exp": now.Add(-2 * time.Minute).Unix()}), "exp"},
		{"no expiry", claim(object{"exp": nil}), "exp"},
		{"from the future", claim(object{"iat": now.Add(5 * time.Minute).Unix()}), "iat"},
		{"no time", claim(object{"iat": nil}), "iat"},
		{"another nonce", claim(object{"nonce": "other"}), "nonce"},
		{"no nonce", claim(object{"nonce": nil}), "nonce"},
	} {
		enc := jwk("enc")
		enc["use"] = "enc"
		c := newClient(t, answering(200, "application/json", keySet(jwk("248"), enc, object{"kty": "oct", "kid": "248", "k": "AAAA"})))
		got, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(row.raw), sftoken.NewSecret("n0nce"))
		var refused *sftoken.IDTokenError
		switch {
		case row.want == "" && (err != nil || got.Subject != identityURL || string(got.Claims["email"]) != `"a@acme.example"`):
			t.Errorf("%s: %+v, %v", row.name, got, err)
		case row.want != "" && (!errors.As(err, &refused) || refused.Claim != row.want || got != nil):
			t.Errorf("%s: %+v, %v; want %s", row.name, got, err, row.want)
		}
	}

	c := newClient(t, answering(200, "", keySet(jwk("248"))))
	if _, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(claim(object{"nonce": nil})), sftoken.Secret{}); err != nil {
		t.Errorf("no nonce to compare: %v", err)
	}
	c.App.Host = parseHost(t, "login") // a login that began at the pool may end at the user's My Domain
	if _, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(claim(object{"iss": acme})), sftoken.NewSecret("n0nce")); err != nil {
		t.Errorf("from the pool to a My Domain: %v", err)
	}
}

func TestVerifyAccessToken(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(accessToken))
	hash := base64.RawURLEncoding.EncodeToString(sum[:16])
	for _, row := range []struct {
		hash any
		ok   bool
	}{{hash, true}, {nil, true}, {"AAAA", false}, {base64.RawURLEncoding.EncodeToString(sum[:]), false}} {
		c := newClient(t, answering(200, "", keySet(jwk("248"))))
		raw := signed(goodHeader, idClaims(time.Now(), object{"at_hash": row.hash}))
		got, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(raw), sftoken.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		if err := got.VerifyAccessToken(sftoken.NewSecret(accessToken)); (err == nil) != row.ok {
			t.Errorf("at_hash %v: %v", row.hash, err)
		}
	}
}

// C-52: keys are fetched once, once more for an unknown kid, and not again for a minute however many come.
func TestKeysAreCached(t *testing.T) {
	t.Parallel()
	signingKey() // outside the bubble
	synctest.Test(t, func(t *testing.T) {
		fetched, kid := 0, "1"
		c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			fetched++
			if req.URL.String() != acme+"/id/keys" {
				return nil, fmt.Errorf("asked %s", req.URL)
			}
			return answer(200, "application/json", keySet(jwk(kid))), nil
		}))
		verify := func(kid string) error {
			raw := signed(object{"alg": "RS256", "kid": kid}, idClaims(time.Now(), nil))
			_, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(raw), sftoken.NewSecret("n0nce"))
			return err
		}
		for range 3 {
			if err := verify("1"); err != nil || fetched != 1 {
				t.Fatalf("fetched %d times: %v", fetched, err)
			}
		}
		kid = "2" // the server changes its key
		for range 5 {
			if err := verify("2"); err == nil || fetched != 1 {
				t.Fatalf("within the minute: fetched %d times, %v", fetched, err)
			}
		}
		time.Sleep(61 * time.Second)
		if err := verify("2"); err != nil || fetched != 2 {
			t.Fatalf("after the minute: fetched %d times, %v", fetched, err)
		}
		if err := verify("1"); err == nil {
			t.Error("a key that was withdrawn still counts")
		}
	})
}

// F-03: weak and foreign keys never get into the set.
func TestWeakKeys(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := jwk("248")
	weak["n"] = base64.RawURLEncoding.EncodeToString(short.N.Bytes())
	even := jwk("248")
	even["e"] = "Ag" // 2
	hs := jwk("248")
	hs["alg"] = "HS256"
	raw := sftoken.NewSecret(signedBy(short, goodHeader, idClaims(time.Now(), nil)))
	if got, err := newClient(t, answering(200, "", keySet(weak, jwk("other")))).VerifyIDToken(t.Context(), raw, sftoken.Secret{}); err == nil {
		t.Errorf("a key of 1024 bits verified %+v", got)
	}
	raw = sftoken.NewSecret(signed(goodHeader, idClaims(time.Now(), nil)))
	for _, body := range []string{keySet(weak), keySet(even), keySet(hs), keySet(), `{"keys":{}}`, `{}`, "<html>", `{"keys":[{"kty":"RSA","kid":"248","n":"","e":""}]}`} {
		if got, err := newClient(t, answering(200, "", body)).VerifyIDToken(t.Context(), raw, sftoken.Secret{}); err == nil {
			t.Errorf("%.80s: verified %+v", body, got)
		}
	}
}

// F-04: nothing but what was signed verifies.
func FuzzIDToken(f *testing.F) {
	now := time.Now()
	good := signed(goodHeader, idClaims(now, nil))
	f.Add(good)
	f.Add(signed(goodHeader, idClaims(now, object{"aud": []string{clientID}})))
	f.Add(part(object{"alg": "none"}) + "." + part(idClaims(now, nil)) + ".")
	c := newClient(f, answering(200, "", keySet(jwk("248"))))
	f.Fuzz(func(t *testing.T, raw string) {
		if got, err := c.VerifyIDToken(t.Context(), sftoken.NewSecret(raw), sftoken.Secret{}); err == nil && strings.Count(raw, ".") == 2 {
			at := strings.LastIndex(raw, ".")
			signature, err := base64.RawURLEncoding.DecodeString(raw[at+1:])
			sum := sha256.Sum256([]byte(raw[:at]))
			if err != nil || rsa.VerifyPKCS1v15(&signingKey().PublicKey, crypto.SHA256, sum[:], signature) != nil {
				t.Fatalf("verified %q: %+v", raw, got)
			}
		}
	})
}
