package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// sameWords compares lists such as scopes, whose order means nothing.
func sameWords(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// rawBrowser walks the pages of a handler without a network, for fuzz tests.
type rawBrowser struct {
	handler *emulator.Server
	cookies map[string]string
}

func (b *rawBrowser) send(method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if b.cookies == nil {
			b.cookies = map[string]string{}
		}
		b.cookies[cookie.Name] = cookie.Value
	}
	return w
}

// token logs the seeded user in and returns an access token of the public app.
func (b *rawBrowser) token(t testing.TB) string {
	t.Helper()
	authorize := "/services/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {emulator.ClientIDPublic}, "redirect_uri": {callback}, "code_challenge": {challenge(verifier)},
	}.Encode()
	at := authorize
	var code string
	for range 8 {
		w := b.send(http.MethodGet, at, nil)
		if w.Code == http.StatusOK {
			form := url.Values{"username": {emulator.Username}, "pw": {emulator.Password}, "decision": {"allow"}}
			for _, input := range hidden.FindAllStringSubmatch(w.Body.String(), -1) {
				form.Set(input[1], strings.ReplaceAll(input[2], "&amp;", "&"))
			}
			if form.Has("startURL") {
				at = "/"
			}
			w = b.send(http.MethodPost, at, form)
		}
		at = w.Header().Get("Location")
		if end, err := url.Parse(at); err == nil && end.Query().Get("code") != "" {
			code = end.Query().Get("code")
			break
		}
	}
	w := b.send(http.MethodPost, "/services/oauth2/token", codeForm(emulator.ClientIDPublic, code))
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	if token == "" {
		t.Fatalf("no token: %d %s", w.Code, w.Body)
	}
	return token
}
