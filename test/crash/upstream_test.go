//go:build unix

package crash

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/test/place"
)

// upstream is an emulator behind a wire that can be cut. It knows the newest refresh token, because it sees the answers go
// by, whoever gets them.
type upstream struct {
	t      *testing.T
	server *emulatortest.Server
	wire   *httptest.Server
	host   sftoken.Host

	mu       sync.Mutex
	mute     bool // introspection is refused
	cut      point
	kill     func() // ends the child and returns when it is gone
	newest   string
	requests int
	reused   int // a refresh token that was not the newest came
}

func newUpstream(t *testing.T, rotation bool) *upstream {
	t.Helper()
	u := &upstream{t: t, server: emulatortest.Start(t)}
	if err := u.server.Emulator().UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Rotation = rotation }); err != nil {
		t.Fatal(err)
	}
	u.wire = httptest.NewServer(u)
	t.Cleanup(u.wire.Close)
	var err error
	if u.host, err = sftoken.ParseHost(strings.Replace(u.wire.URL, "127.0.0.1", "localhost", 1)); err != nil {
		t.Fatal(err)
	}
	return u
}

// login returns a new grant, whose access token dies in the given time.
func (u *upstream) login(alias string, in time.Duration) *store.Grant {
	u.t.Helper()
	g := place.Login(u.t, u.server, alias, emulator.Username)
	g.App.Host, g.Expiry.At = u.host, time.Now().Add(in)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.newest, u.requests, u.reused = g.RefreshToken.Reveal(), 0, 0
	return g
}

// plan says when to cut, once.
func (u *upstream) plan(cut point, mute bool, kill func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut, u.mute, u.kill = cut, mute, kill
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		u.token(w, r, form.Get("refresh_token"))
	case strings.HasSuffix(r.URL.Path, "/introspect") && u.mute:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"invalid client credentials"}`)
	default:
		u.server.Emulator().ServeHTTP(w, r)
	}
}

// token is a refresh, cut as planned. u.mu is held.
func (u *upstream) token(w http.ResponseWriter, r *http.Request, presented string) {
	u.requests++
	if presented != u.newest {
		u.reused++
	}
	cut, kill := u.cut, u.kill
	u.cut = ""
	if cut == received {
		kill()
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	u.server.Emulator().ServeHTTP(answer, r)
	var issued struct {
		RefreshToken string `json:"refresh_token"`
	}
	if json.Unmarshal(answer.Body.Bytes(), &issued) == nil && issued.RefreshToken != "" {
		u.newest = issued.RefreshToken
	}
	body := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	switch cut {
	case effected:
		kill()
		panic(http.ErrAbortHandler)
	case halfway:
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		kill()
		panic(http.ErrAbortHandler)
	case anytime:
		time.AfterFunc(rand.N(3*time.Millisecond), kill)
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// facts are the login server's view.
func (u *upstream) facts() (newest string, requests, reused int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.newest, u.requests, u.reused
}

// active asks the emulator itself, past the wire and past our client.
func (u *upstream) active(token string) bool {
	u.t.Helper()
	res, err := u.server.Client().PostForm(u.server.URL+"/services/oauth2/introspect", url.Values{
		"token": {token}, "client_id": {emulator.ClientIDConfidential}, "client_secret": {emulator.ClientSecretConfidential},
	})
	if err != nil {
		u.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Active bool }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		u.t.Fatal(err)
	}
	return answer.Active
}
