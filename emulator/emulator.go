// Package emulator is Salesforce's login server as an http.Handler: for tests, for demos, and for anybody who writes
// against Salesforce without an org.
//
// It answers authorize (with the pages a person sees), token with each of Salesforce's flows, revoke, introspect, userinfo,
// the identity URL, the signing keys, both discovery documents, headless identity at sites, and as much of the data API as
// clients call right after a login. It is strict where
// Salesforce is strict, refuses in Salesforce's words, and misbehaves on demand ([Server.Fail]).
//
// What it will not do: keep anything on disk, issue tokens that Salesforce would take, or answer under one of Salesforce's
// own host names. It is written from Salesforce's documents alone and imports nothing of this module, so that it and the
// client are two independent readings of them. Anybody may import it.
//
// Where it departs from Salesforce on purpose:
//
//   - The identity URL ("id") carries the host that the client used; Salesforce puts its pool host there. A client that can
//     reach only the emulator could not follow it.
//   - An app may accept a callback on any port of localhost ([App.AnyLoopbackPort]); Salesforce compares ports.
//   - /.well-known/oauth-authorization-server is served on a plain address too, since one address plays every host.
package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a Server behaves. The zero value is ready to use.
type Options struct {
	// Config holds the orgs, users and apps. Nil means DefaultConfig().
	Config *Config
	// Now is the clock. Nil means time.Now. Advance adds to it.
	Now func() time.Time
	// Seed makes every token, code and id of a run the same again. 0 takes them from the system's random source.
	// Signing keys are random in any case.
	Seed uint64
	// Steady keeps what Salesforce does not promise the same in every answer: the order of JSON members and scopes, the length
	// of tokens, fields that are sometimes there. It is for demos and printed examples; a test that needs it relies on too much.
	Steady bool
	// Strict switches on what Salesforce has announced for 2026 and 2027: PKCE and rotation for every app, refresh tokens that
	// die when idle for 30 days, no more retired flows. Nothing that changes orgs and apps later can switch it off.
	Strict bool
	// Log is told one line a request, secrets as fingerprints. Nil means silence.
	Log *slog.Logger
	// BaseURL is the address that clients reach the emulator under, such as "https://sf.example.test:8443". It appears
	// in instance_url, id and the discovery documents. Empty means: the scheme and Host of each request.
	BaseURL string
}

// Server is one emulated Salesforce. All its state is in memory. Its methods may be called from several goroutines.
type Server struct {
	clock    func() time.Time
	advance  atomic.Int64 // nanoseconds added by Advance
	strict   bool
	seed     uint64   // of the dice that faults roll
	ordered  []Fault  // by the configuration
	first    []string // client ids of the configured apps, in their order
	random   *random
	log      *slog.Logger
	baseURL  string
	mux      *http.ServeMux
	patterns []string // of mux, for the tests that go through all of them
	keys     keys
	csrfKey  []byte
	signers  sync.Map // consumer secret to its *sync.Pool of HMACs

	addressHeader string
	propagation   time.Duration
	deployTime    time.Duration
	org           *administration

	mu sync.Mutex // guards state; held for map look-ups, never while writing or signing
	state
	fresh *Snapshot // as New made it, for Reset

	journal journal
	faults  faults
}

// New returns a Server for o. It fails when the configuration contradicts itself or BaseURL is one of Salesforce's hosts.
func New(o Options) (*Server, error) {
	config := o.Config
	if config == nil {
		config = DefaultConfig()
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if err := CheckBaseURL(o.BaseURL); err != nil {
		return nil, err
	}
	if o.Strict {
		config = config.tightened()
	}
	assets() // a mistake in a page stops every test at once
	s := &Server{
		clock:   o.Now,
		random:  newRandom(o.Seed, o.Steady),
		log:     o.Log,
		baseURL: strings.TrimRight(o.BaseURL, "/"),
		state:   newState(config),
		strict:  o.Strict,
		seed:    o.Seed,
		ordered: config.Faults,

		addressHeader: config.AddressHeader,
		propagation:   config.PropagationDelay,
		deployTime:    cmp.Or(config.DeployTime, time.Second),
		org:           newAdministration(),
	}
	if s.seed == 0 {
		s.seed = mathrand.Uint64()
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, app := range config.Apps {
		s.first = append(s.first, app.ClientID)
	}
	s.csrfKey = []byte(s.mint(32))
	s.fresh = s.Snapshot()
	s.Script(s.ordered...)
	s.routes()
	return s, nil
}

// routes holds every endpoint. Paths that Salesforce serves with several methods check the method themselves, because
// Salesforce's answer to a wrong one is its own.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for pattern, handle := range map[string]func(*call){
		"/services/oauth2/authorize":                            s.authorize,
		"/services/oauth2/authorize/{brand}":                    s.authorize,
		"/services/oauth2/token":                                s.token,
		"/services/oauth2/revoke":                               s.revoke,
		"/services/oauth2/introspect":                           s.introspect,
		"/services/oauth2/userinfo":                             s.userinfo,
		"/services/oauth2/singleaccess":                         s.singleaccess,
		"GET /services/oauth2/success":                          s.success,
		"/id/{org}/{user}":                                      s.identity,
		"GET /id/keys":                                          s.jwks,
		"GET /.well-known/openid-configuration":                 s.openidConfiguration,
		"GET /.well-known/oauth-authorization-server":           s.authorizationServer,
		"GET /setup/secur/RemoteAccessAuthorizationPage.apexp":  s.consentPage,
		"POST /setup/secur/RemoteAccessAuthorizationPage.apexp": s.decide,
		"GET /setup/secur/RemoteAccessErrorPage.apexp":          s.errorPage,
		"GET /{$}":                      s.loginPage,
		"POST /{$}":                     s.login,
		"GET " + verifyPath:             s.verifyPage,
		"POST " + verifyPath:            s.verify,
		"GET " + samlPagePath:           s.samlPage,
		devicePath:                      s.devicePage,
		"GET /services/oauth2/echo":     s.echo,
		"GET /services/oauth2/callback": s.success,
		"POST /services/auth/headless/init/registration":       s.headlessRegistration,
		"POST /services/auth/headless/init/passwordless/login": s.headlessLogin,
		"POST /services/auth/headless/forgot_password":         s.headlessPassword,
		"GET /secur/logout.jsp":                                s.logout,
		"GET /services/auth/idp/oidc/logout":                   s.logout,
		"/secur/frontdoor.jsp":                                 s.frontdoor,
		"GET /services/data":                                   s.versions,
		"GET /services/data/{$}":                               s.versions,
		"GET /services/data/{version}":                         s.data(s.resources),
		"GET /services/data/{version}/{$}":                     s.data(s.resources),
		"GET /services/data/{version}/limits":                  s.data(s.limits),
		"GET /services/data/{version}/limits/{$}":              s.data(s.limits),
		"GET /services/data/{version}/query":                   s.data(s.query),
		"GET /services/data/{version}/query/{$}":               s.data(s.query),
		"GET /services/data/{version}/tooling/query":           s.data(s.toolingQuery),
		"GET /services/data/{version}/tooling/query/{$}":       s.data(s.toolingQuery),
		"/services/data/{version}/{rest...}":                   s.data(s.noResource),
	} {
		s.on(pattern, handle)
	}
	s.orgRoutes()
}

func (s *Server) on(pattern string, handle func(*call)) {
	s.patterns = append(s.patterns, pattern)
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := w.(carrier).carried()
		c.w, c.r = w, r
		handle(c)
	})
}

// Now is the time on the emulator's clock.
func (s *Server) Now() time.Time { return s.now() }

func (s *Server) now() time.Time { return s.clock().Add(time.Duration(s.advance.Load())) }

// Advance moves the emulator's clock forward by d: codes, sessions and idle refresh tokens age by that much at once.
func (s *Server) Advance(d time.Duration) { s.advance.Add(int64(d)) }

// App returns a copy of the app as it is now.
func (s *Server) App(clientID string) (App, bool) {
	s.settleDeployments()
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.apps[clientID]
	if app == nil {
		return App{}, false
	}
	return *app.clone(), true
}

// UpdateApp changes an app's switches while the server runs, as an administrator would in Setup. Requests that are being
// answered see the app as it was. An error, because of an unknown client id or a contradiction, leaves it unchanged.
func (s *Server) UpdateApp(clientID string, change func(*App)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.apps[clientID]
	if app == nil {
		return fmt.Errorf("update app %q: no such app", clientID)
	}
	changed := app.clone()
	change(changed)
	if changed.ClientID != clientID {
		return errors.New("update app: the client id cannot change")
	}
	if s.strict {
		changed.tighten()
	}
	if err := changed.validate(); err != nil {
		return err
	}
	s.apps[clientID] = changed
	s.saved(clientID)
	return nil
}

// app is the app as the login servers know it: nil while it propagates.
func (s *Server) app(clientID string) *App {
	if s.propagating(clientID) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[clientID]
}
