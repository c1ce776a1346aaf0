package doctor

import (
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// NewTransport is what a Subject without a Transport uses. It keeps connections, unlike that of sftoken.Client: nothing that
// doctor sends is spent by being sent.
func NewTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: patience / 2}).DialContext,
		TLSHandshakeTimeout:   patience / 2,
		ResponseHeaderTimeout: patience,
		ForceAttemptHTTP2:     true,
		IdleConnTimeout:       patience,
	}
}

// recorder remembers of the first answer of each host what an answer says besides its content.
type recorder struct {
	next http.RoundTripper

	mu   sync.Mutex
	date time.Time         // the server's
	at   time.Time         // ours, then
	leaf *x509.Certificate // nil without TLS
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() {
		r.at = time.Now()
		r.date, _ = http.ParseTime(response.Header.Get("Date"))
		if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
			r.leaf = response.TLS.PeerCertificates[0]
		}
	}
	return response, nil
}

func (r *recorder) CloseIdleConnections() {
	if closer, ok := r.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// skew is how far this machine's clock is ahead of the server's; ok is false when the server did not say its time.
func (r *recorder) skew() (skew time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at.Sub(r.date).Round(time.Second), !r.date.IsZero()
}

// issuer is who issued the certificate of the login host, "" without TLS.
func (r *recorder) issuer() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leaf == nil {
		return ""
	}
	return strings.Join(append(r.leaf.Issuer.Organization, r.leaf.Issuer.CommonName), ", ")
}
