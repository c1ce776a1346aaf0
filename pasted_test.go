package sftoken_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

func TestParsePasted(t *testing.T) {
	t.Parallel()
	escaped := strings.ReplaceAll(code, "=", "%3D")
	onlyCode := url.Values{"code": {code}}
	withState := url.Values{"code": {code}, "state": {"s"}}
	mismatch := url.Values{"error": {"redirect_uri_mismatch"}, "error_description": {"redirect_uri must match configuration"}}
	for _, row := range []struct {
		name, text string
		want       url.Values
	}{
		{"the callback", "http://localhost:1717/OauthRedirect?code=" + escaped + "&state=s", withState},
		{"the article's callback", "http://localhost/?code=" + escaped, onlyCode},
		{"the built-in page", "https://login.salesforce.com/services/oauth2/success?code=" + escaped + "&state=s", withState},
		{"without a scheme", "localhost:1717/OauthRedirect?code=" + escaped + "&state=s", withState},
		{"encoded twice", "http://localhost/?code=" + strings.ReplaceAll(escaped, "%", "%25"), onlyCode},
		{"decoded already", "http://localhost/?code=" + code + "&state=s", withState},
		{"broken by the terminal", "http://localhost:1717/Oauth\r\nRedirect?code=" + escaped[:20] + "\n  " + escaped[20:] + "&state=s", withState},
		{"in quotes", "  'http://localhost/?code=" + escaped + "'\n", onlyCode},
		{"a fragment", "http://localhost/#code=" + escaped + "&state=s", withState},
		{"the query alone", "?code=" + escaped + "&state=s", withState},
		{"its parameters alone", "code=" + escaped + "&state=s", withState},
		{"the code", code, onlyCode},
		{"the code, encoded", escaped, onlyCode},
		{"the code, over two lines", code[:10] + "\n" + code[10:], onlyCode},
		{"a code with a plus", "http://localhost/?code=aPrx+a%2Bb%3D%3D", url.Values{"code": {"aPrx+a+b=="}}},
		{"the error page", "https://acme.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp?error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration", mismatch},
		{"an error's bare text", "error=redirect_uri_mismatch&error_description=redirect_uri must match configuration", mismatch},
		{
			"an error at the callback", "http://localhost/?error=access_denied&error_description=end-user+denied+authorization&state=s",
			url.Values{"error": {"access_denied"}, "error_description": {"end-user denied authorization"}, "state": {"s"}},
		},
		{
			"the line on the screen", "OAUTH_APPROVAL_ERROR_GENERIC : An unexpected error has occured during authentication. Please try again.",
			url.Values{"error": {"OAUTH_APPROVAL_ERROR_GENERIC"}, "error_description": {"An unexpected error has occured during authentication. Please try again."}},
		},
		{"its code alone", "OAUTH_APP_BLOCKED", url.Values{"error": {"OAUTH_APP_BLOCKED"}, "error_description": {""}}},
		{"an implicit answer", "http://localhost/#access_token=x&state=s", url.Values{"access_token": {"x"}, "state": {"s"}}},
	} {
		got, err := sftoken.ParsePasted(row.text)
		if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", row.name, err, diff)
		}
	}
}

func TestParsePastedRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, id string }{
		{"", "pasted-unreadable"},
		{"hello there", "pasted-unreadable"},
		{"short", "pasted-unreadable"},
		{"http://localhost:1717/OauthRedirect", "pasted-unreadable"},
		{"https://acme.lightning.force.com/lightning/page/home", "pasted-unreadable"},
		{strings.Repeat("a", 20<<10), "pasted-unreadable"},
		{"https://acme.my.salesforce.com/services/oauth2/authorize?response_type=code&client_id=x&code_challenge=y", "pasted-unfinished"},
		{"https://acme.my.salesforce.com/?ec=302&startURL=%2Fsetup%2Fsecur%2FRemoteAccessAuthorizationPage.apexp%3Fsource%3Dplanted", "pasted-unfinished"},
		{accessToken, "pasted-token"},
		{refreshToken, "pasted-token"},
	} {
		got, err := sftoken.ParsePasted(row.text)
		var callback *sftoken.CallbackError
		if !errors.As(err, &callback) || callback.ID != row.id {
			t.Errorf("ParsePasted(%.60q) = %v, %v; want %s", row.text, got, err, row.id)
		} else if strings.Contains(strings.ToLower(err.Error()), "planted") {
			t.Errorf("ParsePasted(%.60q): the error shows it", row.text)
		}
	}
}

// C-34: a pasted address gets the same checks as a delivered one.
func TestAcceptPasted(t *testing.T) {
	t.Parallel()
	a, _ := attempt(t, sftoken.AuthorizeOptions{})
	for _, text := range []string{code, "http://localhost/?code=" + code + "&state=" + a.State.Reveal(), "http://localhost/?code=" + code} {
		if got, err := a.AcceptPasted(text); err != nil || got.Reveal() != code {
			t.Errorf("AcceptPasted(%q) = %q, %v", text, got.Reveal(), err)
		}
	}
	if _, err := a.AcceptPasted("http://localhost/?code=" + code + "&state=other"); !errors.Is(err, sftoken.ErrStateMismatch) {
		t.Errorf("another login's address: %v", err)
	}
	_, err := a.AcceptPasted(acme + "/setup/secur/RemoteAccessErrorPage.apexp?error=invalid_client&error_description=app+must+be+installed+into+org")
	if !errors.Is(err, sftoken.ErrBlocked) {
		t.Errorf("an error page: %v", err)
	}
}

func FuzzParsePasted(f *testing.F) {
	for _, text := range []string{code, "http://localhost/?code=" + code + "&state=s", "OAUTH_APP_BLOCKED : x", "error=a&error_description=b c", "#access_token=x", "%3D%3D%%%", "?code=%253D"} {
		f.Add(text)
	}
	a, _ := attempt(f, sftoken.AuthorizeOptions{})
	f.Fuzz(func(t *testing.T, text string) {
		query, err := sftoken.ParsePasted(text)
		if (query == nil) == (err == nil) {
			t.Fatalf("ParsePasted(%q) = %v, %v", text, query, err)
		}
		if query != nil && query.Get("code") == "" && query.Get("error") == "" && !query.Has("access_token") {
			t.Fatalf("ParsePasted(%q) = %v, which says nothing", text, query)
		}
		got, err := a.AcceptPasted(text)
		if err == nil && (got.IsZero() || strings.ContainsAny(got.Reveal(), " \r\n\x00")) {
			t.Fatalf("AcceptPasted(%q) = %q", text, got.Reveal())
		}
	})
}
