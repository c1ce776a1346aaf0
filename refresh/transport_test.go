package refresh_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// api is an org's API: it takes the tokens that it is told to, and records what it was sent.
type api struct {
	mu      sync.Mutex
	accepts func(bearer string) bool
	status  int
	refusal string
	got     []string // "POST https://host/path Bearer … body"
}

func (a *api) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	bearer := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	a.got = append(a.got, strings.TrimSpace(req.Method+" "+req.URL.String()+" "+bearer+" "+string(body)))
	status, text := http.StatusOK, "ok"
	if !a.accepts(bearer) {
		status, text = a.status, a.refusal
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: req}, nil
}

const expired = `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`

func newTransport(t *testing.T, i *issuer, a *api) (*world, *http.Client) {
	w := newWorld(t, i, grant(expires(time.Hour)), nil)
	return w, &http.Client{Transport: &refresh.Transport{Engine: w.engine, Alias: alias, Base: a}}
}

func only(token string) func(string) bool { return func(bearer string) bool { return bearer == token } }

func do(t *testing.T, c *http.Client, method, url string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if req.Header.Get("Authorization") != "" {
		t.Error("the caller's request was changed")
	}
	return res.StatusCode, string(text)
}

// A request whose session has expired is sent again with a new token, body included.
func TestTransportRefreshesOnce(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*api{
		"401 INVALID_SESSION_ID": {accepts: only("00D!access-1"), status: 401, refusal: expired},
		"403 Bad_OAuth_Token":    {accepts: only("00D!access-1"), status: 403, refusal: "Bad_OAuth_Token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, client := newTransport(t, newIssuer(), a)
				status, text := do(t, client, "POST", "https://acme.my.salesforce.com/x", strings.NewReader("body"))
				if status != 200 || text != "ok" {
					t.Errorf("answer %d %q", status, text)
				}
				want := []string{"POST https://acme.my.salesforce.com/x 00D!access-0 body", "POST https://acme.my.salesforce.com/x 00D!access-1 body"}
				if strings.Join(a.got, "\n") != strings.Join(want, "\n") {
					t.Errorf("api got %q", a.got)
				}
				w.wantRequests(1)
			})
		})
	}
}

// Texts that are policies, and refusals of other kinds, are handed on as they are (salesforce-oauth.md section 4).
func TestTransportLeavesPoliciesAlone(t *testing.T) {
	t.Parallel()
	for _, refusal := range []struct {
		status int
		text   string
	}{
		{401, `[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]`},
		{401, `[{"message":"Connected app is not attached to Agent","errorCode":"INVALID_SESSION_ID"}]`},
		{401, `[{"message":"INVALID_HEADER_TYPE","errorCode":"INVALID_AUTH_HEADER"}]`},
		{403, `[{"message":"The REST API is not enabled for this Organization.","errorCode":"API_DISABLED_FOR_ORG"}]`},
		{500, expired},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &api{accepts: only(""), status: refusal.status, refusal: refusal.text}
			w, client := newTransport(t, newIssuer(), a)
			if status, text := do(t, client, "GET", "/services/data", nil); status != refusal.status || text != refusal.text {
				t.Errorf("answer %d %q", status, text)
			}
			w.wantRequests(0)
		})
	}
}

// An API that answers 401 for ever costs one refresh, and every caller sees its 401.
func TestTransportUnauthorizedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &api{accepts: only(""), status: 401, refusal: expired}
		w, client := newTransport(t, newIssuer(), a)
		for range 1000 {
			if status, text := do(t, client, "GET", "/services/data", nil); status != 401 || text != expired {
				t.Fatalf("answer %d %q", status, text)
			}
		}
		w.wantRequests(1)
		if len(a.got) != 1001 {
			t.Errorf("%d requests for 1000 calls", len(a.got))
		}
	})
}

// A body that can be read once is not sent again, but the next request has the new token.
func TestTransportBodyOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &api{accepts: only("00D!access-1"), status: 401, refusal: expired}
		w, client := newTransport(t, newIssuer(), a)
		if status, text := do(t, client, "POST", "/x", io.MultiReader(strings.NewReader("once"))); status != 401 || text != expired {
			t.Errorf("answer %d %q", status, text)
		}
		if status, _ := do(t, client, "GET", "/x", nil); status != 200 {
			t.Errorf("then %d", status)
		}
		w.wantRequests(1)
	})
}

// When a refresh moves the org, requests for the old instance go to the new one.
func TestTransportFollowsInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.instance = "https://moved.my.salesforce.com"
		a := &api{accepts: only("00D!access-1"), status: 401, refusal: expired}
		_, client := newTransport(t, i, a)
		for range 2 {
			if status, _ := do(t, client, "GET", "https://acme.my.salesforce.com/x?q=1", nil); status != 200 {
				t.Errorf("answer %d", status)
			}
		}
		want := []string{
			"GET https://acme.my.salesforce.com/x?q=1 00D!access-0",
			"GET https://moved.my.salesforce.com/x?q=1 00D!access-1",
			"GET https://moved.my.salesforce.com/x?q=1 00D!access-1",
		}
		if strings.Join(a.got, "\n") != strings.Join(want, "\n") {
			t.Errorf("api got %q", a.got)
		}
	})
}

// C-44: a host that is nobody's gets no token. Another one of Salesforce's does.
func TestTransportTrust(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &api{accepts: only("00D!access-0"), status: 401, refusal: expired}
		_, client := newTransport(t, newIssuer(), a)
		for _, url := range []string{"https://evil.example/", "http://acme.my.salesforce.com/", "http://localhost:8080/"} {
			if res, err := client.Get(url); err == nil {
				res.Body.Close()
				t.Errorf("%s got a token", url)
			} else if _, ok := errors.AsType[*sftoken.HostError](err); !ok {
				t.Errorf("%s: %v", url, err)
			}
		}
		if status, _ := do(t, client, "GET", "https://login.salesforce.com/id/x/y", nil); status != 200 || len(a.got) != 1 {
			t.Errorf("login host: %d, %q", status, a.got)
		}
	})
}

// A grant that is dead is the error of the call.
func TestTransportDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.killed = true
		a := &api{accepts: only(""), status: 401, refusal: expired}
		w, client := newTransport(t, i, a)
		for range 10 {
			if _, err := client.Get("https://acme.my.salesforce.com/x"); !errors.Is(err, sftoken.ErrLoginRequired) {
				t.Errorf("error %v", err)
			}
		}
		w.wantRequests(1)
		if g := stored(t, w.store); g.State != store.Dead {
			t.Errorf("stored %v", g.State)
		}
	})
}
