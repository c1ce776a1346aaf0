package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

const (
	callback  = "http://localhost:1717/OauthRedirect"
	verifier  = "a-verifier-of-forty-three-characters-or-more-0123456789"
	wrongCode = "aPrxEMULATOR.unknown=="
)

// bench is one emulator and one client of it.
type bench struct {
	*emulatortest.Server
	t      testing.TB
	client *http.Client
}

func start(t testing.TB, options ...emulator.Options) *bench {
	t.Helper()
	s := emulatortest.Start(t, options...)
	return &bench{Server: s, t: t, client: s.Client()}
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeURL is a good request of the app with PKCE; changes replace parameters, "" removes one.
func (b *bench) authorizeURL(clientID string, changes ...string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback}, "state": {"s1"}, "code_challenge": {challenge(verifier)},
	}
	for i := 0; i < len(changes); i += 2 {
		query.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			query.Del(changes[i])
		}
	}
	return b.URL + "/services/oauth2/authorize?" + query.Encode()
}

// approve runs the pages and returns where the browser ended.
func (b *bench) approve(username, clientID string, changes ...string) *url.URL {
	b.t.Helper()
	end, err := b.NewBrowser(username).Visit(b.authorizeURL(clientID, changes...))
	if err != nil {
		b.t.Fatal(err)
	}
	return end
}

func (b *bench) code(clientID string, changes ...string) string {
	b.t.Helper()
	end := b.approve(emulator.Username, clientID, changes...)
	code := end.Query().Get("code")
	if code == "" {
		b.t.Fatalf("no code in %s", end)
	}
	return code
}

type answer struct {
	status int
	header http.Header
	body   string
	fields map[string]string // of a JSON object of strings
}

func (b *bench) do(r *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.fields) // other shapes are looked at as text
	return a
}

func (b *bench) request(method, path string, form url.Values) *http.Request {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *bench) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, path, form))
}

func (b *bench) get(path, token string) answer {
	b.t.Helper()
	r := b.request(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return b.do(r)
}

func codeForm(clientID, code string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {clientID}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	if clientID == emulator.ClientIDConfidential {
		form.Set("client_secret", emulator.ClientSecretConfidential)
	}
	return form
}

func refreshForm(clientID, token string) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}}
	if clientID == emulator.ClientIDConfidential {
		form.Set("client_secret", emulator.ClientSecretConfidential)
	}
	return form
}

// login gets tokens for a new approval.
func (b *bench) login(clientID string) map[string]string {
	b.t.Helper()
	return b.success(b.post("/services/oauth2/token", codeForm(clientID, b.code(clientID))))
}

func (b *bench) refresh(clientID, token string) answer {
	b.t.Helper()
	return b.post("/services/oauth2/token", refreshForm(clientID, token))
}

func (b *bench) success(a answer) map[string]string {
	b.t.Helper()
	if a.status != http.StatusOK {
		b.t.Fatalf("answer %d %s, want 200", a.status, a.body)
	}
	return a.fields
}

func (b *bench) refused(a answer, code, description string) {
	b.t.Helper()
	if a.status != http.StatusBadRequest || a.fields["error"] != code || a.fields["error_description"] != description {
		b.t.Errorf("answer %d %s, want 400 %s: %s", a.status, a.body, code, description)
	}
}

const expired = "expired access/refresh token"

// alive reports whether the data API takes an access token.
func (b *bench) alive(token string) bool {
	b.t.Helper()
	return b.get("/services/data/v64.0", token).status == http.StatusOK
}
