package callback

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestCanListen(t *testing.T) {
	t.Parallel()
	for redirectURI, reason := range map[string]string{
		"http://localhost:1717/OauthRedirect":                  "",
		"http://LOCALHOST:1717/OauthRedirect":                  "",
		"http://127.0.0.1:8080/callback":                       "",
		"http://127.0.0.2:8080/callback":                       "",
		"http://[::1]:8080":                                    "",
		"https://localhost:1717/OauthRedirect":                 "only http",
		"https://login.salesforce.com/services/oauth2/success": "only http",
		"http://localhost:8443/services/oauth2/success":        "Salesforce's own page",
		"sfdc://oauth/done":                                    "only http",
		"com.example.app:/callback":                            "only http",
		"http://example.com/callback":                          "not this machine's localhost",
		"http://localhost.example.com/callback":                "not this machine's localhost",
		"http://0.0.0.0:1717/":                                 "not this machine's localhost",
		"http://192.168.1.5:1717/":                             "not this machine's localhost",
		"http://localhost:0/":                                  "its port",
		"http://localhost:65536/":                              "its port",
		"http://localhost:1717/#x":                             "not a callback URL",
		"http://user@localhost:1717/":                          "not a callback URL",
		"localhost:1717":                                       "only http",
		"/OauthRedirect":                                       "not a callback URL",
		"":                                                     "not a callback URL",
	} {
		err := CanListen(redirectURI)
		if reason == "" {
			if err != nil {
				t.Errorf("CanListen(%q): %v", redirectURI, err)
			}
			continue
		}
		refused, ok := errors.AsType[*NotListenableError](err)
		if !ok || !strings.Contains(refused.Error(), reason) || refused.ErrorData()["redirect"] != redirectURI {
			t.Errorf("CanListen(%q) = %v, want a reason with %q", redirectURI, err, reason)
		}
	}
}

func TestRedirectWithoutPort(t *testing.T) {
	t.Parallel()
	for _, redirectURI := range []string{"http://localhost", "http://localhost/", "http://localhost:80"} {
		target, err := parseRedirect(redirectURI)
		if err != nil || target.port != 80 || target.host != "localhost" || target.path != "/" {
			t.Errorf("parseRedirect(%q) = %+v, %v; want port 80, host localhost and path /", redirectURI, target, err)
		}
	}
}

// C-20: localhost means both loopback addresses, an address only itself, and nothing else is reachable.
func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"localhost": "127.0.0.1 ::1",
		"127.0.0.1": "127.0.0.1",
		"[::1]":     "::1",
	} {
		port := freePort(t)
		target, err := parseRedirect(fmt.Sprintf("http://%s:%d/", host, port))
		if err != nil {
			t.Fatal(err)
		}
		listeners, err := target.listen(t.Context())
		if err != nil {
			t.Skipf("%s: %v", host, err)
		}
		var got []string
		for _, listener := range listeners {
			got = append(got, listener.Addr().(*net.TCPAddr).IP.String())
		}
		closeAll(listeners)
		if text := strings.Join(got, " "); text != want && !(host == "localhost" && text == "127.0.0.1" && !hasIPv6()) {
			t.Errorf("%s listens on %q, want %q", host, text, want)
		}
	}
}

func hasIPv6() bool {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}

// C-21, C-22: a busy port is named, whichever address it is busy on, and is free again after Close.
func TestPortBusy(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	o := Options{RedirectURI: fmt.Sprintf("http://localhost:%d/OauthRedirect", port), Match: matchState}
	first, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Listen(t.Context(), o)
	busy, ok := errors.AsType[*PortBusyError](err)
	if !ok || busy.Port != port || busy.ErrorData()["port"] != fmt.Sprint(port) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("second Listen: %v, want the port named", err)
	}
	if err := CanListen(o.RedirectURI); err != nil {
		t.Errorf("CanListen of a busy port: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	again, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatalf("Listen after Close: %v", err)
	}
	_ = again.Close()

	if !hasIPv6() {
		return
	}
	other, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen(t.Context(), o); !errors.As(err, &busy) {
		t.Errorf("Listen with ::1 taken: %v", err)
	}
}
