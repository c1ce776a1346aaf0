package callback

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inMemory starts a server on an in-memory listener, for tests that move the clock.
func inMemory(t *testing.T) (*Server, *pipeListener) {
	t.Helper()
	target, err := parseRedirect("http://localhost:1717/OauthRedirect")
	if err != nil {
		t.Fatal(err)
	}
	listener := &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
	return serve(target, matchState, []net.Listener{listener}), listener
}

// request sends a request and returns the answer, closing the connection.
func (l *pipeListener) request(t *testing.T, target string) *http.Response {
	t.Helper()
	connection := l.dial()
	defer connection.Close()
	go func() { _, _ = io.WriteString(connection, "GET "+target+" HTTP/1.1\r\nHost: localhost:1717\r\n\r\n") }()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Errorf("GET %s: %v", target, err)
		return &http.Response{}
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response
}

const delivered = "/OauthRedirect?code=x&state=" + state

// A browser that waits for a slow exchange is not cut off.
func TestLongExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, listener := inMemory(t)
		status := make(chan int, 1)
		go func() { status <- listener.request(t, delivered).StatusCode }()
		arrival, err := server.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		arrival.Finish(Success{})
		if got := <-status; got != http.StatusSeeOther {
			t.Errorf("status is %d, want 303", got)
		}
		go func() { // the browser takes a second to follow
			time.Sleep(time.Second)
			if got := listener.request(t, "/login-finished").StatusCode; got != http.StatusOK {
				t.Errorf("last page has status %d", got)
			}
		}()
		start := time.Now()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < time.Second || took >= fetchTime {
			t.Errorf("Close took %v, want until the page was fetched", took)
		}
	})
}

// C-32, C-33: a browser that never fetches the last page holds up the end by a bounded time; none, not at all.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, listener := inMemory(t)
		go listener.request(t, delivered)
		arrival, err := server.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		arrival.Finish(Success{})
		start := time.Now()
		_ = server.Close()
		if took := time.Since(start); took < fetchTime || took > fetchTime+drainTime {
			t.Errorf("Close took %v, want %v", took, fetchTime)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		server, listener := inMemory(t)
		browser := listener.dial()
		_, _ = io.WriteString(browser, "GET "+delivered+" HTTP/1.1\r\nHost: localhost:1717\r\n\r\n")
		arrival, err := server.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_ = browser.Close() // the tab is closed during the exchange
		synctest.Wait()
		arrival.Finish(Success{})
		start := time.Now()
		_ = server.Close()
		if took := time.Since(start); took > drainTime {
			t.Errorf("Close took %v for a browser that had left", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		server, listener := inMemory(t)
		connection := listener.dial() // a browser's spare connection
		defer connection.Close()
		start := time.Now()
		_ = server.Close()
		if took := time.Since(start); took > drainTime {
			t.Errorf("Close took %v without a browser", took)
		}
	})
}

// C-23: slow clients are cut off, and do not keep the real answer out meanwhile.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "GET /Oauth", "GET " + delivered + " HTTP/1.1\r\nHost: localhost:1717\r\nX: "} {
		synctest.Test(t, func(t *testing.T) {
			server, listener := inMemory(t)
			slow := listener.dial()
			defer slow.Close()
			start := time.Now()
			cut := make(chan time.Duration, 1)
			go func() {
				_, _ = io.WriteString(slow, part)
				_, _ = io.Copy(io.Discard, slow)
				cut <- time.Since(start)
			}()
			go listener.request(t, delivered)
			arrival, err := server.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("real answer waited %v", waited)
			}
			if got := <-cut; got > headerTime {
				t.Errorf("slow client was cut off after %v", got)
			}
			arrival.Finish(Success{})
			_ = server.Close()
		})
	}
}

// C-23: a body is not waited for.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, listener := inMemory(t)
		connection := listener.dial()
		defer connection.Close()
		go func() {
			_, _ = io.WriteString(connection, "POST "+delivered+" HTTP/1.1\r\nHost: localhost:1717\r\nContent-Length: 1000\r\n\r\nx")
		}()
		start := time.Now()
		answer, _ := io.ReadAll(connection)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 405 ") {
			t.Errorf("answer is %.60q", answer)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("body was waited for during %v", took)
		}
		_ = server.Close()
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, _ := inMemory(t)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := server.Wait(ctx); err == nil || time.Since(start) != 3*time.Minute {
			t.Errorf("Wait returned %v after %v", err, time.Since(start))
		}
		_ = server.Close()
	})
}

// pipeListener hands out in-memory connections.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.connections <- theirs
	return ours
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.connections:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1717} }
