package refresh_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

const alias = "prod"

// fault is what goes wrong with one token request.
type fault int

const (
	none       fault = iota
	connect          // nothing is sent
	lostBefore       // sent, no effect, no answer
	lostAfter        // sent, done, no answer
	cutAfter         // done, and the answer breaks off
	answer503
	answer502
	answer502After // done, and a gateway answers 502
	answerBusy
	answerWrong // invalid_client
	answerBlocked
	hang // done, then no answer until the client gives up
	faults
)

// The ways in which an issuer answers introspection.
const (
	introspects = iota
	refusesIntrospection
	losesIntrospection
)

// issuer is a Salesforce login host in the shape of an http.RoundTripper. It records every refresh token presented.
type issuer struct {
	mu         sync.Mutex
	rotates    bool
	lifetime   time.Duration // of JWT access tokens; 0: opaque ones
	delay      time.Duration
	retryAfter string
	introspect int
	exp        time.Duration // introspection of access tokens says so
	next       []fault       // for the next token requests; then always
	always     fault
	sameAccess bool // answers the same access token again and again
	instance   string
	untrusted  bool // instance_url of the next answers is nobody's
	current    string
	killed     bool // by reuse, or by us
	issued     int
	access     string
	presented  []string
	grantTypes []string
	reused     int
	asked      int // introspections of refresh tokens
}

func newIssuer() *issuer {
	return &issuer{current: "refresh-0", access: "00D!access-0", instance: "https://acme.my.salesforce.com"}
}

func (i *issuer) requests() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.presented)
}

func (i *issuer) client() *http.Client { return &http.Client{Transport: i} }

func (i *issuer) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/introspect") {
		return i.answerIntrospection(req)
	}
	f := i.take()
	if f == connect {
		return nil, errors.New("dial tcp: connection refused")
	}
	form, err := readForm(req)
	if err != nil {
		return nil, err
	}
	if err := wait(req.Context(), i.delay); err != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.note(form)
		return nil, err
	}
	i.mu.Lock()
	i.note(form)
	res, err := i.spend(req, f, form.Get("refresh_token"))
	i.mu.Unlock()
	if f == hang {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return res, err
}

func (i *issuer) note(form url.Values) {
	i.presented = append(i.presented, form.Get("refresh_token"))
	i.grantTypes = append(i.grantTypes, form.Get("grant_type"))
}

func (i *issuer) take() fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.next) == 0 {
		return i.always
	}
	f := i.next[0]
	i.next = i.next[1:]
	return f
}

func (i *issuer) spend(req *http.Request, f fault, token string) (*http.Response, error) {
	switch f {
	case lostBefore:
		return nil, errors.New("read tcp: connection reset by peer")
	case answer503:
		return i.answer(req, 503, "text/html", "<html>maintenance</html>"), nil
	case answer502:
		return i.answer(req, 502, "text/html", "<html>bad gateway</html>"), nil
	case answerBusy:
		return i.refuse(req, "invalid_grant", "token request is already being processed"), nil
	case answerWrong:
		return i.refuse(req, "invalid_client", "invalid client credentials"), nil
	case answerBlocked:
		return i.refuse(req, "app_blocked", "this app is blocked by admin"), nil
	}
	if token != i.current || i.killed {
		i.reused++
		i.killed = i.killed || i.rotates // reuse kills the whole grant (salesforce-oauth.md 3.4)
		return i.refuse(req, "invalid_grant", "expired access/refresh token"), nil
	}
	body := i.issue(req)
	switch f {
	case lostAfter:
		return nil, errors.New("read tcp: connection reset by peer")
	case cutAfter:
		return i.answer(req, 200, "application/json", body[:len(body)/2]), nil
	case answer502After:
		return i.answer(req, 502, "text/html", "<html>bad gateway</html>"), nil
	}
	return i.answer(req, 200, "application/json", body), nil
}

func (i *issuer) issue(*http.Request) string {
	i.issued++
	if !i.sameAccess {
		i.access = i.newAccess()
	}
	instance := i.instance
	if i.untrusted {
		instance = "https://evil.example"
	}
	body := fmt.Sprintf(`{"access_token":%q,"instance_url":%q,"issued_at":"%d","token_type":"Bearer","id":"https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA"`,
		i.access, instance, time.Now().UnixMilli())
	if i.rotates {
		i.current = fmt.Sprintf("refresh-%d", i.issued)
		body += fmt.Sprintf(`,"refresh_token":%q`, i.current)
	}
	return body + "}"
}

func (i *issuer) newAccess() string {
	if i.lifetime == 0 {
		return fmt.Sprintf("00D!access-%d", i.issued)
	}
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	claims := fmt.Sprintf(`{"exp":%d,"jti":"%d"}`, time.Now().Add(i.lifetime).Unix(), i.issued)
	return "eyJ" + encode(`alg`) + "." + encode(claims) + ".c2ln"
}

func (i *issuer) answerIntrospection(req *http.Request) (*http.Response, error) {
	form, err := readForm(req)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if form.Get("token_type_hint") == "refresh_token" {
		i.asked++
	}
	switch {
	case i.introspect == losesIntrospection:
		return nil, errors.New("read tcp: connection reset by peer")
	case i.introspect == refusesIntrospection:
		return i.answer(req, 401, "application/json", `{"error":"invalid_client","error_description":"invalid client credentials"}`), nil
	case form.Get("token_type_hint") == "access_token" && i.exp > 0:
		now := time.Now()
		return i.answer(req, 200, "application/json", fmt.Sprintf(`{"active":true,"iat":%d,"exp":%d}`, now.Unix(), now.Add(i.exp).Unix())), nil
	case form.Get("token_type_hint") == "access_token":
		return i.answer(req, 503, "text/html", "<html>maintenance</html>"), nil
	}
	return i.answer(req, 200, "application/json", fmt.Sprintf(`{"active":%t}`, form.Get("token") == i.current && !i.killed)), nil
}

func (i *issuer) refuse(req *http.Request, code, description string) *http.Response {
	return i.answer(req, 400, "application/json", fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description))
}

func (i *issuer) answer(req *http.Request, status int, contentType, body string) *http.Response {
	header := http.Header{"Content-Type": {contentType}}
	if i.retryAfter != "" && status >= 400 {
		header.Set("Retry-After", i.retryAfter)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func readForm(req *http.Request) (url.Values, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	return url.ParseQuery(string(body))
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// grant returns one as a login saved it some time ago, by default with an access token that has just expired.
func grant(change func(*store.Grant)) *store.Grant {
	host, err := sftoken.ParseHost("https://acme.my.salesforce.com")
	if err != nil {
		panic(err)
	}
	now := time.Now()
	g := &store.Grant{
		Alias: alias,
		App: sftoken.App{
			ClientID: "3MVG9.client", ClientSecret: sftoken.NewSecret("0123456789ABCDEF"), Host: host,
			RedirectURI: sftoken.DefaultRedirectURI,
		},
		AccessToken: sftoken.NewSecret("00D!access-0"), RefreshToken: sftoken.NewSecret("refresh-0"),
		InstanceURL: "https://acme.my.salesforce.com", Username: "amelia@acme.example",
		CreatedAt: now.Add(-2 * time.Hour), RefreshedAt: now.Add(-2 * time.Hour),
		Expiry: store.Expiry{At: now.Add(-time.Second), Source: store.FromIntrospection},
	}
	if change != nil {
		change(g)
	}
	return g
}

func public(g *store.Grant) { g.App.ClientSecret = sftoken.Secret{} }

func expires(in time.Duration) func(*store.Grant) {
	return func(g *store.Grant) { g.Expiry.At = time.Now().Add(in) }
}

func save(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	lease, err := s.Lease(t.Context(), g.Alias)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if err := lease.Save(t.Context(), g); err != nil {
		t.Fatal(err)
	}
}

func stored(t testing.TB, s store.Store) *store.Grant {
	t.Helper()
	g, err := s.Get(context.Background(), alias)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// world is an issuer, a store with one grant and an engine over both.
type world struct {
	t      testing.TB
	issuer *issuer
	store  store.Store
	engine *refresh.Engine
	mu     sync.Mutex
	events []refresh.Event
}

func newWorld(t testing.TB, i *issuer, g *store.Grant, change func(*refresh.Options)) *world {
	w := &world{t: t, issuer: i, store: memory.New()}
	if g != nil {
		save(t, w.store, g)
	}
	w.engine = w.newEngine(change)
	return w
}

func (w *world) newEngine(change func(*refresh.Options)) *refresh.Engine {
	o := refresh.Options{Store: w.store, HTTP: w.issuer.client(), OnEvent: func(event refresh.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, event)
	}}
	if change != nil {
		change(&o)
	}
	return refresh.New(o)
}

// told closes the engine and returns the kinds of events in their order.
func (w *world) told() string {
	w.t.Helper()
	if err := w.engine.Close(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, event := range w.events {
		kinds = append(kinds, string(event.Kind))
	}
	return strings.Join(kinds, " ")
}

// token asks for a token that must come without a warning.
func (w *world) token() string {
	w.t.Helper()
	access, err := w.engine.Token(context.Background(), alias)
	if err != nil {
		w.t.Fatalf("Token: %v", err)
	}
	if access.Warning != nil {
		w.t.Fatalf("Token: warning %v", access.Warning)
	}
	return access.Token.Reveal()
}

func (w *world) fails(want error) error {
	w.t.Helper()
	access, err := w.engine.Token(context.Background(), alias)
	if !errors.Is(err, want) {
		w.t.Fatalf("Token = %+v, %v; want error %v", access, err, want)
	}
	return err
}

func (w *world) wantRequests(n int) {
	w.t.Helper()
	if got := w.issuer.requests(); got != n {
		w.t.Fatalf("issuer saw %d token requests, want %d", got, n)
	}
}
