//go:build linux || darwin

package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sftoken/sftoken/internal/agent"
)

// serve runs an agent until the test ends, and returns its socket and what Serve returned.
func serve(t *testing.T, idle time.Duration, handler http.HandlerFunc) (*agent.Listener, <-chan error) {
	t.Helper()
	base, err := os.MkdirTemp("", "a") // a test's own folder may be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	l, err := agent.Listen(base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&agent.Server{Handler: handler, Idle: idle}).Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		_ = l.Close()
		_ = os.RemoveAll(base)
	})
	return l, ended
}

func TestAsk(t *testing.T) {
	t.Parallel()
	l, _ := serve(t, 0, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /echo":
			var body map[string]string
			_ = json.NewDecoder(r.Body).Decode(&body)
			_ = json.NewEncoder(w).Encode(body)
		case "GET /refused":
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"error":{"code":"c","message":"m","hints":["h"]},"exit":4}`))
		case "GET /odd":
			w.WriteHeader(http.StatusTeapot)
		case "POST /none":
			w.WriteHeader(http.StatusNoContent)
		}
	})
	var got map[string]string
	if err := agent.Post(t.Context(), l.Path(), "/echo", map[string]string{"a": "b"}, &got); err != nil || got["a"] != "b" {
		t.Errorf("echo: %v, %v", got, err)
	}
	err := agent.Get(t.Context(), l.Path(), "/refused", nil)
	if refused, ok := errors.AsType[*agent.Refused](err); !ok || refused.Exit != 4 || refused.Report.Code != "c" {
		t.Errorf("refused: %v", err)
	}
	if err := agent.Get(t.Context(), l.Path(), "/odd", nil); err == nil || errors.As(err, new(*agent.Refused)) {
		t.Errorf("odd: %v, want an error that is no refusal", err)
	}
	if err := agent.Post(t.Context(), l.Path(), "/none", nil, nil); err != nil {
		t.Error(err)
	}
}

// B-11: the socket is in a folder that only its owner can enter.
func TestSocketIsPrivate(t *testing.T) {
	t.Parallel()
	l, _ := serve(t, 0, func(http.ResponseWriter, *http.Request) {})
	dir, err := os.Stat(filepath.Dir(l.Path()))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", dir.Mode(), err)
	}
	_ = l.Close()
	if _, err := os.Stat(filepath.Dir(l.Path())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestNoAgent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, socket := range []string{filepath.Join(dir, "nothing"), file, dir} {
		if err := agent.Get(t.Context(), socket, "/", nil); err == nil || errors.As(err, new(*agent.Refused)) {
			t.Errorf("%s: %v", socket, err)
		}
	}
}

// An agent that nobody asks ends; one that is answering does not.
func TestIdle(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	const idle = 50 * time.Millisecond
	l, ended := serve(t, idle, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusNoContent)
	})
	done := make(chan error, 1)
	go func() { done <- agent.Get(context.Background(), l.Path(), "/", nil) }()
	<-asked
	select {
	case err := <-ended:
		t.Fatalf("it ended while it answered: %v", err)
	case <-time.After(4 * idle):
	}
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("unix", l.Path()); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}
