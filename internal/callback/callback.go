// Package callback receives the browser that comes back from Salesforce's login, on a loopback address of this machine
// (RFC 8252 section 7.3).
//
// It takes the one answer whose state the caller recognises, hands it over, and keeps the browser waiting until the caller
// knows how the login ended; then it shows that, at an address without the code. Everything else that knocks, be it a
// favicon, a probe, a reload or a forged answer, is answered and changes nothing.
//
// It does not know OAuth: it neither exchanges the code nor judges an error in the answer. internal/login imports it.
package callback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/text/language"
)

const (
	// headerTime cuts off a client that is slow to say what it wants (C-23).
	headerTime = 5 * time.Second
	// maxHeader bounds request line and headers together, to which net/http adds 4 KiB; maxTarget the request line's
	// address. An answer of Salesforce is some 300 bytes.
	maxHeader = 16 << 10
	maxTarget = 8 << 10
	// fetchTime is how long Close waits for a browser that was sent to the last page to fetch it.
	fetchTime = 2 * time.Second
	// drainTime is how long Close waits for answers that are being written.
	drainTime = 500 * time.Millisecond
)

// Options say what to listen for.
type Options struct {
	// RedirectURI is the app's registered callback: http, a loopback host, and its exact path.
	RedirectURI string
	// Match reports whether an answer with this state belongs to the login that waits. It compares in constant time.
	Match func(state string) bool
}

// Server listens for one login's answer. Its methods may be called concurrently.
type Server struct {
	redirect redirect
	match    func(state string) bool

	http     *http.Server
	serving  sync.WaitGroup
	failed   chan error    // why the server stopped by itself
	arrivals chan *Arrival // holds the one arrival until Wait takes it
	closing  chan struct{}
	close    sync.Once
	fetched  chan struct{} // closed when the last page has been read
	fetch    sync.Once

	mu       sync.Mutex
	arrival  *Arrival
	audience int // browsers that wait for the end or were sent to the last page
}

// Listen binds the address of the redirect URI and starts to answer. For localhost that is 127.0.0.1 and ::1, since
// browsers differ in which they take, for an address only that one (C-20). The error is a *NotListenableError when this
// redirect URI can never be received here, and a *PortBusyError when another program has its port.
func Listen(ctx context.Context, o Options) (*Server, error) {
	target, err := parseRedirect(o.RedirectURI)
	if err != nil {
		return nil, err
	}
	if o.Match == nil {
		return nil, errors.New("listen for the browser: options: Match is missing")
	}
	listeners, err := target.listen(ctx)
	if err != nil {
		return nil, err
	}
	return serve(target, o.Match, listeners), nil
}

func serve(target redirect, match func(string) bool, listeners []net.Listener) *Server {
	s := &Server{
		redirect: target,
		match:    match,
		failed:   make(chan error, len(listeners)),
		arrivals: make(chan *Arrival, 1),
		closing:  make(chan struct{}),
		fetched:  make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    maxHeader,
		// No ReadTimeout or WriteTimeout: the browser waits while the caller exchanges the code and saves.
		ErrorLog: log.New(io.Discard, "", 0), // what strangers send is no news
	}
	s.http.SetKeepAlivesEnabled(false) // a connection kept open would only delay Close
	for _, listener := range listeners {
		s.serving.Go(func() {
			if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				s.failed <- err
			}
		})
	}
	return s
}

// Wait returns the answer when it has come. It ends early with the context's cause. Whoever receives the arrival must
// call its Finish, for a browser is waiting.
func (s *Server) Wait(ctx context.Context) (*Arrival, error) {
	select {
	case arrival := <-s.arrivals:
		return arrival, nil
	case err := <-s.failed:
		return nil, fmt.Errorf("wait for the browser: %w", err)
	case <-s.closing:
		return nil, fmt.Errorf("wait for the browser: %w", net.ErrClosed)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close stops listening and frees the port. If the login was finished, the browser first gets some two seconds to fetch
// the last page; a browser that still waits is sent back to the terminal.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		s.letFetch()
		close(s.closing)
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			err = s.http.Close() // somebody is slow; the port matters more
		}
		s.serving.Wait()
	})
	return err
}

func (s *Server) letFetch() {
	s.mu.Lock()
	expected := s.arrival != nil && s.arrival.isFinished() && s.audience > 0
	s.mu.Unlock()
	if !expected {
		return
	}
	timer := time.NewTimer(fetchTime)
	defer timer.Stop()
	select {
	case <-s.fetched:
	case <-timer.C:
	}
}

// Arrival is the answer that the browser brought, with the browser still waiting.
type Arrival struct {
	// Query holds the answer's parameters, each exactly once, with the state that Match accepted. They are as received:
	// whoever shows them removes control characters.
	Query url.Values
	// Language is the one that the browser asks for. The texts of a Failure should be in it.
	Language language.Tag

	finish   sync.Once
	finished chan struct{}
	page     Page // set before finished is closed
}

// Finish tells the browser how the login ended: a Success, to be called only after the grant has been saved, or a
// Failure. Only the first call counts.
func (a *Arrival) Finish(page Page) {
	a.finish.Do(func() {
		a.page = page
		close(a.finished)
	})
}

func (a *Arrival) isFinished() bool {
	select {
	case <-a.finished:
		return true
	default:
		return false
	}
}
