package emulator

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Set-up pages: an administrator makes an external client app by hand and reads its key and secret. The steps and labels are
// those of Setup's External Client App Manager; the addresses are the emulator's own.
const setupPath = "/setup/apps"

// setupScopes are offered by the form, the most wanted first.
var setupScopes = []string{
	"api", "refresh_token", "openid", "id", "web", "full", "visualforce", "chatter_api", "custom_permissions", "wave_api", "lightning", "content", "sfap_api", "mcp_api",
}

type setupPage struct {
	page
	CSRF, Root, Home string
	Username         string
}

// administers returns the administrator at this browser. Somebody else has been answered already.
func (s *Server) administers(c *call, permission Permission) (*account, setupPage) {
	who := s.browsing(c)
	if who == nil {
		c.redirect(c.realm.prefix + "/?" + url.Values{"startURL": {c.realm.prefix + c.r.URL.Path}}.Encode())
		return nil, setupPage{}
	}
	view := setupPage{page: s.newPage(c, who), CSRF: s.csrf(s.browserName(c)), Root: c.realm.prefix + setupPath, Home: c.realm.prefix + "/", Username: who.user.Username}
	textID := ""
	switch {
	case !who.may(permission) && (permission != ManageApps || !who.may(CustomizeApplication)):
		textID = "setup_denied"
	case c.r.Method == http.MethodPost && !s.ownForm(c):
		c.entry.Error = "foreign_form"
		textID = "form_foreign"
	default:
		return who, view
	}
	s.render(c, http.StatusForbidden, "error", errorView{page: view.page, TextID: textID})
	return nil, setupPage{}
}

type setupListView struct {
	setupPage
	Org  string
	Apps []setupEntry
}

type setupEntry struct {
	Label, Name, Kind, Link string
}

func (s *Server) setupList(c *call) {
	who, base := s.administers(c, ManageApps)
	if who == nil {
		return
	}
	view := setupListView{setupPage: base, Org: who.org.Name}
	s.mu.Lock()
	for _, app := range s.appsIn(&who.org) {
		entry := setupEntry{Label: app.name(), Name: app.apiName(), Kind: "setup_connected"}
		if app.External {
			entry.Kind, entry.Link = "setup_external", base.Root+"/"+app.id()
		}
		view.Apps = append(view.Apps, entry)
	}
	s.mu.Unlock()
	s.render(c, http.StatusOK, "setup_list", view)
}

type setupFormView struct {
	setupPage
	App       *App
	Callbacks string
	Scopes    []setupScope
	ErrorID   string
	Reason    string
	New       bool
	Action    string
}

type setupScope struct {
	Name, Label string
	Checked     bool
}

// setupApp finds the external client app that the path names; nil after an answer.
func (s *Server) setupApp(c *call, who *account, view setupPage) *App {
	s.mu.Lock()
	app := s.appByID(&who.org, c.r.PathValue("app"))
	s.mu.Unlock()
	if app == nil || !app.External {
		s.render(c, http.StatusNotFound, "error", errorView{page: view.page, TextID: "setup_unknown"})
		return nil
	}
	return app
}

func (s *Server) setupNew(c *call) {
	if who, base := s.administers(c, ManageApps); who != nil {
		app := s.newApp(who, "", true)
		app.ContactEmail, app.Scopes = who.user.Email, []string{"api", "refresh_token"}
		s.showSetupForm(c, base, app, nil, "", "")
	}
}

func (s *Server) setupEdit(c *call) {
	if who, base := s.administers(c, ManageApps); who != nil {
		if app := s.setupApp(c, who, base); app != nil {
			s.showSetupForm(c, base, app, app, "", "")
		}
	}
}

func (s *Server) showSetupForm(c *call, base setupPage, app, before *App, errorID, reason string) {
	view := setupFormView{setupPage: base, App: app, Callbacks: strings.Join(app.Callbacks, "\n"), ErrorID: errorID, Reason: reason, New: before == nil, Action: base.Root}
	if before != nil {
		view.Action = base.Root + "/" + before.id()
	}
	for _, name := range setupScopes {
		view.Scopes = append(view.Scopes, setupScope{name, view.scopeLabel(name), slices.Contains(app.Scopes, name)})
	}
	status := http.StatusOK
	if errorID != "" {
		status = http.StatusBadRequest
	}
	s.render(c, status, "setup_form", view)
}

// setupSave takes the form, for a new app or one that is there.
func (s *Server) setupSave(c *call) {
	who, base := s.administers(c, ManageApps)
	if who == nil {
		return
	}
	var before *App
	app := s.newApp(who, "", true)
	app.Disabled = false // the form has the OAuth settings too
	if c.r.PathValue("app") != "" {
		if before = s.setupApp(c, who, base); before == nil {
			return
		}
		app = before.clone()
		app.ID = before.id()
	}
	app.fill(c.r.PostForm)
	errorID, reason := app.mistake()
	if other := s.sameName(who, app); errorID == "" && other != nil && (before == nil || other.ClientID != before.ClientID) {
		errorID = "setup_taken"
	}
	if errorID != "" {
		s.showSetupForm(c, base, app, before, errorID, reason)
		return
	}
	s.saveApp(app, before)
	c.redirect(base.Root + "/" + app.id())
}

func (s *Server) sameName(who *account, app *App) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appNamed(&who.org, app.apiName())
}

// fill takes the values of the form.
func (a *App) fill(form url.Values) {
	a.Label, a.ContactEmail = strings.TrimSpace(form.Get("label")), strings.TrimSpace(form.Get("email"))
	a.Name = strings.TrimSpace(cmp.Or(form.Get("name"), developerName(a.Label)))
	a.Description = strings.TrimSpace(form.Get("description"))
	a.Callbacks = strings.Fields(form.Get("callbacks"))
	a.Scopes = slices.DeleteFunc(slices.Clone(form["scope"]), func(scope string) bool { return !slices.Contains(setupScopes, scope) })
	a.PKCERequired, a.Rotation = form.Has("pkce"), form.Has("rotation")
	a.SecretOptional, a.SecretOptionalForRefresh = !form.Has("secret_web"), !form.Has("secret_refresh")
}

// mistake names what a person has to correct: the id of a text, and a reason for it.
func (a *App) mistake() (textID, reason string) {
	switch {
	case a.Label == "" || len(a.Label) > 80 || a.Name != developerName(a.Name):
		return "setup_bad_name", ""
	case !strings.Contains(a.ContactEmail, "@"):
		return "setup_bad_email", ""
	case len(a.Callbacks) == 0:
		return "setup_no_callback", ""
	case len(a.Scopes) == 0:
		return "setup_no_scope", ""
	}
	for _, callback := range a.Callbacks {
		u, err := url.Parse(callback)
		if err != nil || u.Scheme == "" || (u.Scheme == "http" && u.Hostname() != "localhost") {
			return "setup_bad_callback", callback // Salesforce takes http for localhost only
		}
	}
	if err := a.validate(); err != nil {
		return "setup_invalid", strings.TrimPrefix(err.Error(), fmt.Sprintf("check app %q: ", a.ClientID))
	}
	return "", ""
}

type setupAppView struct {
	setupPage
	App     *App
	Name    string
	Scopes  []scopeView
	Delay   string
	Edit    string
	Secrets string
}

func (s *Server) setupRead(c *call) {
	who, base := s.administers(c, ManageApps)
	if who == nil {
		return
	}
	app := s.setupApp(c, who, base)
	if app == nil {
		return
	}
	here := base.Root + "/" + app.id()
	view := setupAppView{setupPage: base, App: app, Name: app.apiName(), Edit: here + "/edit", Secrets: here + "/consumer"}
	if s.propagating(app.ClientID) {
		view.Delay = s.propagation.String()
	}
	for _, scope := range app.Scopes {
		view.Scopes = append(view.Scopes, scopeView{scope, view.scopeLabel(scope)})
	}
	s.render(c, http.StatusOK, "setup_app", view)
}

type setupSecretsView struct {
	setupPage
	App     *App
	Back    string
	Action  string
	Code    string // of the message that would have been sent
	ErrorID string
	Key     string
	Secret  string
}

// setupSecrets shows key and secret after an identity check: at Salesforce a code by e-mail, here a code on the page, since no
// mail is sent. The code belongs to the browser, and each page shows the values once.
func (s *Server) setupSecrets(c *call) {
	who, base := s.administers(c, ViewClientSecret)
	if who == nil {
		return
	}
	app := s.setupApp(c, who, base)
	if app == nil {
		return
	}
	back := base.Root + "/" + app.id()
	view := setupSecretsView{setupPage: base, App: app, Back: back, Action: back + "/consumer", Code: s.identityCode(c)}
	status := http.StatusOK
	if c.r.Method == http.MethodPost {
		if hmac.Equal([]byte(strings.TrimSpace(c.r.PostForm.Get("emc"))), []byte(view.Code)) {
			view.Key, view.Secret = app.ClientID, app.ClientSecret
		} else {
			view.ErrorID, status = "setup_wrong_code", http.StatusBadRequest
		}
	}
	s.render(c, status, "setup_secrets", view)
}

// identityCode has six digits and belongs to one browser.
func (s *Server) identityCode(c *call) string {
	cookie, err := c.r.Cookie(browserCookie)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, s.csrfKey)
	mac.Write([]byte("identity " + cookie.Value))
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(mac.Sum(nil))%1_000_000)
}
