package emulator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

// E-08: the fields of a token answer, and the shapes that clients check.
func TestTokenAnswer(t *testing.T) {
	t.Parallel()
	b := start(t)
	form := codeForm(emulator.ClientIDConfidential, b.code(emulator.ClientIDConfidential, "scope", "api refresh_token"))
	a := b.post("/services/oauth2/token", form)
	got := b.success(a)
	delete(got, "token_format") // sometimes there
	want := []string{"access_token", "id", "instance_url", "issued_at", "refresh_token", "scope", "signature", "token_type"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	for name, shape := range map[string]string{
		"access_token": `^00D\w{12,15}![.\w]*$`, "refresh_token": `^5Aep861[A-Za-z0-9._]{65,80}$`, "issued_at": `^\d{13}$`,
		"id": "^" + b.URL + `/id/00D\w{15}/005\w{15}$`, "instance_url": "^" + b.URL + "$", "token_type": "^Bearer$", "scope": "^(api refresh_token|refresh_token api)$",
	} {
		if !regexp.MustCompile(shape).MatchString(got[name]) {
			t.Errorf("%s = %q, want %s", name, got[name], shape)
		}
	}
	if n := len(got["access_token"]); n < 97 || n > 112 {
		t.Errorf("access token has %d characters, want about 112", n)
	}
	mac := hmac.New(sha256.New, []byte(emulator.ClientSecretConfidential))
	mac.Write([]byte(got["id"] + got["issued_at"]))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); got["signature"] != want {
		t.Errorf("signature = %s, want %s", got["signature"], want)
	}
	if got := a.header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
		t.Errorf("Content-Type = %s", got)
	}
	if got := a.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control = %s, want no-store", got)
	}
	refreshed := b.success(b.refresh(emulator.ClientIDConfidential, got["refresh_token"]))
	delete(refreshed, "token_format")
	if diff := cmp.Diff([]string{"access_token", "id", "instance_url", "issued_at", "scope", "signature", "token_type"}, slices.Sorted(maps.Keys(refreshed))); diff != "" {
		t.Errorf("fields of a refresh without rotation (-want +got):\n%s", diff)
	}
	if !b.alive(got["access_token"]) || !b.alive(refreshed["access_token"]) {
		t.Error("an access token is dead, want both alive: a refresh does not end the earlier one")
	}
}

// The body may be multipart or chunked, the parameters may be in the query (clients.md 3.2, 3.15).
func TestTokenRequestShapes(t *testing.T) {
	t.Parallel()
	b := start(t)
	form := refreshForm(emulator.ClientIDPublic, b.login(emulator.ClientIDPublic)["refresh_token"])
	const path = "/services/oauth2/token"

	chunked := b.request(http.MethodPost, path, form)
	chunked.Body, chunked.ContentLength, chunked.GetBody = io.NopCloser(strings.NewReader(form.Encode())), -1, nil
	b.success(b.do(chunked))
	if got := last(b.Emulator().Requests()).BodyLength; got != -1 {
		t.Errorf("BodyLength = %d, want -1 for a chunked body", got)
	}

	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for name := range form {
		if err := parts.WriteField(name, form.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	parts.Close()
	multi := b.request(http.MethodPost, path, nil)
	multi.Body, multi.ContentLength = io.NopCloser(&body), int64(body.Len())
	multi.Header.Set("Content-Type", parts.FormDataContentType())
	b.success(b.do(multi))

	b.success(b.do(b.request(http.MethodPost, path+"?"+form.Encode(), nil)))

	json := b.request(http.MethodPost, path, nil)
	json.Body = io.NopCloser(strings.NewReader(`{"grant_type":"refresh_token"}`))
	json.Header.Set("Content-Type", "application/json")
	b.refused(b.do(json), "unsupported_grant_type", "grant type not supported")

	form.Set("code_verifier", "jsforce sends one")
	form.Set("format", "json")
	form.Set("client_secret", "") // restforce
	b.success(b.post(path, form))

	// Without a network: a server that stops reading may reset the connection before the client has read the answer.
	huge := httptest.NewRequest(http.MethodPost, path, strings.NewReader("grant_type="+strings.Repeat("x", 2<<20)))
	huge.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	b.Emulator().ServeHTTP(recorder, huge)
	if recorder.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("huge body: %d, want 413", recorder.Code)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	b := start(t)
	form := refreshForm(emulator.ClientIDPublic, wrongCode)
	reverse := strings.NewReplacer(
		`"error":"invalid_grant","error_description":"expired access/refresh token"`, `"error_description":"expired access/refresh token","error":"invalid_grant"`,
		`error=invalid_grant&error_description=expired%20access%2Frefresh%20token`, `error_description=expired%20access%2Frefresh%20token&error=invalid_grant`,
		`<error>invalid_grant</error><error_description>expired access/refresh token</error_description>`, `<error_description>expired access/refresh token</error_description><error>invalid_grant</error>`,
	)
	for _, row := range []struct{ format, accept, contentType, body string }{
		{"", "", "application/json;charset=UTF-8", `{"error":"invalid_grant","error_description":"expired access/refresh token"}`},
		{"urlencoded", "application/json", "application/x-www-form-urlencoded;charset=UTF-8", `error=invalid_grant&error_description=expired%20access%2Frefresh%20token`},
		{"xml", "", "application/xml;charset=UTF-8", `<?xml version="1.0" encoding="UTF-8"?><OAuth><error>invalid_grant</error><error_description>expired access/refresh token</error_description></OAuth>`},
		{"", "application/xml", "application/xml;charset=UTF-8", `<?xml version="1.0" encoding="UTF-8"?><OAuth><error>invalid_grant</error><error_description>expired access/refresh token</error_description></OAuth>`},
		{"", "text/html, application/json, */*", "application/json;charset=UTF-8", `{"error":"invalid_grant","error_description":"expired access/refresh token"}`},
	} {
		form.Set("format", row.format)
		r := b.request(http.MethodPost, "/services/oauth2/token", form)
		r.Header.Set("Accept", row.accept)
		a := b.do(r)
		if (a.body != row.body && a.body != reverse.Replace(row.body)) || a.header.Get("Content-Type") != row.contentType {
			t.Errorf("format %q, Accept %q: %s %s, want %s %s", row.format, row.accept, a.header.Get("Content-Type"), a.body, row.contentType, row.body)
		}
	}
}

// E-06, E-07: post, Basic, none; two at once refused; the switches for secrets.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	b := start(t)
	const path, id, secret = "/services/oauth2/token", emulator.ClientIDConfidential, emulator.ClientSecretConfidential
	token := b.login(id)["refresh_token"]
	try := func(basicID, basicSecret string, form url.Values) answer {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", token)
		r := b.request(http.MethodPost, path, form)
		if basicID != "" {
			r.SetBasicAuth(basicID, basicSecret)
		}
		return b.do(r)
	}
	b.success(try("", "", url.Values{"client_id": {id}, "client_secret": {secret}}))
	b.success(try(id, secret, url.Values{}))
	b.success(try(id, secret, url.Values{"client_id": {id}}))
	b.success(try(url.QueryEscape(id), strings.ReplaceAll(secret, "E", "%45"), url.Values{}))
	for name, a := range map[string]answer{
		"two at once":  try(id, secret, url.Values{"client_secret": {secret}}),
		"two clients":  try(id, secret, url.Values{"client_id": {emulator.ClientIDPublic}}),
		"wrong basic":  try(id, secret+"0", url.Values{}),
		"wrong post":   try("", "", url.Values{"client_id": {id}, "client_secret": {secret + "0"}}),
		"none":         try("", "", url.Values{"client_id": {id}}),
		"empty":        try("", "", url.Values{"client_id": {id}, "client_secret": {""}}),
		"public app's": try("", "", url.Values{"client_id": {emulator.ClientIDPublic}, "client_secret": {secret}}),
	} {
		t.Run(name, func(t *testing.T) { b.refused(a, "invalid_client", "invalid client credentials") })
	}
	bad := b.request(http.MethodPost, path, url.Values{"grant_type": {"refresh_token"}})
	bad.Header.Set("Authorization", "Basic ***")
	if a := b.do(bad); a.fields["error"] != "invalid_basic_auth_header" {
		t.Errorf("malformed Basic header: %s", a.body)
	}

	other := b.request(http.MethodPost, path, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {id}, "client_secret": {secret},
	})
	other.Header.Set("Authorization", `OAuth oauth_nonce="1"`) // nforce
	b.success(b.do(other))

	update(t, b, id, func(a *emulator.App) { a.SecretOptionalForRefresh = true })
	b.success(try("", "", url.Values{"client_id": {id}}))
	b.refused(try("", "", url.Values{"client_id": {id}, "client_secret": {"wrong"}}), "invalid_client", "invalid client credentials")
	form := codeForm(id, b.code(id))
	form.Del("client_secret")
	b.refused(b.post(path, form), "invalid_client", "invalid client credentials")
	update(t, b, id, func(a *emulator.App) { a.SecretOptional = true })
	b.success(b.post(path, form))
}

// E-03: single use, 15 minutes, bound to client, callback and challenge; reuse kills what was made from the code.
func TestCode(t *testing.T) {
	t.Parallel()
	b := start(t)
	const path, id = "/services/oauth2/token", emulator.ClientIDPublic
	code := b.code(id)
	change := func(name, value string) url.Values {
		form := codeForm(id, code)
		form.Set(name, value)
		return form
	}
	b.refused(b.post(path, change("code", wrongCode)), "invalid_grant", "invalid authorization code")
	b.refused(b.post(path, change("client_id", emulator.ClientIDRotating)), "invalid_grant", "invalid authorization code")
	b.refused(b.post(path, change("redirect_uri", callback+"/")), "redirect_uri_mismatch", "redirect_uri must match configuration")
	b.refused(b.post(path, change("redirect_uri", "")), "redirect_uri_missing", "redirect_uri not provided")
	b.refused(b.post(path, change("code_verifier", verifier+"x")), "invalid_request", "invalid code verifier")
	b.refused(b.post(path, change("code_verifier", "")), "invalid_grant", "invalid code verifier")
	b.refused(b.post(path, change("scope", "api")), "invalid_request", "scope parameter not supported")

	tokens := b.success(b.post(path, codeForm(id, code)))
	b.refused(b.post(path, codeForm(id, code)), "invalid_grant", "expired authorization code")
	if b.alive(tokens["access_token"]) {
		t.Error("the access token lives after its code was used again")
	}
	b.refused(b.refresh(id, tokens["refresh_token"]), "invalid_grant", expired)

	late := b.code(id)
	b.Emulator().Advance(15 * time.Minute)
	b.refused(b.post(path, codeForm(id, late)), "invalid_grant", "expired authorization code")
	inTime := b.code(id)
	b.Emulator().Advance(15*time.Minute - time.Second)
	b.success(b.post(path, codeForm(id, inTime)))
}

// E-04, E-05: no method is S256, long verifiers pass, a verifier without a challenge is refused.
func TestPKCE(t *testing.T) {
	t.Parallel()
	b := start(t)
	long := strings.Repeat("x", 171)
	form := codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "code_challenge", challenge(long)))
	form.Set("code_verifier", long)
	b.success(b.post("/services/oauth2/token", form))
	b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "code_challenge_method", "S256"))))
	b.refused(b.post("/services/oauth2/token", codeForm(emulator.ClientIDConfidential, b.code(emulator.ClientIDConfidential, "code_challenge", ""))),
		"invalid_request", "invalid code verifier")
}

// E-09: the old token dies at once; when it comes again, the living one and every access token die too.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := start(t)
	const id = emulator.ClientIDRotating
	first := b.login(id)
	second := b.success(b.refresh(id, first["refresh_token"]))
	third := b.success(b.refresh(id, second["refresh_token"]))
	if first["refresh_token"] == second["refresh_token"] || second["refresh_token"] == third["refresh_token"] {
		t.Fatal("the refresh token did not change")
	}
	if !b.alive(third["access_token"]) {
		t.Fatal("the newest access token is dead")
	}
	b.refused(b.refresh(id, first["refresh_token"]), "invalid_grant", expired)
	for i, tokens := range []map[string]string{first, second, third} {
		if b.alive(tokens["access_token"]) {
			t.Errorf("access token %d lives after a reuse", i+1)
		}
	}
	b.refused(b.refresh(id, third["refresh_token"]), "invalid_grant", expired)

	// Another app's request with a spent token harms nobody.
	again := b.login(id)
	next := b.success(b.refresh(id, again["refresh_token"]))
	b.refused(b.refresh(emulator.ClientIDPublic, again["refresh_token"]), "invalid_grant", expired)
	b.success(b.refresh(id, next["refresh_token"]))

	// Rotation switched on between two refreshes.
	static := b.login(emulator.ClientIDPublic)["refresh_token"]
	update(t, b, emulator.ClientIDPublic, func(a *emulator.App) { a.Rotation = true })
	if b.success(b.refresh(emulator.ClientIDPublic, static))["refresh_token"] == "" {
		t.Error("no new refresh token after rotation was switched on")
	}
}

// E-10: what each policy does, day by day.
func TestRefreshTokenPolicies(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, row := range []struct {
		policy emulator.RefreshPolicy
		idle   bool
		waits  []time.Duration // a refresh after each; all but the last succeed
		dies   bool            // the last fails
	}{
		{"infinite", false, []time.Duration{400 * day, 400 * day}, false},
		{"zero", false, []time.Duration{0}, true},
		{"specific_lifetime:2:DAYS", false, []time.Duration{day, day - time.Second}, false},
		{"specific_lifetime:2:DAYS", false, []time.Duration{day, day}, true},
		{"specific_inactivity:3:HOURS", false, []time.Duration{2 * time.Hour, 2 * time.Hour, 2 * time.Hour}, false},
		{"specific_inactivity:3:HOURS", false, []time.Duration{2 * time.Hour, 3 * time.Hour}, true},
		{"infinite", true, []time.Duration{29 * day, 29 * day, 30 * day}, true},
		{"specific_inactivity:2:MONTHS", true, []time.Duration{30 * day}, true},
		{"specific_inactivity:1:DAYS", true, []time.Duration{day}, true},
	} {
		t.Run(string(row.policy), func(t *testing.T) {
			t.Parallel()
			b := start(t)
			update(t, b, emulator.ClientIDPublic, func(a *emulator.App) { a.RefreshPolicy, a.IdleTTL = row.policy, row.idle })
			token := b.login(emulator.ClientIDPublic)["refresh_token"]
			for i, wait := range row.waits {
				b.Emulator().Advance(wait)
				a := b.refresh(emulator.ClientIDPublic, token)
				if row.dies && i == len(row.waits)-1 {
					b.refused(a, "invalid_grant", expired)
				} else {
					b.success(a)
				}
			}
		})
	}
}

// E-11: the sixth approval revokes the oldest, with its access token.
func TestFiveApprovals(t *testing.T) {
	t.Parallel()
	b := start(t)
	var all []map[string]string
	for range 6 {
		all = append(all, b.login(emulator.ClientIDPublic))
	}
	b.refused(b.refresh(emulator.ClientIDPublic, all[0]["refresh_token"]), "invalid_grant", expired)
	if b.alive(all[0]["access_token"]) {
		t.Error("the oldest access token lives")
	}
	for _, tokens := range all[1:] {
		b.success(b.refresh(emulator.ClientIDPublic, tokens["refresh_token"]))
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := start(t)
	tokens := b.login(emulator.ClientIDPublic)
	b.Emulator().Advance(90 * time.Minute)
	if !b.alive(tokens["access_token"]) { // which makes it live two hours more
		t.Fatal("dead after 90 minutes")
	}
	b.Emulator().Advance(90 * time.Minute)
	if !b.alive(tokens["access_token"]) {
		t.Fatal("dead 90 minutes after use: the time-out must slide")
	}
	b.Emulator().Advance(2 * time.Hour)
	if b.alive(tokens["access_token"]) {
		t.Error("alive after two idle hours")
	}
	update(t, b, emulator.ClientIDPublic, func(a *emulator.App) { a.SessionTimeout, a.SameAccessToken = 15*time.Minute, true })
	one := b.success(b.refresh(emulator.ClientIDPublic, tokens["refresh_token"]))["access_token"]
	two := b.success(b.refresh(emulator.ClientIDPublic, tokens["refresh_token"]))["access_token"]
	if one != two {
		t.Error("SameAccessToken: a refresh answered another access token while the first one lived")
	}
	b.Emulator().ExpireSessions()
	a := b.get("/services/data/v64.0/limits", one)
	if want := `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`; a.status != http.StatusUnauthorized || a.body != want {
		t.Errorf("dead token: %d %s, want 401 %s", a.status, a.body, want)
	}
	if three := b.success(b.refresh(emulator.ClientIDPublic, tokens["refresh_token"]))["access_token"]; three == one {
		t.Error("a refresh answered an access token that is dead")
	}
}

func TestNoRefreshScope(t *testing.T) {
	t.Parallel()
	b := start(t)
	if _, ok := b.login(emulator.ClientIDNoRefresh)["refresh_token"]; ok {
		t.Error("a refresh token without the scope")
	}
	form := codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "scope", "api"))
	if _, ok := b.success(b.post("/services/oauth2/token", form))["refresh_token"]; ok {
		t.Error("a refresh token although only api was asked for")
	}
	form = codeForm(emulator.ClientIDPublic, b.code(emulator.ClientIDPublic, "scope", "offline_access api"))
	if got := b.success(b.post("/services/oauth2/token", form)); got["refresh_token"] == "" || len(strings.Fields(got["scope"])) != 2 || !strings.Contains(got["scope"], "refresh_token") {
		t.Errorf("offline_access: scope %q, refresh token %t", got["scope"], got["refresh_token"] != "")
	}
}

func update(t testing.TB, b *bench, clientID string, change func(*emulator.App)) {
	t.Helper()
	if err := b.Emulator().UpdateApp(clientID, change); err != nil {
		t.Fatal(err)
	}
}

func last[T any](list []T) T { return list[len(list)-1] }
