package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

func count(text, part string) int { return strings.Count(text, part) }

// E-27: a lost answer. The rotation happened, the client does not know: its token is spent.
func TestFaultAfterEffect(t *testing.T) {
	t.Parallel()
	b := start(t)
	const id = emulator.ClientIDRotating
	for _, fault := range []emulator.Fault{
		{Endpoint: emulator.Token, AfterEffect: true, Cut: true},
		{Endpoint: emulator.Token, AfterEffect: true, Cut: true, CutAfter: 40},
		{Endpoint: emulator.Token, AfterEffect: true, Status: 503, Body: "<html>down</html>"},
	} {
		token := b.login(id)["refresh_token"]
		b.Emulator().Fail(fault)
		response, err := b.client.Do(b.request(http.MethodPost, "/services/oauth2/token", refreshForm(id, token)))
		var body []byte
		if err == nil {
			body, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		if fault.Cut && (err == nil || len(body) != fault.CutAfter) {
			t.Errorf("%+v: got %d bytes and error %v, want a cut after %d", fault, len(body), err, fault.CutAfter)
		}
		if !fault.Cut && (err != nil || response.StatusCode != 503 || string(body) != fault.Body) {
			t.Errorf("%+v: got %v %s", fault, err, body)
		}
		b.refused(b.refresh(id, token), "invalid_grant", expired)
	}
}

func TestFaultBeforeEffect(t *testing.T) {
	t.Parallel()
	b := start(t)
	const id = emulator.ClientIDRotating
	token := b.login(id)["refresh_token"]
	b.Emulator().Fail(emulator.Fault{
		Endpoint: emulator.Token, GrantType: "refresh_token", ClientID: id, Skip: 1, Times: 2, Status: 429, Header: http.Header{"Retry-After": {"7"}},
	})
	token = b.success(b.refresh(id, token))["refresh_token"]
	for range 2 {
		if a := b.refresh(id, token); a.status != 429 || a.header.Get("Retry-After") != "7" || a.body != "" {
			t.Errorf("answer %d %s, want 429", a.status, a.body)
		}
	}
	b.success(b.refresh(id, token))
	b.Emulator().Fail(emulator.Fault{Times: -1, Status: 500})
	b.Emulator().ClearFaults()
	if a := b.get("/services/data", ""); a.status != 200 {
		t.Errorf("after ClearFaults: %d", a.status)
	}
}

// E-28: the journal has every request and no secret.
func TestJournal(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := start(t, emulator.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	code := b.code(emulator.ClientIDConfidential)
	tokens := b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDConfidential, code)))
	b.refresh(emulator.ClientIDConfidential, tokens["refresh_token"])
	b.refresh(emulator.ClientIDConfidential, "wrong-token")
	b.alive(tokens["access_token"])
	all := b.Emulator().Requests()
	text := fmt.Sprintf("%+v", all) + log.String()
	for name, secret := range map[string]string{
		"code": code, "access token": tokens["access_token"], "refresh token": tokens["refresh_token"], "client secret": emulator.ClientSecretConfidential,
		"verifier": verifier, "password": emulator.Password, "wrong token": "wrong-token",
	} {
		if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
			t.Errorf("the journal or the log shows the %s", name)
		}
	}
	refused := all[len(all)-2]
	if refused.Endpoint != emulator.Token || refused.Status != 400 || refused.Error != "invalid_grant" || refused.GrantType != "refresh_token" ||
		refused.Form.Get("refresh_token") != emulator.Fingerprint("wrong-token") {
		t.Errorf("entry of the refused refresh: %+v", refused)
	}
	if got := b.Emulator().TokenRequests(); got != 3 {
		t.Errorf("TokenRequests = %d, want 3", got)
	}
	b.Emulator().ClearRequests()
	if b.Emulator().TokenRequests() != 0 || len(b.Emulator().Requests()) != 0 {
		t.Error("ClearRequests left something")
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		return start(t, emulator.Options{Seed: seed}).login(emulator.ClientIDPublic)["refresh_token"]
	}
	if one, again, other := run(7), run(7), run(8); one != again || one == other {
		t.Error("a seed must give the same tokens each time, another seed other ones")
	}
}

// The emulator lives inside a synctest bubble: its clock is the bubble's, and nothing of it runs in the background.
func TestInsideSynctest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, err := emulator.New(emulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		listener := newPipeListener()
		server := &http.Server{Handler: handler}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(listener) }()
		client := &http.Client{Transport: &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}, Timeout: 30 * time.Second}

		began := time.Now()
		handler.Fail(emulator.Fault{Delay: 20 * time.Second})
		response, err := client.Get("http://localhost/services/data")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if waited := time.Since(began); waited != 20*time.Second {
			t.Errorf("waited %v, want 20 s of the bubble's time", waited)
		}
		handler.Fail(emulator.Fault{Delay: time.Hour}) // longer than the client waits
		if _, err := client.Get("http://localhost/services/data"); err == nil {
			t.Error("no time-out")
		}
		synctest.Wait()
		if entry := last(handler.Requests()); !entry.Time.Equal(began.Add(20*time.Second)) || !entry.Fault {
			t.Errorf("entry at %v", entry.Time.Sub(began))
		}
		server.Close()
		<-done
	})
}

// pipeListener is a network of one address, made of net.Pipe.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { close(l.closed); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
