package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sftoken/sftoken/emulator"
)

// clientAssertion is a token request that authenticates by key; changes replace claims.
func clientAssertion(b *bench, by signer, form url.Values, changes ...any) url.Values {
	const id = emulator.ClientIDConfidential
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", by.jwt(b.t, b.claims(append([]any{"sub", id, "aud", b.URL + tokenPath}, changes...)...)))
	return form
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	const id = emulator.ClientIDConfidential
	refresh := func() url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.login(id)["refresh_token"]}}
	}
	form := refresh()
	for name, a := range map[string]answer{
		"foreign key":  b.post(tokenPath, clientAssertion(b, foreign(), form)),
		"expired":      b.post(tokenPath, clientAssertion(b, own(), form, "exp", time.Now().Unix()-1)),
		"other sub":    b.post(tokenPath, clientAssertion(b, own(), form, "sub", "x")),
		"for others":   b.post(tokenPath, clientAssertion(b, own(), form, "aud", "https://example.com")),
		"not a JWT":    b.post(tokenPath, url.Values{"grant_type": {"refresh_token"}, "client_assertion": {"x"}}),
		"other client": b.post(tokenPath, clientAssertion(b, own(), url.Values{"grant_type": {"refresh_token"}, "client_id": {emulator.ClientIDPublic}})),
	} {
		if a.fields["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	b.success(b.post(tokenPath, clientAssertion(b, own(), form)))
	b.success(b.post(tokenPath, clientAssertion(b, own(), form, "aud", b.URL)))
	// Looked at only where there is no secret.
	withBoth := clientAssertion(b, foreign(), form)
	withBoth.Set("client_id", id)
	withBoth.Set("client_secret", emulator.ClientSecretConfidential)
	b.success(b.post(tokenPath, withBoth))

	once := clientAssertion(b, own(), refresh(), "jti", "once")
	b.success(b.post(tokenPath, once))
	b.refused(b.post(tokenPath, once), "bad_jti_claim", "jti claim was used before")

	credentials := clientAssertion(b, own(), url.Values{"grant_type": {"client_credentials"}}, "jti", "c1")
	tokens := b.success(b.post("/acme"+tokenPath, credentials))
	a := b.post("/services/oauth2/introspect", clientAssertion(b, own(), url.Values{"token": {tokens["access_token"]}}, "jti", "c2"))
	if !strings.Contains(a.body, `"active":true`) {
		t.Errorf("introspection by key: %s", a.body)
	}
}

// Access tokens as JWTs: the header and claims of the Mobile SDK's sample, signed by the org's key, taken wherever an opaque
// one is, until their end.
func TestJWTAccessTokens(t *testing.T) {
	t.Parallel()
	b := startWorld(t, ofApp(func(a *emulator.App) { a.JWTAccessTokens, a.SessionTimeout = true, 30*time.Minute }))
	tokens := b.login(emulator.ClientIDConfidential)
	if tokens["token_format"] != "jwt" || tokens["api_instance_url"] == "" {
		t.Errorf("answer has %s", names(tokens))
	}
	token := tokens["access_token"]
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	header := signed.Signatures[0].Protected
	if !strings.HasPrefix(header.KeyID, "CORE_ATJWT.00DEMU000000001.") || header.ExtraHeaders["tty"] != "sfdc-core-token" {
		t.Errorf("header %+v", header)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(b.get("/acme/id/keys", "").body), &set); err != nil {
		t.Fatal(err)
	}
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("My Domain publishes %d keys with that id", len(keys))
	}
	if _, err := signed.Verify(keys[0]); err != nil {
		t.Error(err)
	}
	claims := payload(t, token)
	if claims["iss"] != b.URL+"/acme" || claims["client_id"] != emulator.ClientIDConfidential || claims["exp"].(float64)-claims["iat"].(float64) != 1800 ||
		claims["iat"].(float64)-claims["nbf"].(float64) != 15 || !strings.HasPrefix(claims["sub"].(string), "uid:005") {
		t.Errorf("claims %v", claims)
	}
	if a := b.get("/services/oauth2/userinfo", token); a.status != http.StatusOK {
		t.Errorf("userinfo: %d", a.status)
	}
	a := b.post("/services/oauth2/introspect", withSecret("token", token))
	var found struct{ Exp float64 }
	if err := json.Unmarshal([]byte(a.body), &found); err != nil || found.Exp != claims["exp"] {
		t.Errorf("introspection: %s", a.body)
	}
	b.Emulator().Advance(20 * time.Minute)
	if !b.alive(token) {
		t.Error("dead after 20 of 30 minutes")
	}
	b.Emulator().Advance(11 * time.Minute)
	if b.alive(token) {
		t.Error("use made a JWT live longer than it says")
	}
	next := b.success(b.refresh(emulator.ClientIDConfidential, tokens["refresh_token"]))["access_token"]
	b.post("/services/oauth2/revoke", url.Values{"token": {next}})
	if next == token || b.alive(next) {
		t.Error("a JWT outlived its revocation")
	}
}

// ID tokens with the standard claims and a validity of their own, as an administrator can choose.
func TestIDTokenClaims(t *testing.T) {
	t.Parallel()
	b := startWorld(t, ofApp(func(a *emulator.App) { a.IDTokenClaims, a.IDTokenValidity = true, time.Hour }))
	claims := payload(t, b.login(emulator.ClientIDConfidential)["id_token"])
	if claims["name"] != "Amelia Earhart" || claims["email"] != emulator.Username || claims["exp"].(float64)-claims["iat"].(float64) != 3600 {
		t.Errorf("claims %v", claims)
	}
}

// The identity URL's formats and words.
func TestIdentityFormats(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	tokens := b.login(emulator.ClientIDConfidential)
	path, token := strings.TrimPrefix(tokens["id"], b.URL), tokens["access_token"]
	for query, want := range map[string]string{
		"?format=xml":                      `<?xml version="1.0" encoding="UTF-8"?><user><active>true</active>`,
		"?format=jsonp&callback=x.y":       `x.y({"active":true`,
		"?format=json&oauth_token=ignored": `{"active":true`,
	} {
		if a := b.get(path+query, token); a.status != http.StatusOK || !strings.HasPrefix(a.body, want) {
			t.Errorf("%s: %d %.80s", query, a.status, a.body)
		}
	}
	r := b.request(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/xml")
	if a := b.do(r); !strings.Contains(a.body, "<username>"+emulator.Username+"</username>") {
		t.Errorf("Accept: %s", a.body)
	}
	if err := b.Emulator().UpdateUser(emulator.Username, func(u *emulator.User) { u.Inactive = true }); err != nil {
		t.Fatal(err)
	}
	if a := b.get(path, token); a.status != http.StatusNotFound || a.body != "Inactive" {
		t.Errorf("inactive user: %d %s", a.status, a.body)
	}
	if err := b.Emulator().UpdateOrg("acme", func(o *emulator.Org) { o.HTTPSRequired = true }); err != nil {
		t.Fatal(err)
	}
	if a := b.get(path, token); a.status != http.StatusForbidden || a.body != "HTTPS_Required" {
		t.Errorf("plain http: %d %s", a.status, a.body)
	}
}
