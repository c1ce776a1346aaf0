package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// documented are the codes that the token and authorize endpoints may answer to anybody.
var documented = []string{
	"invalid_client_id", "invalid_client", "invalid_basic_auth_header", "redirect_uri_mismatch", "redirect_uri_missing",
	"unsupported_response_type", "unsupported_grant_type", "invalid_request", "invalid_scope", "immediate_unsuccessful", "invalid_grant",
}

func newHandler(t testing.TB) *emulator.Server {
	t.Helper()
	s, err := emulator.New(emulator.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func FuzzToken(f *testing.F) {
	f.Add("grant_type=refresh_token&refresh_token=x&client_id="+emulator.ClientIDPublic, "application/x-www-form-urlencoded", "", "")
	f.Add("grant_type=authorization_code&code=%&&=;", "application/x-www-form-urlencoded; charset=x", "Basic eDp5", "format=xml")
	f.Add("--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nrefresh_token\r\n--b--", "multipart/form-data; boundary=b", "", "format=urlencoded")
	f.Fuzz(func(t *testing.T, body, contentType, authorization, query string) {
		r := httptest.NewRequest(http.MethodPost, "/services/oauth2/token", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		newHandler(t).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Fatalf("status %d %s", w.Code, w.Body)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			return // format= or xml asked for
		}
		var answer struct{ Error, Error_description string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !slices.Contains(documented, answer.Error) || answer.Error_description == "" {
			t.Fatalf("answer %s", w.Body)
		}
	})
}

func FuzzAuthorize(f *testing.F) {
	good := url.Values{"response_type": {"code"}, "client_id": {emulator.ClientIDPublic}, "redirect_uri": {callback}, "code_challenge": {"x"}}
	f.Add(good.Encode(), "en")
	f.Add(good.Encode()+"&scope=nonsense&state=%00%ff", "ja;q=x")
	f.Add("client_id=PlatformCLI&redirect_uri=http://localhost:1717/OauthRedirect&immediate=true&response_type=code", "")
	f.Fuzz(func(t *testing.T, query, language string) {
		r := httptest.NewRequest(http.MethodGet, "/services/oauth2/authorize", nil)
		r.URL.RawQuery = query
		r.Header.Set("Accept-Language", language)
		w := httptest.NewRecorder()
		handler := newHandler(t)
		handler.ServeHTTP(w, r)
		target, err := url.Parse(w.Header().Get("Location"))
		switch {
		case err != nil:
			t.Fatalf("Location %q: %v", w.Header().Get("Location"), err)
		case w.Code == http.StatusBadRequest && strings.HasPrefix(w.Body.String(), "error=invalid_request&"):
		case w.Code != http.StatusFound:
			t.Fatalf("status %d %s", w.Code, w.Body)
		case strings.HasSuffix(target.Path, "RemoteAccessAuthorizationPage.apexp"):
		case !slices.Contains(documented, target.Query().Get("error")):
			t.Fatalf("Location %s", target)
		case strings.HasSuffix(target.Path, "RemoteAccessErrorPage.apexp"):
		case target.Hostname() != "localhost" && target.Host != "login.salesforce.com" && target.Host != r.Host:
			t.Fatalf("redirected to a foreign host: %s", target)
		}
		if target.Host != r.Host && target.Host != "" {
			return
		}
		page := httptest.NewRequest(http.MethodGet, target.RequestURI(), nil)
		page.Header.Set("Accept-Language", language)
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, page)
		if w.Code >= 500 {
			t.Fatalf("page: %d", w.Code)
		}
	})
}
