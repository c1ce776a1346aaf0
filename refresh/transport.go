package refresh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
)

// Transport is an http.RoundTripper that calls Salesforce's APIs with a grant's access token.
//
// A request may name a path only ("/services/data"), or the full URL at the org's instance. When an answer to a refresh
// moves the org to another instance, requests for the old one go to the new one. A host that is neither an instance of
// this grant nor trusted by it gets no token: the request fails.
//
// When the API says that the session has expired, the token is refreshed once and the request sent again, if its body can
// be read twice (http.NewRequest sees to that for the common kinds). An answer that no refresh cures is handed on.
type Transport struct {
	Engine *Engine
	Alias  string
	Base   http.RoundTripper // nil: http.DefaultTransport

	seen sync.Map // "https://host" of every instance so far
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	access, err := t.Engine.Token(req.Context(), t.Alias)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := t.send(req, req.Body, access)
	if err != nil || !curable(res) {
		return res, err
	}
	renewed, err := t.Engine.Reject(req.Context(), t.Alias, access.Token)
	if _, policy := errors.AsType[*RejectedError](err); policy {
		return res, nil
	}
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	body, replayable := secondBody(req)
	if !replayable {
		return res, nil // the next request has the new token
	}
	res.Body.Close()
	return t.send(req, body, renewed)
}

// send sends a copy of req, since a RoundTripper must not change it.
func (t *Transport) send(req *http.Request, body io.ReadCloser, access *Access) (*http.Response, error) {
	target, err := t.target(req.URL, access)
	if err != nil {
		if body != nil {
			body.Close()
		}
		return nil, err
	}
	own := req.Clone(req.Context())
	own.URL, own.Body = target, body
	if target.Host != req.URL.Host {
		own.Host = ""
	}
	own.Header.Set("Authorization", "Bearer "+access.Token.Reveal())
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(own)
}

// target says where a request goes.
func (t *Transport) target(u *url.URL, access *Access) (*url.URL, error) {
	instance, err := url.Parse(access.InstanceURL)
	if err != nil || instance.Host == "" {
		return nil, fmt.Errorf("call api of %s: grant has no instance URL", t.Alias)
	}
	t.seen.LoadOrStore(origin(instance), struct{}{})
	if _, ours := t.seen.Load(origin(u)); ours || u.Host == "" {
		moved := *u
		moved.Scheme, moved.Host = instance.Scheme, instance.Host
		return &moved, nil
	}
	if err := access.trusts(u.String()); err != nil {
		return nil, fmt.Errorf("call api of %s: send access token: %w", t.Alias, err)
	}
	return u, nil
}

func origin(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// apiErrorLimit is how much of an error is read to see what it says.
const apiErrorLimit = 64 << 10

// curable reports whether a refresh can help (salesforce-oauth.md section 4, failures.md F1 and F4), leaving the body to be
// read again.
func curable(res *http.Response) bool {
	if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
		return false
	}
	head, err := io.ReadAll(io.LimitReader(res.Body, apiErrorLimit))
	res.Body = &readAgain{io.MultiReader(bytes.NewReader(head), res.Body), res.Body}
	if err != nil {
		return false
	}
	if res.StatusCode == http.StatusForbidden {
		return bytes.Contains(head, []byte("Bad_OAuth_Token"))
	}
	for _, policy := range []string{
		"This session is not valid for use with the REST API", // no api scope, or API access control
		"Connected app is not attached to Agent",
	} {
		if bytes.Contains(head, []byte(policy)) {
			return false
		}
	}
	return bytes.Contains(head, []byte("INVALID_SESSION_ID"))
}

type readAgain struct {
	io.Reader
	io.Closer
}

// secondBody returns the body for sending the request again, and whether there can be one.
func secondBody(req *http.Request) (io.ReadCloser, bool) {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return req.Body, true
	case req.GetBody == nil:
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// trusts reports whether the token may be sent to rawURL (C-44).
func (a *Access) trusts(rawURL string) error {
	return sftoken.HostRules{Allow: a.allow}.Trusts(a.login, rawURL)
}
