// Package agent is the wire between a session's agent, which holds what opens a store, and the commands of the same user: HTTP
// with JSON bodies over a Unix socket.
//
//	POST /v1/token   {"alias": "prod", "store": "files in …", "language": "ja"}
//	                 200 and the fields of `sftoken token --json`
//	GET  /v1/status  200 and what the agent is
//	POST /v1/stop    204, then the agent ends
//
// An answer of another status is {"error": {"code", "message", "hints"}, "exit": 4}. The socket lies in a folder that only its
// owner can enter, and the kernel says for each connection who is at its other end: anybody but the owner is cut off unheard
// (requirement B-11). No browser can open a Unix socket (B-12).
//
// It holds no secret itself and knows nothing of stores or of refreshing: the command line gives it a handler. Only
// internal/cli imports it. Where the system cannot say who is at the other end, [Supported] is false.
package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Request asks for a token.
type Request struct {
	Alias    string `json:"alias,omitempty"` // none: the only one there is
	Store    string `json:"store"`           // where the asking command would look
	Language string `json:"language"`        // of an error
}

// Listener is the socket of an agent. Close removes it.
type Listener struct {
	*net.UnixListener
	dir string
}

// Listen makes a socket in a new private folder below base.
func Listen(base string) (*Listener, error) {
	if !Supported {
		return nil, fmt.Errorf("start agent: %w", errors.ErrUnsupported)
	}
	dir := filepath.Join(base, "sftoken-"+rand.Text()[:10])
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "agent.sock"), Net: "unix"})
	if err != nil {
		_ = os.Remove(dir)
		return nil, fmt.Errorf("start agent: %w", err)
	}
	return &Listener{socket, dir}, nil
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.Addr().String() }

// Accept returns the next connection from a process of this user.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peer(conn); err == nil && uid == os.Geteuid() {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// Close stops listening and removes socket and folder.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	_ = os.RemoveAll(l.dir)
	return err
}

// Server answers at a Listener.
type Server struct {
	Handler http.Handler
	Idle    time.Duration // ends when nobody has asked for so long; 0: never

	mu    sync.Mutex
	busy  int
	timer *time.Timer
}

// Serve answers until ctx ends or nobody asks any more. It waits for answers under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.Idle > 0 {
		s.timer = time.AfterFunc(s.Idle, stop)
		defer s.timer.Stop()
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it is nobody's terminal that the agent runs on
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve agent: %w", err)
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := server.Shutdown(finish)
	<-ended
	return err
}

// answer holds the idle clock while somebody is being answered.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.count(1)
	defer s.count(-1)
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	s.Handler.ServeHTTP(w, r)
}

func (s *Server) count(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += change
	switch {
	case s.timer == nil:
	case s.busy > 0:
		s.timer.Stop()
	default:
		s.timer.Reset(s.Idle)
	}
}
