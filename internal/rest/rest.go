// Package rest calls an org's REST API: it completes paths with the newest version, reads refusals in each of their shapes,
// and goes from page to page.
//
// It knows no tokens: Client.HTTP adds them to requests that name a path only (refresh.Transport does). It sends nothing to
// another host and follows no redirect. internal/cli and packages that ask an org something import it.
package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sftoken/sftoken"
)

// Client calls one org's API. HTTP must be set; it is not used for redirects.
type Client struct {
	HTTP    *http.Client
	Origin  string   // "https://acme.my.salesforce.com", for addresses that name it
	Version string   // of the API, "66.0"; empty: the newest that the org has
	Known   *Version // remembers the newest version; nil: it is asked for
}

// New makes a client of what adds tokens.
func New(transport http.RoundTripper, origin string) *Client {
	return &Client{Origin: origin, HTTP: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// OtherHostError says that an address leads to a host other than the org's, which gets no token.
type OtherHostError struct{ Host, Origin string }

func (e *OtherHostError) Error() string {
	return fmt.Sprintf("call %s: the token is for %s only", e.Host, e.Origin)
}

// ErrorID identifies the error for explanations.
func (e *OtherHostError) ErrorID() string { return "api-other-host" }

// Path turns what a person types into the path to ask for: "limits" becomes "/services/data/v66.0/limits", a path stays, and
// an address at the org loses its host.
func (c *Client) Path(ctx context.Context, text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("call api: the path cannot be read: write % as %25, and spaces as %20")
	}
	if u.Host != "" || u.Scheme != "" {
		if origin := u.Scheme + "://" + u.Host; !strings.EqualFold(origin, c.Origin) {
			return "", &OtherHostError{Host: u.Host, Origin: c.Origin}
		}
		u.Scheme, u.Host, u.User = "", "", nil
	}
	u.Fragment = ""
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if first == "services" || first == "id" {
		u.Path = "/" + strings.TrimPrefix(u.Path, "/")
		if u.RawPath != "" {
			u.RawPath = "/" + strings.TrimPrefix(u.RawPath, "/")
		}
		return u.String(), nil
	}
	version, err := c.version(ctx)
	if err != nil {
		return "", err
	}
	return "/services/data/v" + version + "/" + strings.TrimPrefix(u.String(), "/"), nil
}

// Do sends a request for a path as Path takes it. An answer that is none of 2xx is returned with the error that it stands
// for; its body can be read all the same. The caller closes the body.
func (c *Client) Do(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	target, err := c.Path(ctx, path)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("call api: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "sftoken")
	for name, values := range header {
		r.Header[name] = values
	}
	if sized, ok := body.(interface{ Size() int64 }); ok {
		r.ContentLength = sized.Size()
	}
	res, err := c.HTTP.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text repeats method and path
		}
		return nil, transportError(c.Origin+target, err)
	}
	return res, failure(res)
}

// transportError is a request that got no answer, unless it was the token that could not be had.
func transportError(address string, err error) error {
	for _, known := range []error{sftoken.ErrLoginRequired, sftoken.ErrBlocked, sftoken.ErrTemporary, context.Canceled} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.Is(err, io.EOF) || isNetwork(err) {
		address, _, _ = strings.Cut(address, "?")
		return &sftoken.TransportError{Endpoint: "api", URL: address, Err: err}
	}
	return err
}
