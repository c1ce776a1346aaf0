// Package proxy serves an org's API on this machine, with the access token added on the way.
//
// Who may use it: on TCP, whoever sends the proxy's own token as "Authorization: Bearer …", as a client sends an access
// token, for every user of the machine can connect to loopback. On a Unix socket, whoever may open it (mode 0600). No
// browser: a page of a stranger reaches loopback, by its own name too (DNS rebinding), so that a foreign Host, an Origin
// and the rest of what only browsers send are refused, and no CORS header is let through. Who may use it reaches the API
// and nothing that would outlive the proxy: not the endpoints that give out tokens and links to log in with.
//
// Bodies stream in both directions. The package gets no tokens itself: Options.Transport adds them, refreshes them, and
// sends a request again; a small body is kept for that. internal/cli imports it.
package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
)

// Options say how a proxy works. Transport must be set.
type Options struct {
	// Transport sends requests that name a path only, with an access token. It is a *refresh.Transport.
	Transport http.RoundTripper
	// Token is what callers must send. Zero: whoever can connect may call.
	Token sftoken.Secret
	// Hosts are what the Host header may be, "127.0.0.1:8080"; nil: anything.
	Hosts []string
	// OnError, if not nil, hears why a request could not be sent on. It may be called from several goroutines at once.
	OnError func(error)
}

// replayLimit is up to which length a request's body is kept in memory, to be sent again when the session has expired. The
// data API's usual requests are shorter; of a longer one the caller is told to repeat it.
const replayLimit = 64 << 10

// New returns the proxy as a handler.
func New(o Options) http.Handler {
	reverse := &httputil.ReverseProxy{
		Rewrite:        toOrg,
		Transport:      o.Transport,
		ModifyResponse: fromOrg,
		BufferPool:     new(buffers),
		ErrorHandler:   o.failed,
		ErrorLog:       silent, // ErrorHandler tells
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := o.refuse(r); refused != nil {
			refused.write(w)
			return
		}
		// The data API has nothing to upgrade to. That a client would like to is no reason to refuse it (RFC 9110 section 7.8).
		r.Header.Del("Upgrade")
		if err := keepBody(r); err != nil {
			(&refusal{http.StatusBadRequest, "PROXY_BODY_UNREADABLE", "the request's body broke off"}).write(w)
			return
		}
		reverse.ServeHTTP(w, r)
	})
}

// toOrg leaves the request a path only, by which the transport finds the org, and takes out what is the caller's affair
// with the proxy (B-23).
func toOrg(r *httputil.ProxyRequest) {
	r.Out.URL = &url.URL{Path: r.In.URL.Path, RawPath: r.In.URL.RawPath, RawQuery: r.In.URL.RawQuery}
	r.Out.Host = ""
	for _, name := range []string{"Authorization", "Cookie", "X-Sfdc-Session"} {
		r.Out.Header.Del(name)
	}
	if _, named := r.Out.Header["User-Agent"]; !named {
		r.Out.Header.Set("User-Agent", "sftoken")
	}
}

// fromOrg keeps browsers out and leads a caller who follows a redirect within the org back here.
func fromOrg(res *http.Response) error {
	res.Header.Del("Set-Cookie")
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			res.Header.Del(name)
		}
	}
	if to, err := url.Parse(res.Header.Get("Location")); err == nil && to.Host != "" && strings.EqualFold(to.Host, res.Request.URL.Host) {
		to.Scheme, to.Host = "", ""
		res.Header.Set("Location", to.String())
	}
	return nil
}

// keepBody reads a short body into memory, so that the transport can send it twice.
func keepBody(r *http.Request) error {
	if r.ContentLength <= 0 || r.ContentLength > replayLimit {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, err = r.GetBody()
	return err
}

// failed answers a request that could not be sent on.
func (o Options) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the caller has left
	}
	if o.OnError != nil {
		o.OnError(err)
	}
	answer := refusal{http.StatusBadGateway, "PROXY_ORG_UNREACHABLE", err.Error()}
	switch {
	case errors.Is(err, sftoken.ErrLoginRequired):
		answer.code = "PROXY_LOGIN_REQUIRED"
	case errors.Is(err, sftoken.ErrBlocked):
		answer.code = "PROXY_BLOCKED"
	case errors.Is(err, sftoken.ErrTemporary):
		answer.status, answer.code = http.StatusServiceUnavailable, "PROXY_TRY_AGAIN"
	}
	answer.write(w)
}

// refusal is an answer of the proxy itself. It has the shape of the data API's errors, which clients can read.
type refusal struct {
	status  int
	code    string
	message string
}

func (f *refusal) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json;charset=UTF-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode([]map[string]string{{"message": f.message, "errorCode": f.code}})
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, 64<<10)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }

// silent hears what clients that break off have net/http say.
var silent = log.New(io.Discard, "", 0)
