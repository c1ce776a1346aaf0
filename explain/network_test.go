package explain

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
)

// Each failure is made by a real connection where that can be done on this machine.
func TestFindNetwork(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()

	strict := &http.Client{Transport: &http.Transport{}}
	trusting := secure.Client()
	trusting.Transport.(*http.Transport).TLSClientConfig.ServerName = "login.salesforce.com"
	for _, test := range []struct {
		name, address string
		client        *http.Client
		limit         time.Duration
		want          string
		hint          string
	}{
		{"certificate of a proxy", secure.URL, strict, time.Minute, "network-tls-proxy", "Acme Co"},
		{"certificate of another host", secure.URL, trusting, time.Minute, "network-tls", ""},
		{"no TLS at all", "https" + strings.TrimPrefix(plain.URL, "http"), strict, time.Minute, "network-tls", ""},
		{"closed port", "http://" + closed.Addr().String(), strict, time.Minute, "network-refused", closed.Addr().String()},
		{"no answer", silent.URL, strict, 20 * time.Millisecond, "network-timeout", ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), test.limit)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, test.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := test.client.Do(request)
		cancel()
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s: no error", test.name)
			continue
		}
		entry := Find(fmt.Errorf("refresh prod: %w", &sftoken.TransportError{Endpoint: "token", URL: test.address, Err: err}))
		if got := idOf(entry); got != test.want {
			t.Errorf("%s: %v gives %q, want %q", test.name, err, got, test.want)
			continue
		}
		if hints := strings.Join(entry.Hints(language.English, nil), "\n"); !strings.Contains(hints, test.hint) {
			t.Errorf("%s: hints lack %q:\n%s", test.name, test.hint, hints)
		}
	}
}

func TestFindNetworkMade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "acme.my.salesforce.com", IsNotFound: true}, "network-dns"},
		{&net.DNSError{Err: "i/o timeout", Name: "acme.my.salesforce.com", IsTimeout: true}, "network-timeout"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "network-tls"},
		{context.Canceled, "interrupted"},
		{net.ErrClosed, "network"},
	} {
		err := &sftoken.TransportError{Endpoint: "token", URL: "https://acme.my.salesforce.com/services/oauth2/token", Err: test.err}
		if got := idOf(Find(err)); got != test.want {
			t.Errorf("%v gives %q, want %q", test.err, got, test.want)
		}
	}
}
