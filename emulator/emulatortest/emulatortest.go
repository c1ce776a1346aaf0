// Package emulatortest starts an emulator for one test and drives its pages as a person would. Only tests should import it.
package emulatortest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// Server is an emulator that listens on a free port of loopback until its test ends.
type Server struct {
	URL    string // "http://localhost:port", without a trailing slash
	CAFile string // of StartTLS: the CA to trust

	emulator *emulator.Server
	http     *httptest.Server
	roots    *x509.CertPool
}

// Start starts an emulator over http. At most one Options may be given.
func Start(t testing.TB, options ...emulator.Options) *Server {
	t.Helper()
	s := prepare(t, options)
	s.http.Start()
	s.URL = address("http", s.http)
	return s
}

// StartTLS starts an emulator over https, with a CA that Client trusts and CAFile names.
func StartTLS(t testing.TB, options ...emulator.Options) *Server {
	t.Helper()
	s := prepare(t, options)
	certificate, caFile, err := emulator.NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AppendCertsFromPEM(ca)
	s.CAFile = caFile
	s.http.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.http.StartTLS()
	s.URL = address("https", s.http)
	return s
}

func prepare(t testing.TB, options []emulator.Options) *Server {
	t.Helper()
	var o emulator.Options
	if len(options) > 0 {
		o = options[0]
	}
	handler, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{emulator: handler, http: httptest.NewUnstartedServer(handler)}
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust the CA is no news
	t.Cleanup(s.http.Close)
	return s
}

// address writes the loopback address as localhost: the only name for which Salesforce allows http callbacks.
func address(scheme string, s *httptest.Server) string {
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	return scheme + "://localhost:" + port
}

// Emulator is the handler behind the server.
func (s *Server) Emulator() *emulator.Server { return s.emulator }

// Client returns a new client that trusts the server, keeps no cookies and follows no redirects.
func (s *Server) Client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DisableKeepAlives = true // the server's Close then waits for nobody
	if s.roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Browser is a person at a browser: it keeps cookies, and knows the emulator's login and consent pages.
type Browser struct {
	Username string // who logs in when asked
	Password string // "" means emulator.Password
	Deny     bool   // press Deny instead of Allow

	server *Server
	client *http.Client
}

// NewBrowser returns a browser without cookies.
func (s *Server) NewBrowser(username string) *Browser {
	client := s.Client()
	client.Jar, _ = cookiejar.New(nil) // cannot fail without options
	return &Browser{Username: username, server: s, client: client}
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// Visit opens an authorize URL, or a device's verification_uri with its user_code, logs in and decides, and returns the address where the browser ends up: the callback,
// which is not fetched, or the error page. A page that asks the same again, or that is no page, is an error.
func (b *Browser) Visit(authorizeURL string) (*url.URL, error) {
	at, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, err
	}
	var form url.Values
	seen := map[string]bool{}
	for range 10 {
		if at.Host != hostOf(b.server.URL) || at.Path == "/services/oauth2/success" {
			return at, nil
		}
		response, body, err := b.fetch(at, form)
		if err != nil {
			return nil, err
		}
		form = nil
		if location := response.Header.Get("Location"); location != "" {
			if at, err = at.Parse(location); err != nil {
				return nil, err
			}
			continue
		}
		kind := kindOf(body)
		switch {
		case strings.HasSuffix(at.Path, "/setup/connect") && strings.Contains(body, `role="status"`):
			return at, nil // the device may go on, or not
		case strings.HasSuffix(at.Path, "/RemoteAccessErrorPage.apexp"):
			return at, nil
		case response.StatusCode != http.StatusOK || !strings.Contains(body, "<form method=\"post\""):
			return nil, fmt.Errorf("visit %s: %s and no form", at.Path, response.Status)
		case seen[kind]:
			return nil, fmt.Errorf("visit %s: the %s page came back", at.Path, kind)
		}
		seen[kind] = true
		form = b.fill(kind, body)
		if kind != "consent" {
			at, _ = at.Parse("?")
		}
	}
	return nil, fmt.Errorf("visit %s: too many redirects", at.Path)
}

// kindOf recognises a page by the field that only it has.
func kindOf(body string) string {
	for kind, field := range map[string]string{"login": `name="pw"`, "code": `name="smc"`, "device": `id="user_code"`} {
		if strings.Contains(body, field) {
			return kind
		}
	}
	return "consent"
}

var shownUserCode = regexp.MustCompile(`<input id="user_code"[^>]* value="(\w*)"`)

func (b *Browser) fill(kind, body string) url.Values {
	form := url.Values{}
	for _, input := range hiddenInput.FindAllStringSubmatch(body, -1) {
		form.Set(input[1], html.UnescapeString(input[2]))
	}
	switch kind {
	case "code":
		form.Set("smc", emulator.VerificationCode)
		return form
	case "device":
		if shown := shownUserCode.FindStringSubmatch(body); shown != nil {
			form.Set("user_code", shown[1])
		}
		return form
	case "login":
		form.Set("username", b.Username)
		form.Set("pw", b.Password)
		if b.Password == "" {
			form.Set("pw", emulator.Password)
		}
		return form
	}
	form.Set("decision", map[bool]string{true: "deny", false: "allow"}[b.Deny])
	return form
}

func (b *Browser) fetch(at *url.URL, form url.Values) (*http.Response, string, error) {
	var response *http.Response
	var err error
	if form == nil {
		response, err = b.client.Get(at.String())
	} else {
		response, err = b.client.PostForm(at.String(), form)
	}
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
