package callback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/language"
)

const state = "s3cr3t-state-0123456789"

func matchState(got string) bool { return got == state }

// start listens on a free port with the given callback path.
func start(t *testing.T, path string) (*Server, string) {
	t.Helper()
	redirectURI := fmt.Sprintf("http://localhost:%d%s", freePort(t), path)
	server, err := Listen(t.Context(), Options{RedirectURI: redirectURI, Match: matchState})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A browser that was sent to the last page has to fetch it, or Close waits.
		_, _, _ = get(context.Background(), strings.TrimSuffix(redirectURI, path)+"/login-finished", "en")
		_ = server.Close()
	})
	return server, redirectURI
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// client follows no redirects and keeps no connections.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get fetches address as a browser that wants lang does.
func get(ctx context.Context, address, lang string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Accept-Language", lang)
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// delivery is one browser's way back from Salesforce.
type delivery struct {
	response *http.Response
	body     string
	err      error
}

func deliver(t *testing.T, address string) <-chan delivery {
	done := make(chan delivery, 1)
	go func() {
		response, body, err := get(t.Context(), address, "en")
		done <- delivery{response, body, err}
	}()
	return done
}

func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}

// C-30: the browser is answered after the end, by a 303 to an address without code and state, and the page has neither.
func TestLogin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		page   Page
		status int
		want   []string
	}{
		{
			"success",
			Success{Name: "Amelia", Username: "amelia@acme.example", Org: "00D000000000001EAA", Scopes: []string{"api", "refresh_token"}},
			200,
			[]string{"You are logged in", "Amelia (amelia@acme.example)", "00D000000000001EAA", "api refresh_token"},
		},
		{
			"failure",
			Failure{Title: "The code was used before", Hints: []string{"Log in again"}, Code: "invalid_grant: expired authorization code"},
			400,
			[]string{"The code was used before", "Log in again", "expired authorization code", "What to do"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, redirectURI := start(t, "/OauthRedirect")
			browser := deliver(t, redirectURI+query("code", "aPrx.canary==", "state", state))
			arrival, err := server.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := arrival.Query.Get("code"); got != "aPrx.canary==" {
				t.Errorf("code is %q", got)
			}
			select {
			case <-browser:
				t.Fatal("browser was answered before the login ended")
			default:
			}
			arrival.Finish(test.page)
			arrival.Finish(Failure{Title: "a second Finish"})
			got := <-browser
			if got.err != nil {
				t.Fatal(got.err)
			}
			location := got.response.Header.Get("Location")
			if got.response.StatusCode != http.StatusSeeOther || location != "/login-finished" {
				t.Fatalf("browser got %s to %q, want 303 to /login-finished", got.response.Status, location)
			}
			response, body, err := get(t.Context(), strings.TrimSuffix(redirectURI, "/OauthRedirect")+location, "en")
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status {
				t.Errorf("page has status %d, want %d", response.StatusCode, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("page lacks %q", want)
				}
			}
			for _, secret := range []string{"canary", state} {
				if strings.Contains(body, secret) || strings.Contains(fmt.Sprint(response.Header), secret) {
					t.Errorf("page shows %q", secret)
				}
			}
			checkHeaders(t, response)
		})
	}
}

// C-30, C-35: no caching, no sniffing, no referrer, nothing but its own style, and nothing for scripts of other sites.
func checkHeaders(t *testing.T, response *http.Response) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "no-referrer",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none';") {
		t.Errorf("Content-Security-Policy is %q", got)
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("answer has %s", name)
		}
	}
}

// C-23, C-24, C-25, C-29, C-35: whatever knocks first is answered, and the login is still there for the real answer.
func TestStrangersChangeNothing(t *testing.T) {
	t.Parallel()
	server, redirectURI := start(t, "/OauthRedirect")
	base := strings.TrimSuffix(redirectURI, "/OauthRedirect")
	port := base[strings.LastIndexByte(base, ':')+1:]
	good := redirectURI + query("code", "x", "state", state)
	for _, test := range []struct {
		name, method, address string
		headers               []string // Host counts as one
		status                int
		want                  string
	}{
		{"wrong state", "GET", redirectURI + query("code", "forged", "state", "other"), nil, 400, "does not belong"},
		{"no state", "GET", redirectURI + query("code", "forged"), nil, 400, "does not belong"},
		{"empty state", "GET", redirectURI + query("code", "forged", "state", ""), nil, 400, "does not belong"},
		{"forged denial", "GET", redirectURI + query("error", "access_denied"), nil, 400, "does not belong"},
		{"two codes", "GET", redirectURI + query("code", "a", "code", "b", "state", state), nil, 400, "does not belong"},
		{"two states", "GET", redirectURI + query("code", "a", "state", state, "state", "x"), nil, 400, "does not belong"},
		{"malformed query", "GET", redirectURI + "?code=%zz&state=" + state, nil, 400, "does not belong"},
		{"semicolons", "GET", redirectURI + "?code=a;state=" + state, nil, 400, "does not belong"},
		{"no parameters, as for a fragment", "GET", redirectURI, nil, 200, "paste it into the terminal"},
		{"favicon", "GET", base + "/favicon.ico", nil, 404, ""},
		{"robots", "GET", base + "/robots.txt", nil, 404, ""},
		{"root", "GET", base + "/" + query("code", "x", "state", state), nil, 404, ""},
		{"trailing slash", "GET", redirectURI + "/" + query("code", "x", "state", state), nil, 404, ""},
		{"other case", "GET", base + "/oauthredirect" + query("code", "x", "state", state), nil, 404, ""},
		{"encoded path", "GET", base + "/%4FauthRedirect" + query("code", "x", "state", state), nil, 404, ""},
		{"dots", "GET", base + "/x/../OauthRedirect" + query("code", "x", "state", state), nil, 404, ""},
		{"last page too early", "GET", base + "/login-finished", nil, 404, ""},
		{"HEAD", "HEAD", good, nil, 405, ""},
		{"POST", "POST", good, nil, 405, ""},
		{"PUT", "PUT", good, nil, 405, ""},
		{"TRACE", "TRACE", good, nil, 405, ""},
		{"OPTIONS", "OPTIONS", good, nil, 405, ""},
		{"private network preflight", "OPTIONS", good, []string{"Origin", "https://acme.my.salesforce.com", "Access-Control-Request-Private-Network", "true"}, 204, ""},
		{"such a preflight elsewhere", "OPTIONS", base + "/x", []string{"Access-Control-Request-Private-Network", "true"}, 404, ""},
		{"DNS rebinding", "GET", good, []string{"Host", "evil.example:" + port}, 421, ""},
		{"address for localhost", "GET", good, []string{"Host", "127.0.0.1:" + port}, 421, ""},
		{"other port", "GET", good, []string{"Host", "localhost:1"}, 421, ""},
		{"no port", "GET", good, []string{"Host", "localhost"}, 421, ""},
		{"long address", "GET", good + "&x=" + strings.Repeat("x", 9<<10), nil, 414, ""},
		{"address of 1 MB", "GET", good + "&x=" + strings.Repeat("x", 1<<20), nil, 431, ""},
		{"large header", "GET", good, []string{"Cookie", strings.Repeat("x", 30<<10)}, 431, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, test.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(test.headers); i += 2 {
			request.Header.Set(test.headers[i], test.headers[i+1])
		}
		if host := request.Header.Get("Host"); host != "" {
			request.Host = host
		}
		response, err := client.Do(request)
		if err != nil {
			if test.status == 431 { // the server has hung up while this client was still writing
				continue
			}
			t.Fatalf("%s: %v", test.name, err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
			t.Errorf("%s: got %s, want %d with %q", test.name, response.Status, test.status, test.want)
		}
		for _, secret := range []string{"forged", state} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%s: answer shows %q", test.name, secret)
			}
		}
		if test.status != 431 && test.status != 204 {
			checkHeaders(t, response)
		}
	}
	browser := deliver(t, redirectURI+query("code", "real", "state", state))
	arrival, err := server.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := arrival.Query.Get("code"); got != "real" {
		t.Errorf("code is %q, want the real one", got)
	}
	arrival.Finish(Success{})
	if got := <-browser; got.err != nil || got.response.StatusCode != http.StatusSeeOther {
		t.Errorf("real answer got %+v", got)
	}
}

// C-31: many deliveries make one arrival. Those during the exchange see how it ends, later ones a neutral page.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	server, redirectURI := start(t, "/OauthRedirect")
	address := redirectURI + query("code", "x", "state", state)
	var browsers sync.WaitGroup
	for range 8 {
		browsers.Go(func() {
			response, _, err := get(t.Context(), address, "en")
			if err != nil || response.StatusCode != http.StatusSeeOther {
				t.Errorf("delivery during the exchange: %v, %v; want 303", response, err)
			}
		})
	}
	arrival, err := server.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for waiting := 0; waiting < 8; { // until all browsers are there
		server.mu.Lock()
		waiting = server.audience
		server.mu.Unlock()
		runtime.Gosched()
	}
	none, cancel := context.WithCancel(t.Context())
	cancel()
	if second, err := server.Wait(none); second != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a second arrival: %v, %v", second, err)
	}
	arrival.Finish(Success{})
	browsers.Wait()
	response, body, err := get(t.Context(), address, "ja")
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(body, "このログインは処理済みです") {
		t.Errorf("delivery after the end: %v, %v", response, err)
	}
}

// A reload during the exchange cancels the first request; the second one must still see the end.
func TestReloadDuringExchange(t *testing.T) {
	t.Parallel()
	server, redirectURI := start(t, "/OauthRedirect")
	address := redirectURI + query("code", "x", "state", state)
	first, reload := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := get(first, address, "en")
		left <- err
	}()
	arrival, err := server.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reload()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("first request ended with %v", err)
	}
	second := deliver(t, address)
	arrival.Finish(Success{})
	if got := <-second; got.err != nil || got.response.StatusCode >= 400 {
		t.Errorf("reload got %+v", got)
	}
}

// The code was pasted, or the login was given up, while the browser waited.
func TestCloseWithoutFinish(t *testing.T) {
	t.Parallel()
	server, redirectURI := start(t, "/OauthRedirect")
	browser := deliver(t, redirectURI+query("code", "x", "state", state))
	if _, err := server.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := <-browser; got.err != nil || !strings.Contains(got.body, "already been handled") {
		t.Errorf("browser got %+v", got)
	}
	if _, err := server.Wait(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Wait after Close: %v", err)
	}
}

func TestWaitGivesTheCause(t *testing.T) {
	t.Parallel()
	server, _ := start(t, "/OauthRedirect")
	why := errors.New("login timed out")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, why)
	defer cancel()
	if _, err := server.Wait(ctx); !errors.Is(err, why) {
		t.Errorf("error is %v, want the cause", err)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	server, redirectURI := start(t, "/OauthRedirect")
	_, body, err := get(t.Context(), redirectURI, "ja-JP,ja;q=0.9,en;q=0.8")
	if err != nil || !strings.Contains(body, `<html lang="ja">`) || !strings.Contains(body, "ログインを待っています") {
		t.Errorf("Japanese browser got %q, %v", body, err)
	}
	go func() { _, _, _ = get(t.Context(), redirectURI+query("code", "x", "state", state), "ja") }()
	arrival, err := server.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if arrival.Language != language.Japanese {
		t.Errorf("language is %v", arrival.Language)
	}
	arrival.Finish(Success{})
}
