package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// browserCookie holds the name of a browser: of nobody's until a login gives it a new one.
const browserCookie = "emulator_sid"

// browserName returns the browser's name and gives it one if it has none.
func (s *Server) browserName(c *call) string {
	if cookie, err := c.r.Cookie(browserCookie); err == nil && len(cookie.Value) == 40 {
		return cookie.Value
	}
	return s.nameBrowser(c)
}

func (s *Server) nameBrowser(c *call) string {
	name := s.mint(40)
	http.SetCookie(c.w, &http.Cookie{
		Name: browserCookie, Value: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(c.base, "https:"),
	})
	return name
}

// browsing is who is logged in in this browser and may be here; nil if nobody.
func (s *Server) browsing(c *call) *account {
	cookie, err := c.r.Cookie(browserCookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.browsers[cookie.Value]
	if who == nil {
		return nil
	}
	if who = s.dir.current(who); !c.realm.holds(who) {
		return nil
	}
	return who
}

// openBrowser logs who in, under a new name, so that a name planted before the login is worth nothing.
func (s *Server) openBrowser(c *call, who *account) {
	s.closeBrowser(c)
	name := s.nameBrowser(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers[name] = who
}

func (s *Server) closeBrowser(c *call) {
	if cookie, err := c.r.Cookie(browserCookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.browsers, cookie.Value)
	}
}

// csrf is what a form must bring back: only a page made for this very browser has it.
func (s *Server) csrf(browser string) string {
	mac := hmac.New(sha256.New, s.csrfKey)
	mac.Write([]byte(browser))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func (s *Server) ownForm(c *call) bool {
	cookie, err := c.r.Cookie(browserCookie)
	return err == nil && hmac.Equal([]byte(c.r.PostForm.Get("csrf")), []byte(s.csrf(cookie.Value)))
}

type loginView struct {
	page
	CSRF, StartURL, Username, Password string
	AppLabel, ErrorID                  string
	Users                              []testUser
}

type testUser struct{ Name, Username, Password, Org, Link string }

// shownUsers bounds the list on the login page.
const shownUsers = 10

// loginPage is the page at "/". Without an attempt it is also where somebody who is logged in sees so.
func (s *Server) loginPage(c *call) {
	startURL := c.form.Get("startURL")
	if startURL == "" {
		if who := s.browsing(c); who != nil {
			s.homePage(c, who)
			return
		}
	}
	s.showLogin(c, startURL, c.form.Get("un"), "")
}

func (s *Server) showLogin(c *call, startURL, username, errorID string) {
	view := loginView{
		page: s.newPage(c, nil), CSRF: s.csrf(s.browserName(c)), StartURL: startURL, Username: username, ErrorID: errorID,
	}
	if a, app := s.attempt(sourceOf(startURL)); a != nil {
		view.AppLabel = app.name()
	}
	s.mu.Lock()
	accounts := s.dir.within(c.realm)
	s.mu.Unlock()
	for _, who := range accounts[:min(shownUsers, len(accounts))] {
		link := url.Values{"un": {who.user.Username}}
		if startURL != "" {
			link.Set("startURL", startURL)
		}
		view.Users = append(view.Users, testUser{who.name(), who.user.Username, who.user.Password, who.org.Name, c.realm.prefix + "/?" + link.Encode()})
		// Picking a test user from the list fills in the password too. A login_hint comes with ec=302 and does not.
		if errorID == "" && username == who.user.Username && !c.form.Has("ec") {
			view.Password = who.user.Password
		}
	}
	s.render(c, http.StatusOK, "login", view)
}

// name is what people read.
func (a *App) name() string {
	if a.Label != "" {
		return a.Label
	}
	return a.ClientID
}

// login takes the form of the login page.
func (s *Server) login(c *call) {
	startURL, username := c.r.PostForm.Get("startURL"), strings.TrimSpace(c.r.PostForm.Get("username"))
	if !s.ownForm(c) {
		c.entry.Error = "foreign_form"
		s.showLogin(c, startURL, username, "login_stale")
		return
	}
	now := s.now()
	s.mu.Lock()
	who := s.dir.byName[strings.ToLower(username)]
	known := who != nil && c.realm.holds(who) && sameSecret(c.r.PostForm.Get("pw"), who.user.Password)
	allowed := known && s.dir.count(who, now)
	s.mu.Unlock()
	if !known {
		c.entry.Error = "wrong_password"
		s.showLogin(c, startURL, username, s.refusedLogin(c, who))
		return
	}
	a, _ := s.attempt(sourceOf(startURL))
	if no := s.mayLogIn(c, who, allowed); no != nil {
		s.refuseBrowser(c, a, no)
		return
	}
	if who.user.MFA {
		s.askCode(c, who, startURL)
		return
	}
	s.enter(c, who, startURL)
}

// enter logs who in and goes on to where the login was asked for.
func (s *Server) enter(c *call, who *account, startURL string) {
	s.noteLogin(c, who, nil, byPerson, "Success")
	s.openBrowser(c, who)
	s.loggedIn(sourceOf(startURL))
	if !localPath(startURL) {
		startURL = c.realm.prefix + "/"
	}
	c.redirect(startURL)
}

// loggedIn notes that the login which an attempt asked for has happened.
func (s *Server) loggedIn(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.attempts[source]; a != nil {
		done := *a
		done.mustLogIn = false
		s.attempts[source] = &done
	}
}

// logout ends the browser's session; access and refresh tokens live on.
func (s *Server) logout(c *call) {
	s.closeBrowser(c)
	c.redirect(c.realm.prefix + "/")
}

type homeView struct {
	page
	Name, Username, Org, Logout string
	Grants                      []string
	Setup                       string // "" for who may not set up apps
}

// homePage says who is logged in and which apps that person has approved.
func (s *Server) homePage(c *call, who *account) {
	view := homeView{page: s.newPage(c, who), Name: who.name(), Username: who.user.Username, Org: who.org.Name, Logout: c.realm.prefix + "/secur/logout.jsp"}
	if who.may(ManageApps) || who.may(CustomizeApplication) {
		view.Setup = c.realm.prefix + setupPath
	}
	now := s.now()
	s.mu.Lock()
	for clientID, app := range s.apps {
		if s.approvedScopes(clientID, who, nil, now) {
			view.Grants = append(view.Grants, app.name())
		}
	}
	s.mu.Unlock()
	slices.Sort(view.Grants)
	s.render(c, http.StatusOK, "home", view)
}
