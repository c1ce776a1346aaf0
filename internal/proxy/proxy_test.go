package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/proxy"
)

const capability = "00D000000000001!capability"

// org is an org's API and the transport to it, without tokens.
type org struct {
	*httptest.Server
	err error
}

func newOrg(t testing.TB, handler http.HandlerFunc) *org {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &org{Server: server}
}

func (o *org) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.err != nil {
		return nil, o.err
	}
	own := r.Clone(r.Context())
	base, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	own.URL = base.ResolveReference(r.URL)
	own.Header.Set("Authorization", "Bearer the-org's")
	return http.DefaultTransport.RoundTrip(own)
}

// start starts a proxy and returns its address.
func start(t testing.TB, transport http.RoundTripper) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = proxy.New(proxy.Options{
		Transport: transport, Token: sftoken.NewSecret(capability), Hosts: []string{server.Listener.Addr().String()},
	})
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func ask(t *testing.T, method, address string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+capability)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

// Whoever is not the proxy's own caller gets nothing through: other users of the machine, pages in a browser, also under a
// name that they made resolve to loopback (B-11, B-12), and nobody what would outlive the proxy.
func TestRefusals(t *testing.T) {
	t.Parallel()
	o := newOrg(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the org was asked for %s", r.URL) })
	address := start(t, o)
	for _, c := range []struct {
		name, method, path string
		header             []string
		status             int
		code               string
	}{
		{"no token", "GET", "/services/data", []string{"Authorization", ""}, 401, "PROXY_TOKEN_REFUSED"},
		{"another token", "GET", "/services/data", []string{"Authorization", "Bearer x"}, 401, "PROXY_TOKEN_REFUSED"},
		{"basic", "GET", "/services/data", []string{"Authorization", "Basic " + capability}, 401, "PROXY_TOKEN_REFUSED"},
		{"name that was rebound", "GET", "/services/data", []string{"Host", "evil.example"}, 421, "PROXY_HOST_REFUSED"},
		{"page", "POST", "/services/data", []string{"Origin", "https://evil.example"}, 403, "PROXY_BROWSER_REFUSED"},
		{"page without a name", "POST", "/services/data", []string{"Origin", "null"}, 403, "PROXY_BROWSER_REFUSED"},
		{"page of its own", "GET", "/services/data", []string{"Sec-Fetch-Site", "same-origin"}, 403, "PROXY_BROWSER_REFUSED"},
		{"image", "GET", "/services/data", []string{"Sec-Fetch-Dest", "image"}, 403, "PROXY_BROWSER_REFUSED"},
		{"preflight", "OPTIONS", "/services/data", []string{"Access-Control-Request-Method", "GET"}, 403, "PROXY_BROWSER_REFUSED"},
		{"trace", "TRACE", "/services/data", nil, 405, "METHOD_NOT_ALLOWED"},
		{"options", "OPTIONS", "/services/data", nil, 405, "METHOD_NOT_ALLOWED"},
		{"login link", "GET", "/services/oauth2/singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"tokens", "POST", "/services/oauth2/token", nil, 403, "PROXY_PATH_REFUSED"},
		{"upwards", "GET", "/services/data/../oauth2/singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"upwards, written otherwise", "GET", "/services/data/%2e%2E/oauth2/singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"slashes", "GET", "//services//oauth2//singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"slash in a segment", "GET", "/services/oauth2%2Fsingleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"parameter of a segment", "GET", "/services;x/oauth2;y=1/singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"capitals", "GET", "/Services/OAuth2/singleaccess", nil, 403, "PROXY_PATH_REFUSED"},
		{"session bridge", "GET", "/secur/frontdoor.jsp", nil, 403, "PROXY_PATH_REFUSED"},
		{"root", "GET", "/", nil, 403, "PROXY_PATH_REFUSED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, body := ask(t, c.method, address+c.path, nil, c.header...)
			if res.StatusCode != c.status || !strings.Contains(body, `"errorCode":"`+c.code+`"`) {
				t.Errorf("got %d %s", res.StatusCode, body)
			}
			if len(res.Header.Values("Access-Control-Allow-Origin")) > 0 || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("got header %v", res.Header)
			}
		})
	}
}

// A request reaches the org with the org's token and without what is between the caller and the proxy, and its answer
// comes back as it was (B-23).
func TestPassesOn(t *testing.T) {
	t.Parallel()
	var got *http.Request
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r
		w.Header().Set("Sforce-Limit-Info", "api-usage=2/15000")
		w.Header().Set("Set-Cookie", "sid=x")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Location", "http://"+r.Host+"/services/data/v66.0/sobjects/Account/001?x=1")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body)
	})
	address := start(t, o)
	res, body := ask(t, "PATCH", address+"/services/data/v66.0/sobjects/A%2FB?q=a%20b&c", strings.NewReader("body"),
		"Cookie", "sid=mine", "X-SFDC-Session", capability, "X-Forwarded-For", "1.2.3.4", "Connection", "X-Hop", "X-Hop", "1",
		"Upgrade", "h2c", "If-None-Match", `"tag"`)
	if want := "PATCH /services/data/v66.0/sobjects/A%2FB?q=a%20b&c body"; res.StatusCode != 201 || body != want {
		t.Errorf("got %d %s, want %s", res.StatusCode, body, want)
	}
	sent := map[string]string{}
	for _, name := range []string{"Authorization", "Cookie", "X-Sfdc-Session", "X-Forwarded-For", "X-Hop", "Upgrade", "If-None-Match"} {
		sent[name] = got.Header.Get(name)
	}
	if diff := cmp.Diff(map[string]string{
		"Authorization": "Bearer the-org's", "Cookie": "", "X-Sfdc-Session": "", "X-Forwarded-For": "", "X-Hop": "",
		"Upgrade": "", "If-None-Match": `"tag"`,
	}, sent); diff != "" {
		t.Errorf("the org was sent (-want +got):\n%s", diff)
	}
	answered := map[string]string{}
	for _, name := range []string{"Sforce-Limit-Info", "Set-Cookie", "Access-Control-Allow-Origin", "Location"} {
		answered[name] = res.Header.Get(name)
	}
	if diff := cmp.Diff(map[string]string{
		"Sforce-Limit-Info": "api-usage=2/15000", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
		"Location": "/services/data/v66.0/sobjects/Account/001?x=1",
	}, answered); diff != "" {
		t.Errorf("the caller was answered (-want +got):\n%s", diff)
	}
}

// A redirect to elsewhere is the caller's to judge, and carries no token.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://evil.example/x")
		w.WriteHeader(http.StatusFound)
	})
	if res, _ := ask(t, "GET", start(t, o)+"/services/data", nil); res.Header.Get("Location") != "https://evil.example/x" || res.StatusCode != 302 {
		t.Errorf("got %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// What keeps a request from being sent is answered in the shape of the data API's errors.
func TestFailures(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		err    error
		status int
	}{
		"PROXY_LOGIN_REQUIRED":  {fmt.Errorf("refresh prod: %w", sftoken.ErrLoginRequired), 502},
		"PROXY_BLOCKED":         {fmt.Errorf("refresh prod: %w", sftoken.ErrBlocked), 502},
		"PROXY_TRY_AGAIN":       {fmt.Errorf("refresh prod: %w", sftoken.ErrTemporary), 503},
		"PROXY_ORG_UNREACHABLE": {errors.New("no route to host"), 502},
	} {
		o := newOrg(t, nil)
		o.err = c.err
		res, body := ask(t, "GET", start(t, o)+"/services/data", nil)
		if res.StatusCode != c.status || !strings.Contains(body, code) || !strings.Contains(body, c.err.Error()) {
			t.Errorf("%v: got %d %s", c.err, res.StatusCode, body)
		}
	}
}

// Only a short body can be sent again.
func TestReplay(t *testing.T) {
	t.Parallel()
	replayable := make(chan bool, 1)
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		replayable <- r.GetBody != nil
		return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	address := start(t, transport)
	for length, want := range map[int]bool{1: true, 64 << 10: true, 64<<10 + 1: false} {
		ask(t, "POST", address+"/services/data", bytes.NewReader(make([]byte, length)))
		if got := <-replayable; got != want {
			t.Errorf("%d bytes: can be sent again: %v, want %v", length, got, want)
		}
	}
	ask(t, "POST", address+"/services/data", io.MultiReader(strings.NewReader("of unknown length")))
	if <-replayable {
		t.Error("a body of unknown length can be sent again")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
