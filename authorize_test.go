package sftoken_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

func attempt(t testing.TB, o sftoken.AuthorizeOptions) (*sftoken.Attempt, url.Values) {
	t.Helper()
	a, err := newClient(t, nil).Authorize(o)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	return a, u.Query()
}

// C-01, C-02, C-03, C-08, C-09, C-10: what the authorize URL says, and nothing but that.
func TestAuthorizeURL(t *testing.T) {
	t.Parallel()
	a, query := attempt(t, sftoken.AuthorizeOptions{})
	sum := sha256.Sum256([]byte(a.Verifier.Reveal()))
	want := url.Values{
		"response_type":         {"code"},
		"client_id":             {clientID},
		"redirect_uri":          {"http://localhost:1717/OauthRedirect"},
		"scope":                 {"api refresh_token"},
		"state":                 {a.State.Reveal()},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(a.URL, acme+"/services/oauth2/authorize?") {
		t.Errorf("URL is %s", a.URL)
	}
	for _, secret := range []string{clientSecret, a.Verifier.Reveal()} {
		if strings.Contains(a.URL, secret) {
			t.Error("the URL holds a secret")
		}
	}

	a, query = attempt(t, sftoken.AuthorizeOptions{
		Scopes: []string{"openid", "api"}, Prompt: "login consent", LoginHint: "a+b@acme.example", Display: "touch",
	})
	got := []string{query.Get("scope"), query.Get("prompt"), query.Get("login_hint"), query.Get("display"), query.Get("nonce")}
	if diff := cmp.Diff([]string{"openid api", "login consent", "a+b@acme.example", "touch", a.Nonce.Reveal()}, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if len(a.Nonce.Reveal()) < 22 { // C-07
		t.Errorf("nonce has %d characters", len(a.Nonce.Reveal()))
	}
	if _, query = attempt(t, sftoken.AuthorizeOptions{Scopes: []string{}}); query.Has("scope") {
		t.Error("asked for no scopes in particular, and some were named")
	}
}

// C-04, C-05, C-06: verifier and state are long, well-formed and new each time.
func TestAttemptSecrets(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil)
	seen := map[string]bool{}
	verifier := regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
	for range 10_000 {
		a, err := c.Authorize(sftoken.AuthorizeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !verifier.MatchString(a.Verifier.Reveal()) || len(a.State.Reveal()) < 22 {
			t.Fatalf("verifier of %d, state of %d characters", len(a.Verifier.Reveal()), len(a.State.Reveal()))
		}
		seen[a.Verifier.Reveal()] = true
		seen[a.State.Reveal()] = true
	}
	if len(seen) != 20_000 {
		t.Errorf("%d of 20000 values are distinct", len(seen))
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		o    sftoken.AuthorizeOptions
		want string
	}{
		{sftoken.AuthorizeOptions{Prompt: "none"}, "prompt-unknown"},
		{sftoken.AuthorizeOptions{Display: "wap"}, "display-unknown"},
		{sftoken.AuthorizeOptions{Scopes: []string{"a b"}}, "scope-malformed"},
	} {
		_, err := newClient(t, nil).Authorize(row.o)
		var appErr *sftoken.AppError
		if !errors.As(err, &appErr) || appErr.ID != row.want {
			t.Errorf("%+v: got %v, want %s", row.o, err, row.want)
		}
	}
	c := newClient(t, nil)
	c.App.RedirectURI = ""
	if _, err := c.Authorize(sftoken.AuthorizeOptions{}); err == nil {
		t.Error("a login without a redirect URI was begun")
	}
}

// C-05, C-24, C-26, C-29: whose callback is taken, and what ends the attempt.
func TestAccept(t *testing.T) {
	t.Parallel()
	a, _ := attempt(t, sftoken.AuthorizeOptions{})
	state := a.State.Reveal()
	var wire *sftoken.Error
	var callback *sftoken.CallbackError
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	malformed := func(id string) func(error) bool {
		return func(err error) bool { return errors.As(err, &callback) && callback.ErrorID() == id }
	}
	for _, row := range []struct {
		name  string
		query url.Values
		ok    func(error) bool // nil: accepted
	}{
		{"a code", url.Values{"code": {code}, "state": {state}}, nil},
		{"a site user's code", url.Values{"code": {code}, "state": {state}, "sfdc_community_url": {"https://x"}}, nil},
		{"our issuer", url.Values{"code": {code}, "state": {state}, "iss": {acme}}, nil},
		{"the pool as issuer", url.Values{"code": {code}, "state": {state}, "iss": {"https://login.salesforce.com"}}, nil},
		{"no state", url.Values{"code": {code}}, is(sftoken.ErrStateMismatch)},
		{"an empty state", url.Values{"code": {code}, "state": {""}}, is(sftoken.ErrStateMismatch)},
		{"a wrong state", url.Values{"code": {code}, "state": {state[:31] + "!"}}, is(sftoken.ErrStateMismatch)},
		{"a longer state", url.Values{"code": {code}, "state": {state + "x"}}, is(sftoken.ErrStateMismatch)},
		{"two states", url.Values{"code": {code}, "state": {state, state}}, is(sftoken.ErrStateMismatch)},
		{"an error with a wrong state", url.Values{"error": {"access_denied"}, "state": {"x"}}, is(sftoken.ErrStateMismatch)},
		{"nothing", url.Values{}, is(sftoken.ErrStateMismatch)},
		{"two codes", url.Values{"code": {code, code}, "state": {state}}, malformed("callback-duplicate")},
		{"two errors", url.Values{"error": {"a", "b"}, "state": {state}}, malformed("callback-duplicate")},
		{"another issuer", url.Values{"code": {code}, "state": {state}, "iss": {"https://other.my.salesforce.com"}}, malformed("callback-issuer")},
		{"a foreign issuer", url.Values{"code": {code}, "state": {state}, "iss": {"https://evil.example"}}, malformed("callback-issuer")},
		{"no code", url.Values{"state": {state}}, malformed("callback-no-code")},
		{"a code with a space", url.Values{"code": {"a b"}, "state": {state}}, malformed("callback-no-code")},
		{"a token", url.Values{"access_token": {accessToken}, "state": {state}}, malformed("callback-implicit")},
		{"denied", url.Values{"error": {"access_denied"}, "error_description": {"end-user denied authorization"}, "state": {state}}, is(sftoken.ErrDenied)},
		{"denied, as help has it", url.Values{"error": {"access-denied"}, "state": {state}}, is(sftoken.ErrDenied)},
		{"blocked", url.Values{"error": {"OAUTH_APP_BLOCKED"}, "state": {state}}, is(sftoken.ErrBlocked)},
		{"an error with control characters", url.Values{"error": {"x"}, "error_description": {"\x1b]0;x\x07red\u202e"}, "state": {state}}, // C-28
			func(err error) bool { return errors.As(err, &wire) && wire.Description == "]0;xred" }},
	} {
		got, err := a.Accept(row.query)
		switch {
		case row.ok == nil && (err != nil || got.Reveal() != code):
			t.Errorf("%s: %q, %v", row.name, got.Reveal(), err)
		case row.ok != nil && (!row.ok(err) || !got.IsZero()):
			t.Errorf("%s: %q, %v", row.name, got.Reveal(), err)
		case err != nil && (strings.Contains(err.Error(), code) || strings.Contains(err.Error(), state)):
			t.Errorf("%s: the error shows a secret: %v", row.name, err)
		}
	}
	// C-27: the answer to one login is none to another.
	other, _ := attempt(t, sftoken.AuthorizeOptions{})
	if _, err := other.Accept(url.Values{"code": {code}, "state": {state}}); !errors.Is(err, sftoken.ErrStateMismatch) {
		t.Errorf("another attempt took it: %v", err)
	}
	if _, err := new(sftoken.Attempt).Accept(url.Values{"code": {code}, "state": {""}}); !errors.Is(err, sftoken.ErrStateMismatch) {
		t.Errorf("an attempt without a state took it: %v", err)
	}
}
