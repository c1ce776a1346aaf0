package emulator

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Endpoint names a group of paths in the journal and in faults.
type Endpoint string

// The endpoints.
const (
	Authorize  Endpoint = "authorize"
	Token      Endpoint = "token"
	Revoke     Endpoint = "revoke"
	Introspect Endpoint = "introspect"
	UserInfo   Endpoint = "userinfo"
	Identity   Endpoint = "identity"
	Keys       Endpoint = "keys"
	Discovery  Endpoint = "discovery"
	Data       Endpoint = "data" // the data API, the list of versions included
	Page       Endpoint = "page" // what a person sees, and the rest
)

// endpoints are all of them.
var endpoints = []Endpoint{Authorize, Token, Revoke, Introspect, UserInfo, Identity, Keys, Discovery, Data, Page}

func endpointOf(path string) Endpoint {
	switch {
	case strings.HasPrefix(path, "/services/data"):
		return Data
	case strings.HasPrefix(path, "/services/oauth2/"):
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "/services/oauth2/"), "/")
		if e := Endpoint(name); slices.Contains([]Endpoint{Authorize, Token, Revoke, Introspect, UserInfo}, e) {
			return e
		}
	case path == "/id/keys":
		return Keys
	case strings.HasPrefix(path, "/id/"):
		return Identity
	case strings.HasPrefix(path, "/.well-known/"):
		return Discovery
	}
	return Page
}

// Request is a journal entry: what a client asked and what it got. Secrets in it are fingerprints; see [Fingerprint].
type Request struct {
	Number     int         `json:"number"` // counted from 1 since the journal was empty
	Time       time.Time   `json:"time"`   // when it came
	Method     string      `json:"method"`
	Host       string      `json:"host"`
	Path       string      `json:"path"` // as asked, with the org's path prefix
	Endpoint   Endpoint    `json:"endpoint"`
	Form       url.Values  `json:"form"` // query and body together
	Header     http.Header `json:"header"`
	ClientID   string      `json:"client_id,omitzero"`
	GrantType  string      `json:"grant_type,omitzero"`
	Username   string      `json:"username,omitzero"` // whose code or token it carries, or who logs in
	BodyLength int64       `json:"body_length"`       // -1: chunked, without Content-Length
	Status     int         `json:"status"`            // of the answer; 0 when none was sent
	Error      string      `json:"error,omitzero"`
	Fault      bool        `json:"fault,omitzero"` // a scripted fault took part
}

// LogValue is the line that a log shows.
func (r *Request) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.Path), slog.String("endpoint", string(r.Endpoint)), slog.Int("status", r.Status),
	}
	for _, optional := range []slog.Attr{slog.String("error", r.Error), slog.String("grant_type", r.GrantType), slog.String("client_id", r.ClientID)} {
		if optional.Value.String() != "" {
			attrs = append(attrs, optional)
		}
	}
	return slog.GroupValue(attrs...)
}

// plainParameters are those whose value is no secret. Every other value is shown as a fingerprint, so that a parameter
// nobody thought of cannot leak.
var plainParameters = map[string]bool{
	"grant_type": true, "response_type": true, "client_id": true, "redirect_uri": true, "scope": true, "prompt": true,
	"display": true, "login_hint": true, "immediate": true, "format": true, "code_challenge_method": true,
	"token_type_hint": true, "username": true, "decision": true, "q": true, "columns": true, "error": true,
	"error_description": true, "callback": true, "version": true, "ec": true, "language": true, "revoke_reason": true,
	"assertion_type": true, "client_assertion_type": true, "subject_token_type": true, "actor_token_type": true, "token_handler": true,
}

var plainHeaders = []string{"Accept", "Accept-Language", "Content-Type", "User-Agent", "Transfer-Encoding"}

// entry is a Request as the journal keeps it: its maps are made when somebody asks.
type entry struct {
	Request
	form, header []parameter
}

// parameter is a value of a form or header. What is secret is a fingerprint from the beginning.
type parameter struct{ name, value string }

// note fills in the redacted request.
func (e *entry) note(r *http.Request, form url.Values) {
	e.BodyLength = r.ContentLength
	authorization := r.Header.Get("Authorization")
	if authorization != "" && form.Get("client_id") == "" {
		if id, _, ok := r.BasicAuth(); ok {
			e.ClientID, _ = url.QueryUnescape(id)
		}
	}
	e.form = make([]parameter, 0, len(form))
	for name, values := range form {
		// Copies: a part of the body, kept, would keep all of it. A body that is nothing but a token has a token for a name.
		if name = strings.Clone(name[:min(len(name), longestKept)]); !plainParameters[name] && !parameterName().MatchString(name) {
			name = Fingerprint(name)
		}
		for _, value := range values {
			if plainParameters[name] {
				value = strings.Clone(value[:min(len(value), longestKept)])
			} else {
				value = Fingerprint(value)
			}
			e.form = append(e.form, parameter{name, value})
			switch name {
			case "client_id":
				e.ClientID = cmp.Or(e.ClientID, value)
			case "grant_type":
				e.GrantType = cmp.Or(e.GrantType, value)
			}
		}
	}
	e.header = make([]parameter, 0, len(plainHeaders)+1)
	for _, name := range plainHeaders {
		for _, value := range r.Header[name] {
			e.header = append(e.header, parameter{name, value})
		}
	}
	if scheme, secret, ok := strings.Cut(authorization, " "); ok {
		e.header = append(e.header, parameter{"Authorization", scheme + " " + Fingerprint(secret)})
	}
}

var parameterName = syntax(`^[A-Za-z][\w.-]{0,31}$`)

// request is e with its maps.
func (e *entry) request() Request {
	r := e.Request
	r.Form, r.Header = url.Values{}, http.Header{}
	for _, p := range e.form {
		r.Form.Add(p.name, p.value)
	}
	for _, p := range e.header {
		r.Header.Add(p.name, p.value)
	}
	return r
}

// longestKept is how much of a name or value the journal remembers.
const longestKept = 4096

// journalSize is how many requests the journal remembers.
const journalSize = 10_000

type journal struct {
	mu      sync.Mutex
	entries []*entry
	next    int // where the oldest entry is, once the journal is full
	count   int // of all requests, the forgotten ones too
	tokens  int
}

func (j *journal) add(entry *entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	entry.Number = j.count
	if entry.Endpoint == Token {
		j.tokens++
	}
	if len(j.entries) < journalSize {
		j.entries = append(j.entries, entry)
		return
	}
	j.entries[j.next] = entry
	j.next = (j.next + 1) % journalSize
}

// Requests returns the last 10,000 requests, oldest first. A request is in it once it has been answered.
func (s *Server) Requests() []Request {
	j := &s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Request, 0, len(j.entries))
	for i := range j.entries {
		out = append(out, j.entries[(j.next+i)%len(j.entries)].request())
	}
	return out
}

// TokenRequests counts the requests to the token endpoint, refused ones too.
func (s *Server) TokenRequests() int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.tokens
}

// ClearRequests empties the journal and sets TokenRequests to 0.
func (s *Server) ClearRequests() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.entries, s.journal.next, s.journal.count, s.journal.tokens = nil, 0, 0, 0
}
