// Package manage is the management API of an emulator, for tests in any language: it orders faults, moves the clock, takes
// and restores snapshots, shows requests and grants, and changes orgs, users and apps. A page shows all of it to a person.
//
// It belongs on a listener of its own, on loopback, where it asks for no token: it refuses what a browser sends for another
// site (by Host, Origin and Sec-Fetch-Site), so that no web page can reach it. Beyond loopback, give it a token.
//
// What it will not do: show a token or code that a client holds, except in the answer to an approval that it was asked for.
// It uses nothing of package emulator that anybody could not use. Anybody may import it.
package manage

import (
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken/emulator"
)

// Options say who may ask. The zero value is for a listener on loopback.
type Options struct {
	// Token is asked of every request, as a bearer token or as the password of Basic authentication. Empty: none is asked.
	Token string
	// Hosts are names under which the listener is reached, besides those of loopback.
	Hosts []string
}

// API is the handler of one emulator's management API.
type API struct {
	emulator *emulator.Server
	options  Options
	handler  http.Handler

	mu        sync.Mutex
	snapshots map[string]*emulator.Snapshot
	taken     int
}

// New returns the management API of s.
func New(s *emulator.Server, o Options) *API {
	a := &API{emulator: s, options: o, snapshots: map[string]*emulator.Snapshot{}}
	mux := http.NewServeMux()
	for pattern, handle := range a.routes() {
		mux.HandleFunc(pattern, handle)
	}
	a.handler = http.NewCrossOriginProtection().Handler(mux)
	return a
}

func (a *API) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /{$}":          a.page,
		"GET /openapi.yaml": a.document,

		"POST /reset":                  a.reset,
		"GET /clock":                   a.clock,
		"POST /clock":                  a.advance,
		"GET /snapshots":               a.listSnapshots,
		"POST /snapshots":              a.takeSnapshot,
		"DELETE /snapshots/{id}":       a.dropSnapshot,
		"POST /snapshots/{id}/restore": a.restore,

		"GET /requests":    a.requests,
		"DELETE /requests": a.clearRequests,

		"GET /grants":         a.grants,
		"POST /grants":        a.approve,
		"GET /grants/{id}":    a.grant,
		"DELETE /grants/{id}": a.revokeGrant,
		"DELETE /sessions":    a.expireSessions,

		"GET /faults":    a.faults,
		"POST /faults":   a.addFault,
		"PUT /faults":    a.script,
		"DELETE /faults": a.clearFaults,

		"GET /config":                              a.config,
		"PUT /orgs/{my_domain}":                    a.putOrg,
		"PATCH /orgs/{my_domain}":                  a.patchOrg,
		"PUT /orgs/{my_domain}/users/{username}":   a.putUser,
		"PATCH /orgs/{my_domain}/users/{username}": a.patchUser,
		"PUT /apps/{client_id}":                    a.putApp,
		"PATCH /apps/{client_id}":                  a.patchApp,
	}
}

// ServeHTTP answers one request, or says why it may not ask.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch host := hostname(r.Host); {
	case !isLoopback(host) && !slices.Contains(a.options.Hosts, host):
		// A site whose name leads here (DNS rebinding) has its own name in Host.
		refuse(w, http.StatusMisdirectedRequest, "the host "+host+" is not this emulator's: ask by the address that it printed")
	case a.options.Token != "" && !sameToken(token(r), a.options.Token):
		h.Set("WWW-Authenticate", `Basic realm="sftoken emulator", charset="UTF-8"`)
		refuse(w, http.StatusUnauthorized, "the management token is missing or wrong: send Authorization: Bearer TOKEN")
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		a.handler.ServeHTTP(w, r)
	}
}

const maxBody = 4 << 20

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func token(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

func sameToken(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

//go:embed openapi.yaml
var openapi []byte

// document is the OpenAPI description of all this.
func (a *API) document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openapi) // a client that has gone is told nothing
}
