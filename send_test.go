package sftoken_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

// C-42: a redirect is never followed by net/http. One to the same endpoint of another Salesforce host is followed once,
// by our own code, with the same form; every other is refused, and nothing is sent there.
func TestRedirects(t *testing.T) {
	t.Parallel()
	const path = "/services/oauth2/token"
	for _, row := range []struct {
		name     string
		status   int
		location string
		to       string // where the form is expected next; "" for nowhere
	}{
		{"a renamed My Domain", 302, "https://newname.my.salesforce.com" + path, "https://newname.my.salesforce.com" + path},
		{"moved for good", 301, "https://newname.my.salesforce.com" + path, "https://newname.my.salesforce.com" + path},
		{"with the method kept", 307, "https://login.salesforce.com" + path, "https://login.salesforce.com" + path},
		{"308", 308, "https://login.salesforce.com" + path, "https://login.salesforce.com" + path},
		{"a query is dropped", 302, "https://newname.my.salesforce.com" + path + "?x=1#y", "https://newname.my.salesforce.com" + path},
		{"a site", 302, "https://acme.my.site.com/partners" + path, "https://acme.my.site.com/partners" + path},
		{"a host that was allowed", 307, "https://idp.example.com" + path, "https://idp.example.com" + path},
		{"see other", 303, "https://newname.my.salesforce.com" + path, ""},
		{"multiple choices", 300, "https://newname.my.salesforce.com" + path, ""},
		{"not modified", 304, "", ""},
		{"a foreign host", 307, "https://evil.example" + path, ""},
		{"a foreign host, by 302", 302, "https://evil.example" + path, ""},
		{"one that looks like ours", 307, "https://login.salesforce.com.evil.example" + path, ""},
		{"one with ours as user name", 307, "https://login.salesforce.com@evil.example" + path, ""},
		{"http", 307, "http://login.salesforce.com" + path, ""},
		{"this machine", 307, "http://localhost:8080" + path, ""},
		{"the login page", 302, "https://acme.my.salesforce.com/?ec=302&startURL=%2Fplanted", ""},
		{"nowhere", 302, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var asked, forms []string
			c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				form, _ := io.ReadAll(req.Body)
				asked, forms = append(asked, req.URL.String()), append(forms, string(form))
				if len(asked) == 1 {
					return answer(row.status, "", "", "Location", row.location), nil
				}
				return answer(200, "application/json", goodToken), nil
			}))
			c.Hosts.Allow = []string{"idp.example.com"}
			var told []string
			c.OnRedirect = func(from, to string) { told = append(told, from, to) }
			_, err := refresh(t, c)
			if row.to == "" {
				var refused *sftoken.RedirectError
				if !errors.As(err, &refused) || len(asked) != 1 || len(told) != 0 {
					t.Fatalf("asked %q, told %q: %v", asked, told, err)
				}
				if strings.Contains(err.Error(), "planted") || errors.Is(err, sftoken.ErrLoginRequired) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []string{acme + path, row.to}
			if diff := cmp.Diff([][]string{want, want}, [][]string{asked, told}); diff != "" {
				t.Errorf("asked and told (-want +got):\n%s", diff)
			}
			if forms[0] != forms[1] || !strings.Contains(forms[1], refreshToken) {
				t.Error("the form changed on the way")
			}
		})
	}
}

func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	var asked int
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		asked++
		return answer(302, "", "", "Location", fmt.Sprintf("https://n%d.my.salesforce.com/services/oauth2/token", asked)), nil
	}))
	_, err := refresh(t, c)
	var refused *sftoken.RedirectError
	if !errors.As(err, &refused) || refused.ErrorID() != "redirect-refused" || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// A GET keeps its bearer token on the way, and takes it to the same places only.
func TestRedirectOfBearer(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]int{
		"https://other.my.salesforce.com/services/oauth2/userinfo": 2,
		"https://evil.example/services/oauth2/userinfo":            1,
		"https://other.my.salesforce.com/home":                     1,
	} {
		var authorization []string
		c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			authorization = append(authorization, req.Header.Get("Authorization"))
			if len(authorization) == 1 {
				return answer(302, "", "", "Location", location), nil
			}
			return answer(200, "", `{"user_id":"0056g0000049jc6","organization_id":"00D6g000006wre4"}`), nil
		}))
		_, err := c.UserInfo(t.Context(), &sftoken.Token{AccessToken: sftoken.NewSecret(accessToken)})
		if len(authorization) != want || (err == nil) != (want == 2) || authorization[want-1] != "Bearer "+accessToken {
			t.Errorf("%s: asked %d times, %v", location, len(authorization), err)
		}
	}
}

// NotSent is a proof: it is true only when nothing can have left.
func TestNotSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + closed.Addr().String()
	closed.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS() // with a certificate that nobody here trusts
	t.Cleanup(secure.Close)
	hangUp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(hangUp.Close)
	cutOff := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"access_token":"00D`)
	}))
	t.Cleanup(cutOff.Close)

	for _, row := range []struct {
		name, host string
		transport  http.RoundTripper
		notSent    bool
	}{
		{"connection refused", refused, nil, true},
		{"untrusted certificate", secure.URL, nil, true},
		{"no such name", acme, &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "acme.my.salesforce.com", IsNotFound: true}
		}}, true},
		{"hung up on", hangUp.URL, nil, false},
		{"cut off", cutOff.URL, nil, false},
		{"a transport that read the body", acme, roundTrip(func(req *http.Request) (*http.Response, error) {
			_, _ = io.ReadFull(req.Body, make([]byte, 1))
			return nil, errors.New("broken pipe")
		}), false},
	} {
		c := newClient(t, row.transport)
		c.App.Host = parseHost(t, row.host)
		if row.transport == nil {
			c.HTTP = nil
		}
		_, err := refresh(t, c)
		var transport *sftoken.TransportError
		if !errors.As(err, &transport) || transport.NotSent != row.notSent || !errors.Is(err, sftoken.ErrTemporary) {
			t.Errorf("%s: %#v", row.name, err)
		} else if checkText(t, err.Error()); strings.Contains(err.Error(), "Planted") {
			t.Errorf("%s: the error shows a token: %v", row.name, err)
		}
	}
}

// A request that was given up before it was sent stays unsent, whatever a transport does with it later.
func TestGivenUpBodyIsSealed(t *testing.T) {
	t.Parallel()
	var late io.Reader
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		late = req.Body
		return nil, context.Canceled
	}))
	_, err := refresh(t, c)
	var transport *sftoken.TransportError
	if !errors.As(err, &transport) || !transport.NotSent || errors.Is(err, sftoken.ErrTemporary) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %#v", err)
	}
	if got, err := io.ReadAll(late); err == nil || len(got) != 0 {
		t.Errorf("the body could still be read: %q", got)
	}
}

// Under rotation a repeated refresh kills the grant. net/http repeats requests on connections that break before an
// answer, when it can: it must not be able to.
func TestRefreshIsNeverRepeated(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1) > 1 {
			panic(http.ErrAbortHandler) // on a connection that was used before
		}
		_, _ = io.WriteString(w, `{"access_token":"00D!x"}`)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, nil)
	c.App.Host, c.HTTP = parseHost(t, server.URL), server.Client()
	if _, err := refresh(t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(t, c); err == nil {
		t.Error("the second refresh got an answer")
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the server was asked %d times for 2 refreshes", n)
	}

	var seen *http.Request
	c = newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		seen = req
		return answer(200, "", goodToken), nil
	}))
	if _, err := refresh(t, c); err != nil {
		t.Fatal(err)
	}
	if seen.GetBody != nil || seen.Header.Get("Idempotency-Key") != "" || seen.Header.Get("X-Idempotency-Key") != "" || seen.ContentLength <= 0 {
		t.Error("net/http could repeat the request")
	}
}

// An answer that is whole counts, even when the connection broke right after it: it may hold the only copy of a rotated
// refresh token.
func TestWholeAnswerOnBrokenConnection(t *testing.T) {
	t.Parallel()
	broken := func(body string) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, req.Body)
			res := answer(200, "application/json", "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), iotest.ErrReader(io.ErrUnexpectedEOF)))
			return res, nil
		})
	}
	if got, err := refresh(t, newClient(t, broken(goodToken))); err != nil || got.RefreshToken.Reveal() != refreshToken {
		t.Errorf("whole: %v", err)
	}
	_, err := refresh(t, newClient(t, broken(goodToken[:len(goodToken)-1])))
	var transport *sftoken.TransportError
	if !errors.As(err, &transport) || transport.NotSent {
		t.Errorf("cut off: %v", err)
	}
}

func TestBodyIsCapped(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	endless := iotest.DataErrReader(readerFunc(func(p []byte) (int, error) {
		read.Add(int64(len(p)))
		for i := range p {
			p[i] = ' '
		}
		return len(p), nil
	}))
	c := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		res := answer(200, "application/json", "")
		res.Body = io.NopCloser(endless)
		return res, nil
	}))
	_, err := refresh(t, c)
	var unexpected *sftoken.UnexpectedError
	if !errors.As(err, &unexpected) || read.Load() > 4<<20 {
		t.Errorf("read %d bytes: %v", read.Load(), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestDeadlineIsTemporary(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	c := newClient(t, nil)
	c.App.Host, c.HTTP = parseHost(t, server.URL), nil
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Refresh(ctx, sftoken.NewSecret(refreshToken))
	var transport *sftoken.TransportError
	if !errors.As(err, &transport) || transport.NotSent || !errors.Is(err, sftoken.ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %#v", err)
	}
}

func TestUnusableClients(t *testing.T) {
	t.Parallel()
	never := roundTrip(func(req *http.Request) (*http.Response, error) {
		t.Errorf("asked %s", req.URL)
		return nil, errors.New("never")
	})
	secret := sftoken.NewSecret("x")
	noApp := &sftoken.Client{HTTP: &http.Client{Transport: never}}
	app := newClient(t, never)
	for name, call := range map[string]func() error{
		"no app":            func() error { _, err := refresh(t, noApp); return err },
		"no refresh token":  func() error { _, err := app.Refresh(t.Context(), sftoken.Secret{}); return err },
		"nothing to revoke": func() error { return app.Revoke(t.Context(), sftoken.Secret{}) },
		"nothing to introspect": func() error {
			_, err := app.Introspect(t.Context(), sftoken.Secret{}, "")
			return err
		},
		"no access token": func() error { _, err := app.UserInfo(t.Context(), &sftoken.Token{}); return err },
		"no identity URL": func() error {
			_, err := app.Identity(t.Context(), &sftoken.Token{AccessToken: secret})
			return err
		},
		"a foreign instance": func() error { // C-44
			_, err := app.UserInfo(t.Context(), &sftoken.Token{AccessToken: secret, InstanceURL: "https://evil.example"})
			return err
		},
		"a foreign version list": func() error { _, err := app.Versions(t.Context(), "https://evil.example"); return err },
		"no host to discover":    func() error { _, err := noApp.Discover(t.Context()); return err },
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", name)
		} else if _, ok := errors.AsType[interface {
			error
			ErrorID() string
		}](err); !ok {
			t.Errorf("%s: %v has no id", name, err)
		}
	}
}
