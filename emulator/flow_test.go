package emulator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

const (
	tokenPath = "/services/oauth2/token"
	jwtGrant  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	site      = "/acme/partners"
	outsider  = "olga@partner.example"
)

// signer is a key pair that clients of these tests sign with; the certificate is what an app is given.
type signer struct {
	key         *rsa.PrivateKey
	der         []byte
	certificate string
}

var own, foreign = sync.OnceValue(newSigner), sync.OnceValue(newSigner)

func newSigner() signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return signer{key, der, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func (s signer) jwt(t testing.TB, claims map[string]any) string {
	t.Helper()
	maker, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := maker.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// world is the default configuration with every flow switched on for the confidential app, and a site with its user.
func world(t testing.TB) *emulator.Config {
	t.Helper()
	config := emulator.DefaultConfig()
	acme := &config.Orgs[0]
	acme.CodeCredentials = true
	acme.Sites = []emulator.Site{{Prefix: "partners", ID: "0DBEMU000000001", Name: "Partners", Headless: true}}
	acme.Users = append(acme.Users, emulator.User{
		ID: "005EMU000000009", Username: outsider, Password: emulator.Password, FirstName: "Olga", LastName: "Out", Site: "partners",
	})
	acme.IdentityProviders = []emulator.IdentityProvider{{Issuer: "https://idp.example", Certificate: own().certificate}}
	acme.TokenHandlers = []emulator.TokenHandler{{
		Name: "Handler", Apps: []string{emulator.ClientIDConfidential}, Certificate: own().certificate,
		Tokens: map[string]string{"opaque-1": emulator.Username, "opaque-2": emulator.UsernameJa},
	}}
	app := &config.Apps[0]
	app.Certificate = own().certificate
	app.ClientCredentials, app.ClientCredentialsUser = true, emulator.Username
	app.DeviceFlow, app.TokenExchange, app.AssetTokens, app.CodeCredentials = true, true, true, true
	app.Scopes = append(app.Scopes, "lightning", "visualforce", "content")
	app.Callbacks = append(app.Callbacks, "myapp://oauth/done", "https://app.example/callback")
	return config
}

func startWorld(t testing.TB, changes ...func(*emulator.Config)) *bench {
	t.Helper()
	config := world(t)
	for _, change := range changes {
		change(config)
	}
	return start(t, emulator.Options{Config: config})
}

// ofApp changes the confidential app.
func ofApp(change func(*emulator.App)) func(*emulator.Config) {
	return func(c *emulator.Config) { change(&c.Apps[0]) }
}

func ofOrg(change func(*emulator.Org)) func(*emulator.Config) {
	return func(c *emulator.Config) { change(&c.Orgs[0]) }
}

// withSecret is a token request of the confidential app.
func withSecret(pairs ...string) url.Values {
	form := url.Values{"client_id": {emulator.ClientIDConfidential}, "client_secret": {emulator.ClientSecretConfidential}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// claims of a good JWT bearer assertion; changes replace some, nil removes one.
func (b *bench) claims(changes ...any) map[string]any {
	claims := claimsFor(b.URL)
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(claims, changes[i].(string))
		}
	}
	return claims
}

func claimsFor(audience string) map[string]any {
	return map[string]any{
		"iss": emulator.ClientIDConfidential, "sub": emulator.Username, "aud": audience, "exp": time.Now().Add(3 * time.Minute).Unix(),
	}
}

func jwtForm(assertion string) url.Values {
	return url.Values{"grant_type": {jwtGrant}, "assertion": {assertion}}
}

// names are the fields of an answer but those that are there by chance.
func names(fields map[string]string) string {
	fields = maps.Clone(fields)
	if fields["token_format"] == "opaque" {
		delete(fields, "token_format")
	}
	return strings.Join(slices.Sorted(maps.Keys(fields)), " ")
}

// The fields of each flow's answer, as captured from Salesforce (reference, table of 2.2).
func TestFieldsByFlow(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	const whole = "access_token id id_token instance_url issued_at refresh_token scope signature token_type"
	tokens := b.login(emulator.ClientIDConfidential)
	cookies := strings.Fields("cookie-clientSrc cookie-sid_Client csrf_token sidCookieName lightning_domain lightning_sid visualforce_domain visualforce_sid content_domain content_sid")
	hybrid := slices.Sorted(slices.Values(append(strings.Fields(whole), cookies...)))
	hybridForm := codeForm(emulator.ClientIDConfidential, b.code(emulator.ClientIDConfidential))
	hybridForm.Set("grant_type", "hybrid_auth_code")
	hybridTokens := b.success(b.post(tokenPath, hybridForm))
	for _, row := range []struct {
		flow, path string
		form       url.Values
		want       string
	}{
		{"refresh", "", refreshForm(emulator.ClientIDConfidential, tokens["refresh_token"]), "access_token id id_token instance_url issued_at scope signature token_type"},
		{"password", "", withSecret("grant_type", "password", "username", emulator.Username, "password", emulator.Password), "access_token id instance_url issued_at signature token_type"},
		{"JWT bearer", "", jwtForm(own().jwt(t, b.claims())), "access_token id id_token instance_url scope token_type"},
		{"client credentials", "/acme", withSecret("grant_type", "client_credentials"), "access_token api_instance_url id id_token instance_url issued_at scope signature token_type"},
		{"hybrid refresh", "", withSecret("grant_type", "hybrid_refresh", "refresh_token", hybridTokens["refresh_token"]), strings.Join(slices.DeleteFunc(slices.Clone(hybrid), func(name string) bool { return name == "refresh_token" }), " ")},
		{"asset token", "", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {tokens["access_token"]},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "actor_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
			"actor_token": {own().jwt(t, map[string]any{"did": "device-1"})},
		}, "access_token expires_in issued_token_type token_type"},
		{
			"token exchange", "/acme", withSecret("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", "opaque-1", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
			"access_token id id_token instance_url issued_at issued_token_type scope signature token_type",
		},
	} {
		t.Run(row.flow, func(t *testing.T) {
			a := b.post(row.path+tokenPath, row.form)
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			fields := map[string]any{}
			if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
				t.Fatal(err)
			}
			if fields["token_format"] == "opaque" {
				delete(fields, "token_format")
			}
			if diff := cmp.Diff(row.want, strings.Join(slices.Sorted(maps.Keys(fields)), " ")); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if token := fields["access_token"].(string); row.flow != "asset token" && !b.alive(token) {
				t.Error("the access token is dead")
			}
		})
	}
	if got := names(tokens); got != whole {
		t.Errorf("code: %s", got)
	}
	if got := names(hybridTokens); got != strings.Join(hybrid, " ") {
		t.Errorf("hybrid code: %s", got)
	}
}

// What real clients send as aud, exp and sub (clients.md 3.17): each is taken.
func TestJWTForms(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	b.login(emulator.ClientIDConfidential) // the approval
	host := strings.TrimPrefix(b.URL, "http://")
	soon := time.Now().Add(3 * time.Minute)
	for name, changes := range map[string][]any{
		"Salesforce CLI":             {"aud", b.URL + "/", "exp", time.Now().UnixMilli() + 300},
		"simple-salesforce":          {"aud", "https://login.salesforce.com", "exp", big.NewInt(soon.Unix()).String()},
		"ForceCLI":                   {"aud", b.URL + tokenPath},
		"restforce":                  {"aud", host},
		"My Domain":                  {"aud", b.URL + "/acme"},
		"My Domain's token endpoint": {"aud", b.URL + "/acme" + tokenPath},
		"My Domain at Salesforce":    {"aud", "https://acme.my.salesforce.com"},
		"site":                       {"aud", b.URL + site},
		"several audiences":          {"aud", []string{"https://example.com", b.URL}},
		"prn":                        {"sub", nil, "prn", emulator.Username},
		"capitals":                   {"sub", strings.ToUpper(emulator.Username)},
		"iat, nbf, jti":              {"iat", soon.Unix(), "nbf", 1, "jti", "x"},
		"exp with a fraction":        {"exp", float64(soon.Unix()) + 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			if a := b.post(tokenPath, jwtForm(own().jwt(t, b.claims(changes...)))); a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	// The neighbours that a Host header names.
	for host, audience := range map[string]string{"login.localhost:1": "https://login.salesforce.com", "acme.localhost:1": "http://login.localhost:1"} {
		r := b.request(http.MethodPost, tokenPath, jwtForm(own().jwt(t, b.claims("aud", audience))))
		r.Host = host
		if a := b.do(r); a.status != http.StatusOK {
			t.Errorf("at %s for %s: %d %s", host, audience, a.status, a.body)
		}
	}
	// A JWT needs no approval of its own and is none: revoking the approval ends the flow.
	refreshToken := b.login(emulator.ClientIDConfidential)["refresh_token"]
	b.post("/services/oauth2/revoke", url.Values{"token": {refreshToken}})
	b.success(b.post(tokenPath, jwtForm(own().jwt(t, b.claims())))) // the first approval lives
}
