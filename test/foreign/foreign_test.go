// Package foreign runs programs and libraries that others wrote for Salesforce against the emulator: what they send and
// need is the measure of it, not what our own client sends. What counts is what the emulator saw them do.
package foreign

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/internal/useragent"
)

// browserAddress names the test that waits for an address, in the environment of the program that is to open a browser.
const browserAddress = "SFTOKEN_TEST_BROWSER"

// TestMain lets the test binary be the "browser" that a program under test starts: it hands the address to the test and
// is gone.
func TestMain(m *testing.M) {
	if test := os.Getenv(browserAddress); test != "" {
		r, err := http.Post(test, "text/plain", strings.NewReader(os.Args[len(os.Args)-1]))
		if err != nil || r.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// visit opens address as the seeded English user would: signs in, allows, follows the redirects, the callback included.
func visit(ctx context.Context, transport http.RoundTripper, address string) (*useragent.Page, error) {
	a := useragent.Agent{Username: emulator.Username, Password: emulator.Password, Transport: transport}
	return a.Visit(ctx, address)
}

// callback listens where a client's redirect URI points to.
type callback struct {
	URL     string
	arrived chan url.Values
}

func listen(t *testing.T) *callback {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &callback{arrived: make(chan url.Values, 1)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			c.arrived <- r.URL.Query()
		}
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	c.URL = fmt.Sprintf("http://localhost:%d/callback", listener.Addr().(*net.TCPAddr).Port)
	return c
}

// code visits the authorize URL and returns the code that comes back with this state.
func (c *callback) code(t *testing.T, transport http.RoundTripper, authorizeURL, state string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	page, err := visit(ctx, transport, authorizeURL)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case query := <-c.arrived:
		if query.Get("error") != "" || query.Get("state") != state {
			t.Fatalf("callback: error %q, state as sent: %t", query.Get("error"), query.Get("state") == state)
		}
		return query.Get("code")
	case <-ctx.Done():
	default:
	}
	t.Fatalf("no callback; the last page was %d %q: %s", page.Status, page.Title, page.Text)
	return ""
}

// status asks the org's API with a token.
func status(t *testing.T, client *http.Client, instance, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance+"/services/data/v64.0/limits", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// counted says how many token requests of a grant type the emulator answered with a status.
func counted(s *emulatortest.Server, grantType string, status int) (n int) {
	for _, r := range s.Emulator().Requests() {
		if r.Endpoint == emulator.Token && r.GrantType == grantType && r.Status == status {
			n++
		}
	}
	return n
}

// seen says how many requests came to paths that begin so.
func seen(s *emulatortest.Server, path string) (n int) {
	for _, r := range s.Emulator().Requests() {
		if strings.HasPrefix(r.Path, path) {
			n++
		}
	}
	return n
}
