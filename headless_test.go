package sftoken_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

// The code comes as an object or in a redirect to the redirect URI, which is read and not visited. A state that comes must
// be ours; a login page is told apart from an outage, which would pass.
func TestHeadlessAnswer(t *testing.T) {
	t.Parallel()
	back := func(c *sftoken.Client, query string) *http.Response {
		return answer(302, "", "", "Location", c.App.RedirectURI+"?"+query)
	}
	for _, row := range []struct {
		name   string
		answer func(c *sftoken.Client, state string) *http.Response
		want   string // in the error
		kind   error
	}{
		{"an object", func(_ *sftoken.Client, state string) *http.Response {
			return answer(200, "application/json", `{"code":"`+code+`","state":"`+state+`"}`)
		}, "", nil},
		{"a redirect", func(c *sftoken.Client, state string) *http.Response {
			return back(c, "code=aPrxPlanted%3D%3D&state="+state)
		}, "", nil},
		{"a redirect without the state", func(c *sftoken.Client, _ string) *http.Response { return back(c, "code="+code) }, "state", sftoken.ErrStateMismatch},
		{"a redirect elsewhere", func(c *sftoken.Client, state string) *http.Response {
			return answer(302, "", "", "Location", "https://evil.example/?code=x&state="+state)
		}, "302", nil},
		{"another state", func(*sftoken.Client, string) *http.Response {
			return answer(200, "application/json", `{"code":"`+code+`","state":"x"}`)
		}, "state", sftoken.ErrStateMismatch},
		{"a refusal in a redirect", func(c *sftoken.Client, state string) *http.Response {
			return back(c, "error=access_denied&state="+state)
		}, "access_denied", sftoken.ErrDenied},
		{"no code", func(*sftoken.Client, string) *http.Response { return answer(200, "application/json", `{}`) }, "no code", nil},
		{"an outage", func(*sftoken.Client, string) *http.Response { return answer(503, "text/html", "<html>") }, "503", sftoken.ErrTemporary},
	} {
		var c *sftoken.Client
		c = newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			form := formOf(t, r)
			if strings.HasSuffix(r.URL.Path, "/token") {
				return answer(200, "application/json", goodToken), nil
			}
			return row.answer(c, form.Get("state")), nil
		}))
		_, err := c.CodeAndCredentials(t.Context(), sftoken.CredentialsOptions{Username: "u", Password: sftoken.NewSecret("password")})
		switch {
		case row.want == "" && err != nil, row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		case row.kind != nil && !errors.Is(err, row.kind):
			t.Errorf("%s: %v is not %v", row.name, err, row.kind)
		}
	}
	page := newClient(t, answering(200, "text/html", "<html><title>Login</title>"))
	_, err := page.CodeAndCredentials(t.Context(), sftoken.CredentialsOptions{Username: "u", Password: sftoken.NewSecret("password")})
	if e, ok := errors.AsType[*sftoken.UnexpectedError](err); !ok || e.ID != "answer-headless" || errors.Is(err, sftoken.ErrTemporary) {
		t.Errorf("a login page: %v", err)
	}
}
