package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// login starts `sftoken login` for an app without a secret, on a port of its own, and answers what it asks.
func (p *person) login(s *emulatortest.Server, alias, clientID string) (_ *session, redirect string) {
	p.t.Helper()
	redirect = freeCallback(p.t)
	session := p.start("login", alias, "--host", s.URL, "--client-id", clientID, "--redirect-uri", redirect)
	session.answer(map[string]string{"en": "Client secret:", "ja": "クライアントシークレット:"}[p.language], "")
	return session, redirect
}

// exchanges counts the codes that the emulator exchanged.
func exchanges(s *emulatortest.Server) (n int) {
	for _, r := range s.Emulator().Requests() {
		if r.Endpoint == emulator.Token && r.GrantType == "authorization_code" && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// keepsGrant fails unless the person now has a token that the API takes.
func (p *person) keepsGrant(s *emulatortest.Server) {
	p.t.Helper()
	var token string
	p.run(&token, "token", "acme")
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, s.URL+"/services/data/v64.0/limits", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := s.Client().Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Errorf("API answers %d to the stored token", response.StatusCode)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	b, p := newTab(t, "en", 1280), newPerson(t, "en")
	session, _ := p.login(s, "acme", emulator.ClientIDRotating)
	b.open(session.address())
	b.signIn(emulator.Username, "not the password")
	b.says("Username and password do not belong together")
	b.signIn(emulator.Username, emulator.Password)
	b.decide("allow")
	b.says(emulator.Username)
	session.exits(0)
	p.keepsGrant(s)
	if got := exchanges(s); got != 1 {
		t.Errorf("%d codes were exchanged, want 1", got)
	}
}

func TestLoginDenied(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	b, p := newTab(t, "en", 1280), newPerson(t, "en")
	session, _ := p.login(s, "acme", emulator.ClientIDRotating)
	b.logIn(session.address(), "deny")
	session.exits(3)
	if said := session.seen(); !strings.Contains(said, "hint:") {
		t.Errorf("no hint after a denial:\n%s", said)
	}
	if got := exchanges(s); got != 0 {
		t.Errorf("%d codes were exchanged, want none", got)
	}
}

// While the code is being exchanged the person reloads the callback: the code is exchanged once, and both see success.
func TestLoginReloadedCallback(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	s.Emulator().Fail(emulator.Fault{Endpoint: emulator.Token, Times: 1, Delay: 3 * time.Second})
	b, p := newTab(t, "en", 1280), newPerson(t, "en")
	session, redirect := p.login(s, "acme", emulator.ClientIDRotating)
	b.open(session.address())
	b.signIn(emulator.Username, emulator.Password)
	b.again(b.leave("button[name=decision][value=allow]", redirect))
	b.says(emulator.Username)
	session.exits(0)
	p.keepsGrant(s)
	if got := exchanges(s); got != 1 {
		t.Errorf("%d codes were exchanged, want 1", got)
	}
}

// C-25: favicons, probes and forged answers neither end nor disturb the login that waits.
func TestLoginStrayRequests(t *testing.T) {
	t.Parallel()
	s := emulatortest.Start(t)
	b, p := newTab(t, "en", 1280), newPerson(t, "en")
	session, redirect := p.login(s, "acme", emulator.ClientIDRotating)
	address := session.address()
	origin := strings.TrimSuffix(redirect, "/callback")
	state := "0000000000000000000000"
	for _, stray := range []string{
		"/favicon.ico", "/robots.txt", "/", "/callback", "/callback?code=forged", "/callback?code=forged&state=" + state,
		"/callback?error=access_denied&state=" + state, "/callback?" + url.Values{"state": {state, state}}.Encode(),
	} {
		b.open(origin + stray)
		if text := b.text(); strings.Contains(text, "forged") {
			t.Errorf("%s: the page repeats what it was sent", stray)
		}
	}
	b.logIn(address, "allow")
	b.says(emulator.Username)
	session.exits(0)
	p.keepsGrant(s)
}
