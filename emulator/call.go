package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// call is one request on its way through the emulator.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	form    url.Values // query and body; the body's value comes first
	realm   realm
	root    string     // the emulator's own address: scheme and host, without a trailing slash
	base    string     // the address to put in answers: root and the realm's path prefix
	address netip.Addr // where it comes from, once somebody asked
	entry   *entry
	// proved says that the app has authenticated itself: by its secret or an assertion.
	proved bool
	random *random

	// Here for a single allocation.
	url      url.URL
	request  http.Request
	recorder recorder
}

// carrier is a ResponseWriter that knows its call: how a call passes through http.ServeMux without a context of its own.
type carrier interface{ carried() *call }

// maxBody is more than any request of the OAuth endpoints needs.
const maxBody = 1 << 20

// ServeHTTP answers one request. A scripted fault that cuts the connection panics with http.ErrAbortHandler, which
// net/http's server takes as the order to do so.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostname(r.Host)
	if salesforceHost(host) {
		// An emulator that answers under Salesforce's name could collect real passwords.
		http.Error(w, fmt.Sprintf("this is an emulator: it does not answer as %s", host), http.StatusMisdirectedRequest)
		return
	}
	c := &call{random: s.random, entry: &entry{Request: Request{Time: s.now(), Method: r.Method, Host: r.Host, Path: r.URL.Path}}}
	c.realm = s.realmOf(host, r.URL.Path)
	c.root = s.baseURL
	if c.root == "" {
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		c.root = scheme + r.Host
	}
	c.base = c.root + c.realm.prefix
	s.settleDeployments()

	// sf asks for //services/data/… when an instance URL was stored with its trailing slash; ServeMux would redirect.
	path := "/" + strings.TrimLeft(strings.TrimPrefix("/"+strings.TrimLeft(r.URL.Path, "/"), c.realm.prefix), "/")
	c.url = url.URL{Path: path, RawQuery: r.URL.RawQuery}
	c.request = *r // its URL changes, and the caller's must not
	c.request.URL = &c.url
	out := &c.recorder
	out.ResponseWriter, out.call = w, c
	c.w, c.r = out, &c.request
	c.entry.Endpoint = endpointOf(path)

	defer func() {
		c.entry.Status = out.status
		s.journal.add(c.entry)
		if s.log.Enabled(r.Context(), slog.LevelInfo) {
			s.log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.Any("request", &c.entry.Request))
		}
	}()
	if s.moveOn(c, r) {
		return
	}
	if err := c.parse(); err != nil {
		http.Error(out, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	c.entry.Username = s.whose(c)
	s.withFaults(c, out, func(w http.ResponseWriter) { s.mux.ServeHTTP(w, c.r) })
}

// parse reads the query and a form body: urlencoded or multipart, with or without a Content-Length. Other bodies, JSON
// among them, are left alone: their parameters are absent, which is what Salesforce makes of them.
func (c *call) parse() error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	var err error
	switch contentType := c.r.Header.Get("Content-Type"); {
	case contentType == formType && c.r.Method == http.MethodPost && c.url.RawQuery == "" && 0 < c.r.ContentLength && c.r.ContentLength <= maxBody:
		err = c.parseBody()
	case mediaType(contentType) == "multipart/form-data":
		err = c.r.ParseMultipartForm(maxBody)
	default:
		err = c.r.ParseForm()
	}
	c.form = c.r.Form
	if c.form == nil {
		c.form = url.Values{}
	}
	c.entry.note(c.r, c.form)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return fmt.Errorf("the body is larger than %d bytes", maxBody)
	}
	return nil // what could not be parsed is a missing parameter
}

// parseBody is ParseForm for what nearly every client sends, with one map instead of two.
func (c *call) parseBody() error {
	body := make([]byte, c.r.ContentLength)
	if _, err := io.ReadFull(c.r.Body, body); err != nil {
		return err
	}
	var err error
	c.r.PostForm, err = url.ParseQuery(string(body))
	c.r.Form = c.r.PostForm
	return err
}

const formType = "application/x-www-form-urlencoded"

func mediaType(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind
}

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// bearer is the access token of the request: the Authorization header with Bearer or OAuth, else one of the named
// parameters.
func (c *call) bearer(parameters ...string) string {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth") {
		return strings.TrimSpace(token)
	}
	found := ""
	for _, name := range parameters {
		found = cmp.Or(found, c.form.Get(name))
	}
	return found
}

// recorder notes the status for the journal.
type recorder struct {
	http.ResponseWriter
	call   *call
	status int // 0 until something is written
}

func (r *recorder) carried() *call { return r.call }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
