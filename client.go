package sftoken

import (
	"net"
	"net/http"
	"time"
)

// Client makes the requests of one app.
//
// Each method sends one request, and net/http cannot repeat it: a POST carries a body that can be read once only, so that
// a refresh token is never spent twice behind the caller's back. The HTTP client's own redirects are switched off.
// A redirect to the same path on another Salesforce host over https, which an org answers after its My Domain was renamed
// or moved, is followed once; any other is a *RedirectError. Answers are read up to 1 MiB.
//
// A Client may be used by several goroutines. It must not be copied after its first use, and its fields not changed.
type Client struct {
	App   App
	Hosts HostRules // hosts besides Salesforce's that may be sent a token

	// HTTP sends the requests; its CheckRedirect is not used. Nil is a client that takes proxies from the environment,
	// gives up after a minute and opens a connection for each request: on one kept from an earlier request that the
	// server has just closed, nobody could tell whether a refresh token was received.
	HTTP *http.Client

	// OnRedirect, if set, is told after a request was sent again to another Salesforce host.
	OnRedirect func(from, to string)

	keys keyCache
}

var defaultHTTP = &http.Client{
	Timeout: time.Minute,
	Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 45 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableKeepAlives:     true,
	},
}

// DefaultHTTP returns a client that does as a Client with no HTTP of its own: for who wants to see or change what passes
// without changing how. It is the caller's.
func DefaultHTTP() *http.Client {
	own := *defaultHTTP
	own.Transport = defaultHTTP.Transport.(*http.Transport).Clone()
	return &own
}

// http returns the client to use, with redirects switched off.
func (c *Client) http() *http.Client {
	from := c.HTTP
	if from == nil {
		from = defaultHTTP
	}
	own := *from
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// checkApp asks for no more than a request needs. Shapes are checked when a login begins; a grant that works must not
// stop working over them.
func (c *Client) checkApp() error {
	switch {
	case c.App.ClientID == "":
		return &AppError{"client id", "none was given", "client-id-empty"}
	case c.App.Host.IsZero():
		return &AppError{"login host", "none was given", "host-empty"}
	}
	return nil
}
