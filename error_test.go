package sftoken_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/sftoken/sftoken"
)

// Tables 5.1 and 5.2 of the protocol reference and section 10 of the failures: what a caller does about each (C-54).
func TestErrorKinds(t *testing.T) {
	t.Parallel()
	const (
		refreshing = "refresh_token"
		exchanging = "authorization_code"
	)
	for _, row := range []struct {
		grant, code, description string
		want                     error
	}{
		{refreshing, "invalid_grant", "expired access/refresh token", sftoken.ErrLoginRequired},
		{refreshing, "invalid_grant", "token validity expired", sftoken.ErrLoginRequired},
		{refreshing, "invalid_grant", "authentication failure", sftoken.ErrLoginRequired},
		{refreshing, "invalid_grant", "", sftoken.ErrLoginRequired},
		{refreshing, "invalid_request", "Expired access/refresh token.", sftoken.ErrLoginRequired},
		{refreshing, "inactive_user", "user is inactive", sftoken.ErrLoginRequired},
		{refreshing, "invalid_grant", "inactive user", sftoken.ErrLoginRequired},
		{exchanging, "invalid_grant", "expired authorization code", sftoken.ErrLoginRequired},
		{exchanging, "invalid_grant", "invalid authorization code", sftoken.ErrLoginRequired},
		{"", "immediate_unsuccessful", "immediate unsuccessful", sftoken.ErrLoginRequired},

		{refreshing, "invalid_grant", "token request is already being processed", sftoken.ErrTemporary},
		{refreshing, "INVALID_GRANT", "Token request is already being processed.", sftoken.ErrTemporary},
		{exchanging, "unknown_error", "retry your request", sftoken.ErrTemporary},
		{refreshing, "server_error", "", sftoken.ErrTemporary},
		{refreshing, "service_unavailable", "", sftoken.ErrTemporary},
		{refreshing, "system_down", "", sftoken.ErrTemporary},
		{refreshing, "rate_limit_exceeded", "number of logins exceeded", sftoken.ErrTemporary},
		{refreshing, "invalid_grant", "login rate exceeded", sftoken.ErrTemporary},
		{"", "slow_down", "", sftoken.ErrTemporary},
		{"", "authorization_pending", "", sftoken.ErrTemporary},

		{exchanging, "invalid_client", "app must be installed into org", sftoken.ErrBlocked},
		{exchanging, "app_not_found", "External client app is not installed in this org", sftoken.ErrBlocked},
		{"", "OAUTH_EC_APP_NOT_FOUND", "External client app is not installed in this org", sftoken.ErrBlocked},
		{"", "OAUTH_AUTHORIZATION_BLOCKED", "Cross-org OAuth flows are not supported for this external client app", sftoken.ErrBlocked},
		{"", "OAUTH_APP_ACCESS_DENIED", "", sftoken.ErrBlocked},
		{"", "OAUTH_APP_BLOCKED", "this app is blocked by admin", sftoken.ErrBlocked},
		{refreshing, "app_blocked", "", sftoken.ErrBlocked},
		{refreshing, "fail_close_app_blocked", "", sftoken.ErrBlocked},
		{refreshing, "oauth_flow_disabled", "The external client app or the OAuth plugin is disabled.", sftoken.ErrBlocked},
		{refreshing, "invalid_app_access", "user is not admin approved to access this app", sftoken.ErrBlocked},
		{"jwt", "invalid_grant", "user hasn't approved this consumer", sftoken.ErrBlocked},
		{"jwt", "invalid_request", "refresh_token scope is required and the connected app should be installed and preauthorized.", sftoken.ErrBlocked},
		{refreshing, "invalid_grant", "ip restricted", sftoken.ErrBlocked},
		{refreshing, "invalid_grant", "ip restricted or invalid login hours", sftoken.ErrBlocked},
		{refreshing, "inactive_org", "org is locked, closed, or suspended", sftoken.ErrBlocked},

		{"", "access_denied", "end-user denied authorization", sftoken.ErrDenied},
		{"client_credentials", "access_denied", "end-user denied authorization", sftoken.ErrDenied},

		{exchanging, "invalid_client_id", "client identifier invalid", nil},
		{refreshing, "invalid_client", "invalid client credentials", nil},
		{exchanging, "redirect_uri_mismatch", "redirect_uri must match configuration", nil},
		{exchanging, "redirect_uri_missing", "redirect_uri not provided", nil},
		{exchanging, "invalid_request", "scope parameter not supported", nil},
		{exchanging, "invalid_request", "missing required code challenge", nil},
		{exchanging, "unsupported_grant_type", "grant type not supported", nil},
		{"", "invalid_scope", "the requested scope is not allowed", nil},
		{"", "OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error has occured during authentication. Please try again.", nil},
		{"client_credentials", "invalid_grant", "no client credentials user enabled", nil},
		{"client_credentials", "invalid_grant", "client credentials flow not enabled", nil},
		{refreshing, "invalid_grant", "request not supported on this domain", nil},
		{"jwt", "invalid_grant", "audience is invalid", nil},
		{"jwt", "invalid_grant", "invalid assertion", nil},
		{"jwt", "invalid_grant", "expired authorization code", nil},
		{"", "unsupported_token_type", "this token type is not supported", nil},
		{"", "Bad_OAuth_Token", "", nil},
	} {
		err := error(&sftoken.Error{Endpoint: "token", Status: 400, Code: row.code, Description: row.description, GrantType: row.grant})
		for _, kind := range []error{sftoken.ErrLoginRequired, sftoken.ErrTemporary, sftoken.ErrBlocked, sftoken.ErrDenied, sftoken.ErrStateMismatch} {
			if errors.Is(err, kind) != (kind == row.want) {
				t.Errorf("%s: %v: is %q: %t", row.grant, err, kind, errors.Is(err, kind))
			}
		}
	}
	for status, temporary := range map[int]bool{400: false, 401: false, 403: false, 404: false, 408: true, 420: true, 429: true, 500: true, 502: true, 503: true} {
		err := &sftoken.Error{Endpoint: "token", Status: status, GrantType: refreshing}
		if errors.Is(err, sftoken.ErrTemporary) != temporary || errors.Is(err, sftoken.ErrLoginRequired) {
			t.Errorf("status %d: temporary is %t", status, !temporary)
		}
	}
}

// Every shape in which errors come, with or without a Content-Type.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, contentType, body string
		status                  int
		code, description, text string
	}{
		{
			"JSON", "application/json", `{"error_description":"expired access/refresh token","error":"invalid_grant"}`, 400,
			"invalid_grant", "expired access/refresh token", "token endpoint: invalid_grant (expired access/refresh token)",
		},
		{"JSON with status 200", "", `{"error":"invalid_grant"}`, 200, "invalid_grant", "", "token endpoint: invalid_grant"},
		{
			"a list", "application/json", `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, 401,
			"INVALID_SESSION_ID", "Session expired or invalid", "token endpoint: INVALID_SESSION_ID (Session expired or invalid)",
		},
		{
			"form text", "", "error=invalid_request&error_description=missing required code challenge", 400,
			"invalid_request", "missing required code challenge", "token endpoint: invalid_request (missing required code challenge)",
		},
		{
			"encoded form text", "text/plain", "error=unsupported_token_type&error_description=this+token+type+is+not+supported", 400,
			"unsupported_token_type", "this token type is not supported", "token endpoint: unsupported_token_type (this token type is not supported)",
		},
		{"one word", "text/plain", "Bad_OAuth_Token\n", 403, "Bad_OAuth_Token", "", "token endpoint: Bad_OAuth_Token"},
		{
			"a web page", "text/html;charset=UTF-8", "<!doctype html><html><head><title>We are down &amp; out</title></head><body>x", 503,
			"", "", "token endpoint: status 503 Service Unavailable (We are down & out)",
		},
		{
			"a page without a title", "text/html", "<html><script>var a=1</script><body><h1>Blocked</h1> by proxy</body></html>", 403,
			"", "", "token endpoint: status 403 Forbidden (Blocked by proxy)",
		},
		{"text", "", "upstream connect error", 502, "", "", "token endpoint: status 502 Bad Gateway (upstream connect error)"},
		{"nothing", "", "", 404, "", "", "token endpoint: status 404 Not Found"},
		{"JSON of another kind", "application/json", `{"fault":1}`, 500, "", "", `token endpoint: status 500 Internal Server Error ({"fault":1})`},
		{"half of a JSON", "application/json", `{"error":"invalid_grant","error_desc`, 400, "invalid_grant", "", "token endpoint: invalid_grant"},
	} {
		_, err := refresh(t, newClient(t, answering(row.status, row.contentType, row.body)))
		var got *sftoken.Error
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v", row.name, err)
			continue
		}
		if got.Code != row.code || got.Description != row.description || got.Status != row.status || got.GrantType != "refresh_token" || err.Error() != row.text {
			t.Errorf("%s: got %+v\n%v", row.name, got, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999999": 24 * time.Hour, "Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		_, err := refresh(t, newClient(t, answering(503, "", "", "Retry-After", header)))
		var got *sftoken.Error
		if !errors.As(err, &got) || got.RetryAfter != want {
			t.Errorf("Retry-After %q: %v, %v", header, got.RetryAfter, err)
		}
	}
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	_, err := refresh(t, newClient(t, answering(429, "", "", "Retry-After", date)))
	var got *sftoken.Error
	if !errors.As(err, &got) || got.RetryAfter < 59*time.Minute || got.RetryAfter > time.Hour {
		t.Errorf("Retry-After %q: %v", date, err)
	}
}

// C-70: what the other side says is made harmless before it gets into an error: it may echo what we sent.
func TestErrorsAreScrubbed(t *testing.T) {
	t.Parallel()
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
	for _, secret := range []string{
		accessToken, url.QueryEscape(accessToken), refreshToken, code, clientSecret, jwt,
		"force://id:planted:planted@host", "Bearer planted123", "sid=planted123", "password: planted123", `"client_secret" : "planted123"`,
		"lightning_sid=planted123", "code_verifier=planted123",
	} {
		for _, body := range []string{
			`{"error":"invalid_grant","error_description":` + quote("bad value "+secret+" given") + `}`,
			`{"error":` + quote(secret) + `}`,
			`[{"errorCode":"X","message":` + quote("bad "+secret) + `}]`,
			"error=x&error_description=" + url.QueryEscape("bad "+secret),
			"<html><title>" + secret + "</title></html>",
			"plain text with " + secret + " in it",
			secret,
			strings.Repeat("x ", 90) + secret,
		} {
			for _, status := range []int{200, 400, 503} {
				_, err := refresh(t, newClient(t, answering(status, "", body)))
				if err == nil {
					continue
				}
				text := strings.ToLower(err.Error())
				if strings.Contains(text, "planted") || strings.Contains(text, strings.ToLower(clientSecret)) || strings.Contains(text, "eyjzdwi") {
					t.Errorf("%q with status %d: %v", body, status, err)
				}
				checkText(t, err.Error())
			}
		}
	}
	// The exact values that were sent are known, whatever they look like.
	c := newClient(t, answering(400, "", `{"error":"invalid_client","error_description":"no such secret hunter2hunter2"}`))
	c.App.ClientSecret = sftoken.NewSecret("hunter2hunter2")
	if _, err := refresh(t, c); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the client secret: %v", err)
	}
	_, err := refresh(t, newClient(t, answering(400, "", `{"error":"x\u001b[31m","error_description":"a\u202eb\u0007\r\nc\u2028d`+strings.Repeat("é", 400)+`"}`)))
	checkText(t, err.Error())
	if !strings.HasPrefix(err.Error(), "token endpoint: x[31m (ab c d") || !strings.HasSuffix(err.Error(), "é…)") {
		t.Errorf("got %q", err)
	}
}

// checkText fails when a text could disturb a terminal or a log.
func checkText(t *testing.T, text string) {
	t.Helper()
	if len([]rune(text)) > 1000 {
		t.Errorf("the text has %d characters", len([]rune(text)))
	}
	if i := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 {
		t.Errorf("there is a character in it that cannot be printed: %q", text)
	}
}

func quote(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// F-06: error bodies of identity, userinfo and versions.
func FuzzErrorBody(f *testing.F) {
	f.Add(403, "Bad_OAuth_Token")
	f.Add(401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)
	f.Add(400, "error=x&error_description=\x1b]0;y")
	f.Add(500, "<html><title>\x07")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 400 || status > 599 {
			return
		}
		c := newClient(t, answering(status, "", body))
		_, err := c.UserInfo(t.Context(), &sftoken.Token{AccessToken: sftoken.NewSecret(accessToken)})
		var got *sftoken.Error
		if !errors.As(err, &got) || got.Endpoint != "userinfo" || got.Status != status || got.Code != "" && got.Body != "" {
			t.Fatalf("%#v", err)
		}
		if status >= 500 && got.Code == "" && !errors.Is(err, sftoken.ErrTemporary) {
			t.Fatalf("not temporary: %v", err)
		}
		checkText(t, err.Error())
	})
}
