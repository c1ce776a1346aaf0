package manage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/sftoken/sftoken/emulator"
)

func (d *desk) page(query, acceptLanguage string) string {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://localhost/"+query, nil)
	r.Header.Set("Accept-Language", acceptLanguage)
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		d.t.Fatalf("page: %d, policy %q", w.Code, w.Header().Get("Content-Security-Policy"))
	}
	text := w.Body.String()
	if _, err := html.Parse(w.Body); err != nil {
		d.t.Fatal(err)
	}
	return text
}

// The page shows every way in which a grant can end, in both languages, and no secret.
func TestPage(t *testing.T) {
	t.Parallel()
	d := start(t, emulator.Options{})
	secrets := []string{}
	approve := func(clientID string, times int) (last emulator.Tokens) {
		for range times {
			tokens, err := d.emulator.Approve(clientID, user)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, tokens.AccessToken, tokens.RefreshToken)
			last = tokens
		}
		return last
	}
	approve(emulator.ClientIDConfidential, 6)
	spent := approve(emulator.ClientIDRotating, 1).RefreshToken
	d.emulator.Fail(emulator.Fault{Endpoint: emulator.Token, Skip: 2, Status: 503})
	for range 3 {
		_, fields := d.refresh(emulator.ClientIDRotating, spent)
		secrets = append(secrets, fields["access_token"]+"-", fields["refresh_token"]+"-")
	}
	revoked := approve(emulator.ClientIDPublic, 1)
	if err := d.emulator.RevokeGrant(revoked.Grant); err != nil {
		t.Fatal(err)
	}
	d.emulator.Fail(emulator.Fault{Username: user, Percent: 50, Times: -1, Cut: true})
	for language, want := range map[string][]string{
		"en": {"revoked by a sixth approval", "a spent refresh token came back", "revoked by an administrator", "percent = 50", "Rotating app", `lang="en"`, "<strong>fault</strong>", ">503<"},
		"ja": {"6 回目の承認により取り消し", "使用済みのリフレッシュトークンが再び届いた", "管理者が取り消し", "percent = 50", `lang="ja"`},
	} {
		text := d.page("", language)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("the page in %s lacks %q", language, part)
			}
		}
		for _, secret := range secrets {
			if len(secret) > 20 && strings.Contains(text, strings.TrimSuffix(secret, "-")) {
				t.Errorf("the page in %s shows a token", language)
			}
		}
	}
	if text := d.page("?lang=ja&refresh=2", "en"); !strings.Contains(text, `<meta http-equiv="refresh" content="2">`) || !strings.Contains(text, `href="?lang=ja"`) {
		t.Error("following: no refresh, or no way to stop it")
	}
	if strings.Contains(d.page("", "en"), "http-equiv") {
		t.Error("the page reloads by itself, which nobody asked for (WCAG 2.2.2)")
	}
}
