package sftoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const bodyLimit = 1 << 20

// call is one request to one endpoint.
type call struct {
	endpoint string     // for errors: "token"
	url      string     // carries no secret
	form     url.Values // POST when set, GET otherwise
	bearer   Secret
	header   http.Header // besides those that every request has
	// secrets are values that may come back in an answer and must not get into an error.
	secrets []Secret
}

// secretParameters are those of our forms whose values may come back in an error's text.
var secretParameters = []string{
	"client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token", "assertion", "password",
	"subject_token", "actor_token",
}

// post sends form to path on host.
func (c *Client) post(ctx context.Context, endpoint string, host Host, path string, form url.Values, parts ...Secret) (*answer, error) {
	k := call{endpoint: endpoint, url: host.Endpoint(path), form: form, secrets: parts}
	for _, name := range secretParameters {
		k.secrets = append(k.secrets, NewSecret(form.Get(name)))
	}
	return c.send(ctx, k)
}

// get asks target, which must be a trusted host, with the bearer token if there is one.
func (c *Client) get(ctx context.Context, endpoint, target string, bearer Secret) (*answer, error) {
	if err := c.Hosts.Trusts(c.App.Host, target); err != nil {
		return nil, err
	}
	return c.send(ctx, call{endpoint: endpoint, url: target, bearer: bearer, secrets: []Secret{bearer}})
}

// send makes the request, and once more where the answer is a redirect to a host that may have it.
func (c *Client) send(ctx context.Context, k call) (*answer, error) {
	got, err := c.sendOnce(ctx, k)
	if err != nil || got.status < 300 || got.status > 399 {
		return got, err
	}
	from := k.url
	to, err := c.redirectTarget(k, got)
	if err != nil {
		return nil, err
	}
	k.url = to
	got, err = c.sendOnce(ctx, k)
	if c.OnRedirect != nil {
		c.OnRedirect(from, to)
	}
	if err == nil && got.status >= 300 && got.status <= 399 {
		return nil, &RedirectError{k.endpoint, from, safeURL(got.location), "it is the second in a row"}
	}
	return got, err
}

// redirectTarget decides whether the request may be sent again to where the answer points. 303 is refused: by RFC 9110
// section 15.4.4 it means that the request was processed, and a refresh token may then have been spent.
func (c *Client) redirectTarget(k call, got *answer) (string, error) {
	refuse := func(to, reason string) (string, error) {
		return "", &RedirectError{k.endpoint, k.url, safeURL(to), reason}
	}
	from, err := url.Parse(k.url)
	if err != nil {
		return refuse("", "the request's own URL cannot be read")
	}
	to, err := from.Parse(got.location)
	switch {
	case err != nil || got.location == "":
		return refuse(got.location, "it names no place to go to")
	case got.status != 301 && got.status != 302 && got.status != 307 && got.status != 308:
		return refuse(to.String(), fmt.Sprintf("status %d does not ask for the request to be sent again", got.status))
	case from.Scheme == "https" && to.Scheme != "https":
		return refuse(to.String(), "it leads from https to an unprotected connection")
	case c.Hosts.Trusts(c.App.Host, to.String()) != nil:
		return refuse(to.String(), "it leads to a host that may not have a token")
	case endpointPath(to.Path) != endpointPath(from.Path):
		return refuse(to.String(), "it leads to another page")
	}
	to.RawQuery, to.Fragment = from.RawQuery, ""
	return to.String(), nil
}

// endpointPath cuts a site's prefix off a path.
func endpointPath(path string) string {
	for _, start := range []string{"/services/", "/id/", "/.well-known/"} {
		if i := strings.Index(path, start); i >= 0 {
			return path[i:]
		}
	}
	return path
}

func (c *Client) sendOnce(ctx context.Context, k call) (*answer, error) {
	fail := func(err error, notSent bool) error {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text repeats method and URL
		}
		return &TransportError{Endpoint: k.endpoint, URL: k.url, NotSent: notSent, Err: err}
	}
	body := &onceBody{text: k.form.Encode()}
	req, err := k.request(ctx, body)
	if err != nil {
		return nil, fail(err, true)
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, fail(err, body.seal() && k.form != nil)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, bodyLimit+1))
	if err != nil && !json.Valid(data) { // a whole object is an answer, even if the connection broke right after it
		return nil, fail(fmt.Errorf("read answer: %w", err), false)
	}
	return &answer{
		endpoint:    k.endpoint,
		grantType:   k.form.Get("grant_type"),
		status:      res.StatusCode,
		contentType: res.Header.Get("Content-Type"),
		location:    res.Header.Get("Location"),
		retryAfter:  retryAfter(res.Header.Get("Retry-After")),
		skew:        k.skew(res.Header.Get("Date"), time.Now()),
		body:        data,
		secrets:     k.secrets,
	}, nil
}

// leastSkew is what is told of: the header has whole seconds, and the answer took its time.
const leastSkew = 30 * time.Second

// skew is how far this machine's clock is ahead of the server's (C-57), for requests whose assertions say what time it is.
func (k call) skew(date string, now time.Time) time.Duration {
	server, err := http.ParseTime(date)
	if err != nil || !k.form.Has("assertion") && !k.form.Has("client_assertion") {
		return 0
	}
	if skew := now.Sub(server).Round(time.Second); skew.Abs() >= leastSkew {
		return skew
	}
	return 0
}

func (k call) request(ctx context.Context, body *onceBody) (*http.Request, error) {
	method := http.MethodGet
	if k.form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, k.url, nil)
	if err != nil {
		return nil, err
	}
	if k.form != nil {
		req.Body = body
		req.ContentLength = int64(len(body.text))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if !k.bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+k.bearer.Reveal())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sftoken")
	return req, nil
}

// onceBody is a request body that can be read once. Since the request has no GetBody, net/http can neither rewind nor
// repeat it; and whether the transport ever read it proves whether what it holds can have left this machine.
type onceBody struct {
	mu     sync.Mutex
	text   string
	offset int
	sealed bool
}

func (b *onceBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return 0, errors.New("request was given up")
	}
	if b.offset == len(b.text) {
		return 0, io.EOF
	}
	n := copy(p, b.text[b.offset:])
	b.offset += n
	return n, nil
}

func (b *onceBody) Close() error { return nil }

// seal ends the body and reports whether none of it was read. Without it a transport that still holds the request after
// an error could send it later.
func (b *onceBody) seal() (untouched bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	return b.offset == 0
}
