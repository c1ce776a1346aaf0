package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sftoken/sftoken/emulator"
)

// refusedOrGiven sends a token request and fails unless the answer is a success or a documented refusal.
func refusedOrGiven(t *testing.T, handler http.Handler, path string, form url.Values) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var answer struct {
		Error       string
		Description string `json:"error_description"`
	}
	err := json.Unmarshal(w.Body.Bytes(), &answer)
	switch {
	case err != nil:
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	case w.Code == http.StatusOK && answer.Error == "":
	case w.Code != http.StatusBadRequest || answer.Description == "" || !slices.Contains(documented, answer.Error) && !slices.Contains(ofAssertions, answer.Error):
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

var ofAssertions = []string{"bad_jti_claim", "invalid_assertion_type", "app_not_found", "inactive_user", "rate_limit_exceeded", "oauth_flow_disabled", "invalid_app_access"}

// preapproved is an emulator where a good assertion needs no approval.
func preapproved(t testing.TB) *emulator.Server {
	t.Helper()
	config := world(t)
	config.Apps[0].AdminApproved, config.Apps[0].ApprovedUsers = true, []string{emulator.Username}
	s, err := emulator.New(emulator.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// FuzzJWT sends any claims with a good signature, and the same bytes as they are, to each place that takes a JWT.
func FuzzJWT(f *testing.F) {
	good, err := json.Marshal(claimsFor("http://example.com"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"iss":"` + emulator.ClientIDConfidential + `","sub":"x","aud":["%",""],"exp":"1e400"}`))
	f.Add([]byte(`{"iss":1,"aud":{},"exp":null,"prn":"x","jti":[]}`))
	f.Add([]byte(`x.y.z`))
	handler := preapproved(f)
	maker, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: own().key}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		signed, err := maker.Sign(payload)
		if err != nil {
			t.Skip()
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			t.Skip()
		}
		for _, assertion := range []string{compact, string(payload)} {
			refusedOrGiven(t, handler, tokenPath, url.Values{"grant_type": {jwtGrant}, "assertion": {assertion}})
			refusedOrGiven(t, handler, tokenPath, url.Values{
				"grant_type": {"refresh_token"}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			})
			refusedOrGiven(t, handler, "/acme"+tokenPath, withSecret("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange",
				"subject_token", assertion, "subject_token_type", "urn:ietf:params:oauth:token-type:JWT"))
		}
	})
}

// FuzzSAML sends any XML to both SAML grants.
func FuzzSAML(f *testing.F) {
	good := saml{issuer: emulator.ClientIDConfidential, audience: "http://example.com", life: time.Hour}
	f.Add(good.signed(f, own()))
	good.issuer, good.audience = "https://idp.example", "http://example.com/acme"
	f.Add(good.signed(f, own()))
	good.in = response
	f.Add(good.signed(f, own()))
	f.Add(`<!DOCTYPE x [<!ENTITY a "b">]><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Issuer>&a;</Issuer></Assertion>`)
	handler := preapproved(f)
	f.Fuzz(func(t *testing.T, document string) {
		assertion := base64.RawURLEncoding.EncodeToString([]byte(document))
		for _, text := range []string{assertion, document} {
			refusedOrGiven(t, handler, tokenPath, url.Values{"grant_type": {samlGrant}, "assertion": {text}})
			refusedOrGiven(t, handler, "/acme"+tokenPath, url.Values{"grant_type": {"assertion"}, "assertion_type": {samlProfile}, "assertion": {text}})
		}
	})
}
