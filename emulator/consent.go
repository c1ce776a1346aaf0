package emulator

import (
	"net/http"
	"net/url"
)

type consentView struct {
	page
	CSRF, AppLabel, Org, Name, Username string
	Action, Switch, Callback            string
	Scopes                              []scopeView
	Refresh                             bool
}

type scopeView struct{ Name, Label string }

// ready returns the attempt and the person of a consent request. When somebody has to log in first, or the attempt is over,
// or a policy says no, it has answered already and returns nil.
func (s *Server) ready(c *call) (*attempt, *App, *account) {
	source := c.form.Get("source")
	a, app := s.attempt(source)
	if a == nil {
		c.entry.Error = "attempt_over"
		s.render(c, http.StatusBadRequest, "error", errorView{page: s.newPage(c, s.browsing(c)), TextID: "attempt_over"})
		return nil, nil, nil
	}
	who := s.browsing(c)
	if who == nil || a.mustLogIn {
		// ec=302 is what Salesforce's own redirect carries.
		login := url.Values{"ec": {"302"}, "startURL": {c.realm.prefix + consentPath + "?" + url.Values{"source": {source}}.Encode()}}
		if a.loginHint != "" {
			login.Set("un", a.loginHint)
		}
		c.redirect(c.realm.prefix + "/?" + login.Encode())
		return nil, nil, nil
	}
	if no := s.refusesPerson(c, a, app, who); no != nil {
		s.refuseBrowser(c, a, no)
		return nil, nil, nil
	}
	return a, app, who
}

// consentPage asks whether the app may have what it wants, unless that was settled before.
func (s *Server) consentPage(c *call) {
	a, app, who := s.ready(c)
	if a == nil {
		return
	}
	if !a.askConsent && s.consentGiven(a, app, who) {
		s.finish(c, a, app, who)
		return
	}
	here := c.realm.prefix + consentPath + "?" + url.Values{"source": {c.form.Get("source")}}.Encode()
	view := consentView{
		page: s.newPage(c, who), CSRF: s.csrf(s.browserName(c)), AppLabel: app.name(), Org: who.org.Name, Name: who.name(),
		Username: who.user.Username, Action: here, Callback: a.redirectURI,
		Switch: c.realm.prefix + "/?" + url.Values{"ec": {"302"}, "startURL": {here}}.Encode(),
	}
	for _, scope := range a.scopes {
		view.Scopes = append(view.Scopes, scopeView{scope, view.scopeLabel(scope)})
		view.Refresh = view.Refresh || scope == "refresh_token"
	}
	s.render(c, http.StatusOK, "consent", view)
}

// decide takes the form of the consent page: decision is allow or deny.
func (s *Server) decide(c *call) {
	a, app, who := s.ready(c)
	switch {
	case a == nil:
	case !s.ownForm(c):
		c.entry.Error = "foreign_form"
		s.render(c, http.StatusForbidden, "error", errorView{page: s.newPage(c, who), TextID: "form_foreign"})
	case c.r.PostForm.Get("decision") == "allow":
		s.finish(c, a, app, who)
	default:
		s.refuseBrowser(c, a, refusedByUser)
	}
}

type errorView struct {
	page
	TextID            string // of our own text, instead of a code
	Code, Description string
	Shown             string // "CODE : text", as Salesforce's page has it
}

// errorPage is RemoteAccessErrorPage: the reason is in its address, and not always on the page.
func (s *Server) errorPage(c *call) {
	const longest = 300
	code, description := c.form.Get("error"), c.form.Get("error_description")
	code, description = code[:min(len(code), longest)], description[:min(len(description), longest)]
	view := errorView{page: s.newPage(c, s.browsing(c)), Code: code, Description: description, Shown: code + " : " + description}
	if description == refusedNotInstalled.description || description == refusedNoChallengeOrg.description {
		view.Shown = genericPageText
	}
	s.render(c, http.StatusOK, "error", view)
}

type successView struct {
	page
	Code, Description string // of an error
}

// success is the landing page for programs that cannot listen: the person copies its address.
func (s *Server) success(c *call) {
	view := successView{page: s.newPage(c, s.browsing(c)), Code: c.form.Get("error"), Description: c.form.Get("error_description")}
	s.render(c, http.StatusOK, "success", view)
}
