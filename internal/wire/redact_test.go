package wire_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/wire"
)

const (
	access   = "00Dxx0000001gEREAY!AR8AQLb7x_M.pT5eZPTZ8ho3Vn0Y2eqHRn7PyOMVbm5bcRQJ0rYm8ZLUxWyxEv5KTdGsY7lOPfTqAZzm9QkN8cVhJ"
	refresh  = "5Aep861TSESvWeug_xvFHRBTTbf_YrTWgEyjBJrdl7O.ZmJzZBGX7mC8mLmsjMNwiWlqXcv1qX5Q4SjAqbF1wkI"
	code     = "aPrx4sgoM2Nd1zWeFVlOWveD0HhYmiDiLmlLnXEBgX01tpVOQMWVSUuafFPHu3kCSjzk4CUTZg=="
	jwt      = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1aWQ6MDA1In0.c2lnbmF0dXJl-_x"
	consumer = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
)

// C-70: the redactor covers Salesforce's shapes and the names of its parameters.
func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"access token", "got " + access + ".", "got 00Dxx0000001gEREAY!…[secret " + fp(access+".") + "]"},
		{"refresh token", `"` + refresh + `"`, `"5Aep…[secret ` + fp(refresh) + `]"`},
		{"code", "(" + code + ")", "(aPrx…[secret " + fp(code) + "])"},
		{"code in an address", "http://localhost/?code=" + url.QueryEscape(code) + "&state=abc", "http://localhost/?code=aPrx…[secret " + fp(code) + "]&state=[secret " + fp("abc") + "]"},
		{"JWT", jwt, "eyJ…[secret " + fp(jwt) + "]"},
		{"consumer secret", consumer, "[secret " + fp(consumer) + "]"},
		{"session id", "frontdoor.jsp?sid=xyz&retURL=/", "frontdoor.jsp?sid=[secret " + fp("xyz") + "]&retURL=/"},
		{"JSON", `{"client_secret": "hush", "scope":"api"}`, `{"client_secret": "[secret ` + fp("hush") + `]", "scope":"api"}`},
		{"JSON in JSON", `{\"client_secret\":\"hush\"}`, `{\"client_secret\":\"[secret ` + fp("hush") + `]\"}`},
		{"header", "Authorization: Bearer " + access, "Authorization: [secret]"},
		{"basic credentials", "Authorization: Basic YTpi", "Authorization: [secret]"},
		{"cookie", "Set-Cookie: sid=1; Path=/\nX: y", "Set-Cookie: [secret]\nX: y"},
		{"auth URL", "force://PlatformCLI::" + refresh + "@acme.my.salesforce.com", "force://PlatformCLI:[secret]@acme.my.salesforce.com"},
		{"password: no fingerprint by which to guess it", "username=amelia&pw=emulator-1", "username=amelia&pw=[secret]"},
		{"two in a row", `token: "csrf_token" : "hush"`, `token: "csrf_token" : "[secret ` + fp("hush") + `]"`},
		{"an everyday word", "introspect token: connection refused; exit code: 1", "introspect token: connection refused; exit code: 1"},
		{"nothing secret", "error code: 400, state: invalid_grant (expired access/refresh token), token_type=Bearer", "error code: 400, state: invalid_grant (expired access/refresh token), token_type=Bearer"},
		{"client id", "client_id=3MVG9.Emulator.Public.00000", "client_id=3MVG9.Emulator.Public.00000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := wire.Text(tt.in)
			if got != tt.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			if again := wire.Text(got); again != got {
				t.Errorf("a second time: %q, want no change of %q", again, got)
			}
		})
	}
}

// A hostile answer can't make the search slow: each part of the text is read a bounded number of times.
func TestTextTakesBoundedTime(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"token=", "sid: ", "code=token ", "00D", "eyJaaaa", `"token":`} {
		started := time.Now()
		wire.Text(strings.Repeat(part, 64<<10/len(part)))
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("64 KiB of %q take %v", part, took)
		}
	}
}

// F-09: no planted secret survives.
func FuzzText(f *testing.F) {
	f.Add("before ", " after", uint8(0))
	f.Add(`{"refresh_token":"`, `"}`, uint8(1))
	f.Add("?code=", "%3D%3D&state=", uint8(2))
	f.Add("5Aep", "!", uint8(0))
	f.Add("eyJabcd.", "\n", uint8(4))
	f.Add("code=", "", uint8(3))
	f.Add("[secret ", "]", uint8(5))
	f.Add("00Dxx0000001gEREAY!", "00Dxx0000001gER!x", uint8(3))
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		secrets := []string{access, refresh, url.QueryEscape(code), jwt, " client_secret=hush-hush-hush", ` "csrf_token" : "hush-hush-hush"`, "\tpw=hush-hush-hush"}
		planted := secrets[int(which)%len(secrets)]
		if strings.Contains(before+after, "hush") {
			t.Skip()
		}
		text := before + planted + after

		got := wire.Text(text)
		if left := remains(got, planted); left != "" {
			t.Errorf("Text(%q) leaves %q: %q", text, left, got)
		}
	})
}

// remains returns a telling part of the secret that is in text: ten characters from its middle are enough to tell.
func remains(text, planted string) string {
	if strings.Contains(planted, "hush") && strings.Contains(text, "hush") {
		return "hush"
	}
	for i := 24; i+10 <= len(planted); i++ { // the org id and the prefix may show
		if strings.Contains(text, planted[i:i+10]) {
			return planted[i : i+10]
		}
	}
	return ""
}

func fp(secret string) string { return sftoken.NewSecret(secret).Fingerprint() }
