package wire_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/internal/wire"
)

func TestHAR(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	text, err := wire.HAR([]wire.Exchange{{
		At: at, Duration: 30 * time.Millisecond, Waited: 20 * time.Millisecond, Method: "POST", URL: "https://h/token", Proto: "HTTP/2.0",
		Query: []wire.Field{{"a", "b c"}}, Form: []wire.Field{{"grant_type", "x&y"}, {"code", "[secret]"}},
		Sent: []wire.Field{{"Accept", "*/*"}}, Status: 302, Type: "text/plain", Location: "https://i/", Carried: []wire.Field{{"code", "[secret]"}},
		Answer: []wire.Field{{"error", "e"}}, Up: 7, Down: 9,
	}, {At: at, Method: "GET", URL: "https://h/", Err: "connection refused"}}, "sftoken", "1")
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	pair := func(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }
	none := []any{}
	want := map[string]any{"log": map[string]any{
		"version": "1.2", "creator": map[string]any{"name": "sftoken", "version": "1"},
		"entries": []any{
			map[string]any{
				"startedDateTime": "2026-11-20T12:00:00Z", "time": 30.0, "cache": map[string]any{},
				"timings": map[string]any{"send": 0.0, "wait": 20.0, "receive": 10.0},
				"request": map[string]any{
					"method": "POST", "url": "https://h/token?a=b+c", "httpVersion": "HTTP/2.0", "cookies": none, "headersSize": -1.0, "bodySize": 7.0,
					"headers": []any{pair("Accept", "*/*")}, "queryString": []any{pair("a", "b c")},
					"postData": map[string]any{
						"mimeType": "application/x-www-form-urlencoded", "params": []any{pair("grant_type", "x&y"), pair("code", "[secret]")},
						"text": "grant_type=x%26y&code=%5Bsecret%5D",
					},
				},
				"response": map[string]any{
					"status": 302.0, "statusText": "Found", "httpVersion": "HTTP/2.0", "cookies": none, "headers": none, "headersSize": -1.0, "bodySize": 9.0,
					"content":     map[string]any{"size": 9.0, "mimeType": "text/plain", "text": "error=e"},
					"redirectURL": "https://i/?code=%5Bsecret%5D",
				},
			},
			map[string]any{
				"startedDateTime": "2026-11-20T12:00:00Z", "time": 0.0, "cache": map[string]any{}, "comment": "connection refused",
				"timings": map[string]any{"send": 0.0, "wait": 0.0, "receive": 0.0},
				"request": map[string]any{
					"method": "GET", "url": "https://h/", "httpVersion": "HTTP/1.1", "cookies": none, "headers": none, "queryString": none, "headersSize": -1.0, "bodySize": 0.0,
				},
				"response": map[string]any{
					"status": 0.0, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": none, "headers": none, "headersSize": -1.0, "bodySize": 0.0,
					"content": map[string]any{"size": 0.0, "mimeType": ""}, "redirectURL": "",
				},
			},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiagram(t *testing.T) {
	t.Parallel()
	got := wire.Diagram([]wire.Exchange{
		{Method: "POST", URL: "https://login.salesforce.com/services/oauth2/token", Form: []wire.Field{{"grant_type", "refresh_token"}}, Status: 200, Duration: 12345678, Answer: []wire.Field{{"scope", "api;\n<b>#1</b>"}}},
		{Method: "GET", URL: "https://acme.my.salesforce.com", Bearer: "00D!…[secret 1]", Err: "dial: refused"},
	}, "sftoken")
	want := `sequenceDiagram
    autonumber
    participant client as sftoken
    participant host1 as login.salesforce.com
    participant host2 as acme.my.salesforce.com
    client->>host1: POST /services/oauth2/token<br/>grant_type=refresh_token
    host1-->>client: 200 OK after 12ms<br/>scope=api#59; #60;b#62;#35;1#60;/b#62;
    client->>host2: GET /<br/>Authorization=00D!…[secret 1]
    host2--xclient: dial: refused
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// F-09: no planted secret survives in an archive or a diagram, wherever it stands and however it is cut: read byte by byte,
// and beyond what is kept of a body.
func FuzzArchive(f *testing.F) {
	f.Add("before", "after", uint8(0))
	f.Add(`{"x":"`, `"}`, uint8(1))
	f.Add("\r\n<input name=code value='", "'>", uint8(2))
	f.Add(strings.Repeat("x", 64<<10-30), "", uint8(3)) // the end of what is kept goes through the secret
	f.Add(`{"error":"`+strings.Repeat("y", 64<<10-60), `"}`, uint8(0))
	secrets := []string{access, refresh, jwt, " client_secret=hush-hush-hush", "set-cookie: sid=hush-hush-hush"}
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		planted := secrets[int(which)%len(secrets)]
		if strings.Contains(before+after, "hush") {
			t.Skip()
		}
		text := before + planted + after
		form := url.Values{"refresh_token": {refresh}, "x": {text}, "state": {"hush-hush-hush"}}.Encode()
		base := roundTrip(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, iotest.OneByteReader(r.Body))
			answer := httptest.NewRecorder()
			answer.Header().Set("Set-Cookie", "sid=hush-hush-hush")
			answer.Header().Set("Location", "https://h/?code="+url.QueryEscape(planted)+"#access_token="+url.QueryEscape(access))
			answer.Header()["X-Text"] = []string{text}
			result := answer.Result()
			result.Body = io.NopCloser(iotest.OneByteReader(strings.NewReader(text)))
			return result, nil
		})
		recorder := &wire.Recorder{Base: base}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://h/p?token="+url.QueryEscape(access), strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Authorization", "Bearer "+access)
		response, err := recorder.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		archive, err := wire.HAR(recorder.Exchanges(), "sftoken", "1")
		if err != nil {
			t.Fatal(err)
		}
		for name, out := range map[string]string{"archive": string(archive), "diagram": wire.Diagram(recorder.Exchanges(), "sftoken")} {
			for _, secret := range []string{planted, access, refresh, "hush"} {
				if left := remains(out, secret); left != "" {
					t.Errorf("the %s of %q leaves %q", name, text, left)
				}
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
