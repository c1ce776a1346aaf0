package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documentedErrors are the codes of Salesforce's own list, the older ones of its help, and those that its pages carry.
var documentedErrors = strings.Fields(`
access_denied app_blocked app_not_found authorization_pending bad_jti_claim app_attest_failed app_attest_failed_retry
ecapp_policy_not_found exceeded_registration_limit fail_close_app_blocked failed_registration immediate_unsuccessful
installation_error invalid_app_access invalid_assertion_type invalid_basic_auth_header invalid_dpop_proof invalid_client
invalid_client_id invalid_distribution_state invalid_expid invalid_grant invalid_otp invalid_request invalid_scope
invalid_session_level invalid_token login_error oauth_flow_disabled oauth_policy_not_found otp_error redirect_uri_missing
redirect_uri_mismatch registration_error server_error service_unavailable slow_down system_down unknown_error
unsupported_expid unsupported_grant_type unsupported_response_type unsupported_token_type use_dpop_nonce
inactive_user inactive_org rate_limit_exceeded
OAUTH_EC_APP_NOT_FOUND OAUTH_AUTHORIZATION_BLOCKED OAUTH_APP_ACCESS_DENIED OAUTH_APP_BLOCKED OAUTH_APPROVAL_ERROR_GENERIC`)

// documentedStatus are the ways in which anything here may answer.
var documentedStatus = []int{200, 201, 202, 204, 302, 303, 307, 400, 401, 403, 404, 405, 406, 409, 413, 415}

// world is an emulator with one of everything, and the names by which a fuzzed request can ask for it.
type world struct {
	*Server
	log   bytes.Buffer
	named map[string]string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	var err error
	if w.Server, err = New(Options{Seed: 1, Log: slog.New(slog.NewTextHandler(&w.log, nil))}); err != nil {
		t.Fatal(err)
	}
	tokens, err := w.Approve(ClientIDRotating, Username)
	if err != nil {
		t.Fatal(err)
	}
	a := &attempt{clientID: ClientIDPublic, redirectURI: "http://localhost:1717/OauthRedirect", scopes: []string{"api"}, started: w.now()}
	w.named = map[string]string{
		"$REFRESH": tokens.RefreshToken, "$ACCESS": tokens.AccessToken, "$CODE": w.giveCode(a, w.dir.byName[Username], w.now()), "$SOURCE": w.remember(a),
		"$ROTATING": ClientIDRotating, "$PUBLIC": ClientIDPublic, "$CONFIDENTIAL": ClientIDConfidential, "$SECRET": ClientSecretConfidential,
		"$USER": Username, "$PASSWORD": Password,
	}
	return w
}

func (w *world) fill(text string) string {
	for name, value := range w.named {
		text = strings.ReplaceAll(text, name, value)
	}
	return text
}

// pathOf makes a path from a route's pattern.
func pathOf(pattern, segment string) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodPost, pattern
	}
	path = strings.NewReplacer("{$}", "", "{version}", "v66.0", "{org}", "00DEMU000000001EAA", "{user}", "005EMU000000001EAA").Replace(path)
	return method, regexp.MustCompile(`\{\w+(\.\.\.)?\}`).ReplaceAllLiteralString(path, url.PathEscape(segment))
}

// FuzzEndpoints sends anything to every route there is; a new one is in it by being one. No panic, no answer that is neither
// a success nor a documented error, no secret in an answer that was not in the request, none in the journal and the log.
func FuzzEndpoints(f *testing.F) {
	const form, jsonType = "application/x-www-form-urlencoded", "application/json"
	patterns := slices.Sorted(slices.Values(newWorld(f).patterns))
	for i := range patterns {
		for _, seed := range []struct{ method, segment, query, body, contentType, authorization string }{
			{"", "x", "", "", "", ""},
			{"", "x", "", "", "", "Bearer $ACCESS"},
			{"GET", "005EMU000000001", "q=SELECT+Id,+Username+FROM+User+WHERE+Id+%3D+'x'+LIMIT+1&columns=true", "", "", "OAuth $ACCESS"},
			{"GET", "x", "q=SELECT+FROM+'&format=xml&callback=x&version=latest&startURL=//evil&un=$USER&ec=302&source=$SOURCE&error=<b>&error_description=<i>", "", "", "Bearer "},
			{"GET", "x", "response_type=code&client_id=$PUBLIC&redirect_uri=http://localhost:1717/OauthRedirect&code_challenge=x&scope=api+refresh_token&state=%00%ff<&prompt=login+consent", "", "", ""},
			{"GET", "x", "response_type=token&client_id=$CONFIDENTIAL&redirect_uri=/&otp=x&sid=$ACCESS&retURL=%5C%5Cevil", "", "", ""},
			{"POST", "x", "", "grant_type=refresh_token&refresh_token=$REFRESH&client_id=$ROTATING", form, ""},
			{"POST", "x", "format=urlencoded", "grant_type=authorization_code&code=$CODE&client_id=$PUBLIC&redirect_uri=http://localhost:1717/OauthRedirect&code_verifier=v", form, ""},
			{"POST", "x", "", "grant_type=password&username=$USER&password=$PASSWORD&client_id=$CONFIDENTIAL&client_secret=$SECRET", form, ""},
			{"POST", "x", "", "grant_type=client_credentials&grant_type=device&code=x", form, "Basic eDp5"},
			{"POST", "x", "", "response_type=device_code&client_id=$PUBLIC&scope=api", form, ""},
			{"POST", "x", "", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4Iiwic3ViIjoieSIsImV4cCI6MX0.c2ln", form, ""},
			{"POST", "x", "", "token=$REFRESH&token_type_hint=access_token&client_id=$CONFIDENTIAL&client_secret=$SECRET&source=$SOURCE&decision=allow&csrf=x&startURL=/&pw=$PASSWORD", form, ""},
			{"POST", "x", "", `{"grant_type":"refresh_token","redirect_uris":["x",1,null],"client_name":"<b>"`, jsonType, "Bearer $ACCESS"},
			{"POST", "x", "", `[[[[{"a":` + strings.Repeat("[", 200), jsonType, "Bearer $ACCESS"},
			{"POST", "x", "", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>$USER</n1:username><n1:password>&b;</n1:password></n1:login></env:Body></env:Envelope>`, "text/xml; charset=utf-8", ""},
			{"POST", "x", "", "--b\r\nContent-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json\r\n\r\n{\"deployOptions\":{}}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\nPK\x03\x04\r\n--b--", "multipart/form-data; boundary=b", "Bearer $ACCESS"},
			{"POST", "x", "$REFRESH", "$ACCESS", form, "$SECRET"},
			{"DELETE", "..%2f", "", "", "", "Bearer $ACCESS"},
			{"OPTIONS", "", "", "", "", ""},
			{"PATCH", "\x00", "a=%zz", "%", form, "Bearer $ACCESS"},
		} {
			f.Add(uint16(i), seed.method, seed.segment, seed.query, seed.body, seed.contentType, seed.authorization)
		}
	}
	f.Fuzz(func(t *testing.T, route uint16, method, segment, query, body, contentType, authorization string) {
		w := newWorld(t)
		natural, path := pathOf(patterns[int(route)%len(patterns)], segment)
		if !regexp.MustCompile(`^[A-Z]{1,20}$`).MatchString(method) {
			method = natural
		}
		asked := w.fill(strings.Join([]string{path, query, body, contentType, authorization}, "\n"))
		r := httptest.NewRequest(method, "/", strings.NewReader(w.fill(body)))
		r.URL.Path, r.URL.RawQuery = path, w.fill(query)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", w.fill(authorization))
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)

		if !slices.Contains(documentedStatus, answer.Code) {
			t.Errorf("%s %s: status %d %s", method, path, answer.Code, answer.Body)
		}
		if code := errorIn(answer); code != "" && !slices.Contains(documentedErrors, code) && !regexp.MustCompile(`^[A-Z][A-Z_]+$`).MatchString(code) && !strings.Contains(asked, code) {
			t.Errorf("%s %s: error %q is not documented", method, path, code)
		}
		told := answer.Body.String() + fmt.Sprint(answer.Header())
		kept := fmt.Sprintf("%+v", w.Requests()) + w.log.String()
		for _, name := range []string{"$REFRESH", "$ACCESS", "$CODE", "$SECRET"} {
			secret := w.named[name]
			if strings.Contains(told, secret) && !strings.Contains(asked, secret) {
				t.Errorf("%s %s: the answer gives %s away", method, path, name)
			}
			if strings.Contains(kept, secret) && !strings.Contains(public(path, contentType, w.fill(query), w.fill(body)), secret) {
				t.Errorf("%s %s: the journal or the log shows %s", method, path, name)
			}
		}
	})
}

// errorIn is the error code of an answer in JSON, as an object or in a list, or of a redirect.
func errorIn(answer *httptest.ResponseRecorder) string {
	if target, err := url.Parse(answer.Header().Get("Location")); err == nil && target.Path != "/" {
		return target.Query().Get("error")
	}
	var object struct{ Error any }
	var list []struct{ ErrorCode string }
	if json.Unmarshal(answer.Body.Bytes(), &object) == nil {
		if code, ok := object.Error.(string); ok {
			return code
		}
	}
	if json.Unmarshal(answer.Body.Bytes(), &list) == nil && len(list) > 0 {
		return list[0].ErrorCode
	}
	return ""
}

// public is what a request says where no secret belongs; the journal has it as it is.
func public(path, contentType string, forms ...string) string {
	said := path + contentType
	for _, form := range forms {
		values, _ := url.ParseQuery(form) // as much of it as is one
		for name, list := range values {
			if plainParameters[name] {
				said += fmt.Sprint(list)
			}
		}
	}
	return said
}
