package wire

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// Recorder is an [http.RoundTripper] that keeps what passes through it. Request and answer pass unchanged and unbuffered, so
// that a client can still tell what left and what arrived.
type Recorder struct {
	Base       http.RoundTripper // nil: [http.DefaultTransport]
	OnExchange func(Exchange)    // told of each exchange once its answer was read, or failed; may be nil

	mu   sync.Mutex
	kept []Exchange
}

// Exchanges returns what was recorded so far, in the order in which the answers ended.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.kept...)
}

func (r *Recorder) keep(x Exchange) {
	r.mu.Lock()
	r.kept = append(r.kept, x)
	r.mu.Unlock()
	if r.OnExchange != nil {
		r.OnExchange(x)
	}
}

// RoundTrip implements [http.RoundTripper].
func (r *Recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	base := r.Base
	if base == nil {
		base = http.DefaultTransport
	}
	x, sent := Exchange{At: time.Now()}, new(capture)
	if request.Body != nil && request.Body != http.NoBody {
		copied := *request // a RoundTripper must not change its request
		copied.Body = tee{io.TeeReader(request.Body, sent), request.Body}
		request = &copied
	}
	response, err := base.RoundTrip(request)
	x.request(request, sent.bytes())
	x.Up, x.Waited = sent.total(), time.Since(x.At)
	if err != nil {
		x.Duration = x.Waited
		x.Err = show(err.Error())
		r.keep(x)
		return response, err
	}
	received := new(capture)
	var once sync.Once
	end := func(err error) {
		once.Do(func() {
			x.Duration = time.Since(x.At)
			x.answer(response.StatusCode, response.Header, received.bytes())
			x.Proto, x.Up, x.Down = response.Proto, sent.total(), received.total()
			if err != nil && err != io.EOF {
				x.Err = show(err.Error())
			}
			r.keep(x)
		})
	}
	if response.Body == nil || response.Body == http.NoBody {
		end(nil)
		return response, nil
	}
	response.Body = &ending{io.TeeReader(response.Body, received), response.Body, end}
	return response, nil
}

// Handler returns next as a handler that reports each exchange once it was answered. It reports to one call at a time.
func Handler(next http.Handler, report func(Exchange)) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		x, sent := Exchange{At: time.Now()}, new(capture)
		seen, copied := absolute(request), *request
		copied.Body = tee{io.TeeReader(request.Body, sent), request.Body}
		answer := &writer{ResponseWriter: w, status: http.StatusOK}
		defer func() { // also when next panics to cut the connection
			x.Duration = time.Since(x.At)
			x.request(seen, sent.bytes())
			x.answer(answer.status, w.Header(), answer.body.bytes())
			x.Up, x.Down = sent.total(), answer.body.total()
			mu.Lock()
			defer mu.Unlock()
			report(x)
		}()
		next.ServeHTTP(answer, &copied)
	})
}

// absolute returns a view of a request that a server received, with the address that its client used.
func absolute(request *http.Request) *http.Request {
	view, u := *request, *request.URL
	u.Scheme, u.Host = "http", request.Host
	if request.TLS != nil {
		u.Scheme = "https"
	}
	view.URL = &u
	return &view
}

// capture keeps the first maxBody bytes written to it. It is locked because the transport may still be reading the request's
// body when RoundTrip has returned.
type capture struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	seen int64 // all of them
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Write(p[:min(len(p), maxBody-c.buf.Len())])
	c.seen += int64(len(p))
	return len(p), nil
}

func (c *capture) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.buf.Bytes())
}

func (c *capture) total() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

type tee struct {
	io.Reader
	io.Closer
}

// ending calls end when the body was read to its end or closed.
type ending struct {
	io.Reader
	io.Closer
	end func(error)
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil {
		e.end(err)
	}
	return n, err
}

func (e *ending) Close() error {
	defer e.end(nil)
	return e.Closer.Close()
}

type writer struct {
	http.ResponseWriter
	status int
	body   capture
}

func (w *writer) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	_, _ = w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
