package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// attempt is an authorize request that passed the checks and waits for a person. Its id travels in the address as "source".
type attempt struct {
	clientID    string
	response    responseType
	redirectURI string
	state       string
	challenge   string
	nonce       string
	loginHint   string
	display     string
	scopes      []string
	askConsent  bool // prompt=consent
	mustLogIn   bool // prompt=login, until done
	started     time.Time
}

const consentPath = "/setup/secur/RemoteAccessAuthorizationPage.apexp"

// authorize answers /services/oauth2/authorize. The order of the checks is Salesforce's: client, callback, response type,
// PKCE, scope; the person and the app's policies come after the login.
func (s *Server) authorize(c *call) {
	a := &attempt{
		clientID: c.form.Get("client_id"), redirectURI: c.form.Get("redirect_uri"), response: responseTypeOf(c), state: c.form.Get("state"),
		challenge: c.form.Get("code_challenge"), nonce: c.form.Get("nonce"), loginHint: c.form.Get("login_hint"),
		display: c.form.Get("display"), started: s.now(),
	}
	app := s.app(a.clientID)
	if no := s.check(c, a, app); no != nil {
		s.refuseBrowser(c, a, no)
		return
	}
	if a.response == withCredentials {
		if !s.codeCredentials(c, a, app) {
			s.showLogin(c, "", "", "")
		}
		return
	}
	prompt := strings.Fields(c.form.Get("prompt"))
	a.mustLogIn = slices.Contains(prompt, "login") || slices.Contains(prompt, "select_account")
	a.askConsent = slices.Contains(prompt, "consent")
	if c.form.Get("immediate") == "true" || slices.Contains(prompt, "none") {
		s.immediate(c, a, app)
		return
	}
	query := url.Values{"source": {s.remember(a)}}
	if a.display != "" {
		query.Set("display", a.display)
	}
	c.redirect(c.realm.prefix + consentPath + "?" + query.Encode())
}

// check fills in the scopes and returns the first refusal. The callback is emptied unless it may be trusted.
func (s *Server) check(c *call, a *attempt, app *App) *refusal {
	redirectURI := a.redirectURI
	a.redirectURI = ""
	switch {
	case app == nil:
		return refusedClientID
	case redirectURI == "":
		return refusedNoRedirect
	case redirectURI == "urn:ietf:wg:oauth:2.0:oob":
		return refusedOutOfBand
	case !app.registered(redirectURI, c.base):
		return refusedRedirect
	}
	a.redirectURI = redirectURI
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, c.r.Method) {
		return refusedNotGet
	}
	switch {
	case a.response.inFragment():
		a.challenge = "" // there is no code to bind
		var no *refusal
		a.scopes, no = app.grantable(c.form.Get("scope"))
		return no
	case a.response != withCode && a.response != withCredentials:
		return refusedResponseType
	}
	// A missing method is S256: jsforce and the Salesforce CLI send only the challenge.
	if method := c.form.Get("code_challenge_method"); method != "" && method != "S256" {
		return refusedPlain
	}
	if a.challenge == "" && app.PKCERequired {
		return refusedNoChallenge
	}
	var no *refusal
	a.scopes, no = app.grantable(c.form.Get("scope"))
	return no
}

// grantable returns the scopes to grant for a request: all of the app's when none is asked for, else those asked for, in
// the app's order. Within "id" are profile, email, address and phone; "full" holds everything but refresh_token.
func (a *App) grantable(requested string) ([]string, *refusal) {
	wanted := strings.Fields(requested)
	if len(wanted) == 0 {
		return normalScopes(a.Scopes), nil
	}
	has := normalScopes(a.Scopes)
	for _, scope := range normalScopes(wanted) {
		switch {
		case !slices.Contains(allScopes, scope):
			return nil, refusedScope
		case slices.Contains(has, scope), slices.Contains(has, "full") && scope != "refresh_token":
		case slices.Contains([]string{"profile", "email", "address", "phone"}, scope) && slices.Contains(has, "id"):
		default:
			return nil, refusedScopeOfApp
		}
	}
	return normalScopes(wanted), nil
}

// normalScopes writes offline_access as refresh_token, which it is another name of, and drops doubles.
func normalScopes(scopes []string) []string {
	var out []string
	for _, scope := range scopes {
		if scope == "offline_access" {
			scope = "refresh_token"
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out
}

// immediate answers without showing a page.
func (s *Server) immediate(c *call, a *attempt, app *App) {
	who := s.browsing(c)
	if who == nil || a.mustLogIn {
		s.refuseBrowser(c, a, refusedImmediate)
		return
	}
	if no := s.refusesPerson(c, a, app, who); no != nil {
		s.refuseBrowser(c, a, no)
		return
	}
	if a.askConsent || !s.consentGiven(a, app, who) {
		s.refuseBrowser(c, a, refusedImmediate)
		return
	}
	s.finish(c, a, app, who)
}

// refusesPerson checks what can be checked once the person is known: the account, the org's demand for PKCE, then the app's
// policies.
func (s *Server) refusesPerson(c *call, a *attempt, app *App, who *account) *refusal {
	if no := who.refused(); no != nil {
		return no
	}
	switch {
	case who.org.HTTPSRequired && !strings.HasPrefix(c.base, "https:"):
		return refusedHTTPS
	case who.org.BlockUserAgent && a.response.inFragment():
		return refusedResponseType // inferred: the org does not have this one
	case who.org.PKCERequired && a.challenge == "" && !a.response.inFragment():
		return refusedNoChallengeOrg
	}
	if no := app.admits(who); no != nil {
		return no
	}
	return s.restricted(c, app, who, byPerson)
}

// consentGiven reports whether the consent page may be left out.
func (s *Server) consentGiven(a *attempt, app *App, who *account) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return app.AdminApproved || s.approvedScopes(a.clientID, who, a.scopes, now)
}

// finish sends the browser to the callback with a code, or with tokens in the fragment.
func (s *Server) finish(c *call, a *attempt, app *App, who *account) {
	if a.response.inFragment() {
		s.finishWithTokens(c, a, app, who)
		return
	}
	now := s.now()
	s.mu.Lock()
	code := s.giveCode(a, who, now)
	s.mu.Unlock()
	parameters := fields{{"code", code}}
	if site := who.org.site(who.user.Site); site != nil {
		parameters = append(parameters, c.communityFields(who, site)...)
	}
	c.callback(a, parameters...)
}

// remember keeps an attempt and returns its id.
func (s *Server) remember(a *attempt) string {
	source := s.mint(32)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attempts) >= maxUnclaimed {
		deleteFunc(s.attempts, func(old *attempt) bool { return a.started.Sub(old.started) >= attemptLife })
	}
	if len(s.attempts) >= maxUnclaimed {
		clear(s.attempts) // an hour's flood: the people among them start again
	}
	s.attempts[source] = a
	return source
}

// attempt returns a copy of the attempt that source names, and its app; nil when there is none or it is an hour old.
func (s *Server) attempt(source string) (*attempt, *App) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.attempts[source]
	if a == nil || now.Sub(a.started) >= attemptLife {
		return nil, nil
	}
	copied := *a
	return &copied, s.apps[a.clientID]
}

// sourceOf reads the attempt's id from the address of its consent page.
func sourceOf(startURL string) string {
	u, err := url.Parse(startURL)
	if err != nil || !strings.HasSuffix(u.Path, consentPath) {
		return ""
	}
	return u.Query().Get("source")
}
