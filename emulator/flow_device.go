package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// device is a login of something without a browser: it shows a user code, which a person types at /setup/connect elsewhere.
// Server.mu guards its fields.
type device struct {
	clientID string
	userCode string
	scopes   []string
	started  time.Time
	asked    time.Time // last poll
	who      *account  // who allowed it
	denied   bool
}

const (
	devicePath      = "/setup/connect"
	deviceInterval  = 5 * time.Second
	deviceLife      = 10 * time.Minute // about, says the Salesforce CLI
	userCodeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
)

// startDevice answers the first request of the device flow: response_type=device_code at the token endpoint. No
// expires_in and no verification_uri_complete (observed). The app need not authenticate.
func (s *Server) startDevice(c *call) {
	app, no := s.authenticate(c, func(*App) bool { return true })
	var scopes []string
	switch {
	case no != nil:
	case app.Disabled:
		no = refusedAppDisabled
	case app.NotInstalled && app.External:
		no = refusedAppNotFound
	case app.NotInstalled:
		no = refusedNotInstalled // users who approved it before are refused too (Salesforce help 005132365)
	case !app.DeviceFlow:
		no = refusedNoDeviceFlow
	default:
		scopes, no = app.grantable(c.form.Get("scope"))
	}
	if no != nil {
		c.refuse(no)
		return
	}
	code := s.mintCode()
	d := &device{clientID: app.ClientID, userCode: s.mintUserCode(), scopes: scopes, started: s.now()}
	s.mu.Lock()
	if len(s.devices) >= maxUnclaimed {
		deleteFunc(s.devices, func(old *device) bool { return d.started.Sub(old.started) >= deviceLife })
	}
	if len(s.devices) >= maxUnclaimed {
		clear(s.devices)
	}
	s.devices[code] = d
	s.mu.Unlock()
	seconds := strconv.Itoa(int(deviceInterval / time.Second))
	c.answer(http.StatusOK, shuffle(c, fields{
		{"device_code", code}, {"user_code", d.userCode}, {"verification_uri", c.base + devicePath}, {"interval", seconds},
	}))
}

// mintUserCode makes eight letters and digits that nobody mistakes for others.
func (s *Server) mintUserCode() string {
	var code [8]byte
	s.random.read(code[:])
	for i, b := range code {
		code[i] = userCodeLetters[b%byte(len(userCodeLetters))]
	}
	return string(code[:])
}

// pollDevice is grant_type=device (not RFC 8628's name for it), asked every interval. There is no expired_token: an old code
// is invalid_grant.
func (s *Server) pollDevice(c *call, app *App, now time.Time) (*issued, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := c.form.Get("code")
	d := s.devices[code]
	if d == nil || d.clientID != app.ClientID {
		return nil, refusedDeviceCode
	}
	// Half a second's grace: a client that counts from its own clock is not too fast.
	early := !d.asked.IsZero() && now.Sub(d.asked) < deviceInterval-500*time.Millisecond
	d.asked = now
	switch {
	case now.Sub(d.started) >= deviceLife:
		return nil, refusedDeviceExpired
	case !app.DeviceFlow:
		return nil, refusedNoDeviceFlow
	case d.denied:
		return nil, refusedByUser
	case early:
		return nil, refusedDeviceTooFast
	case d.who == nil:
		return nil, refusedDevicePending
	}
	who := s.dir.current(d.who)
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := app.admits(who); no != nil {
		return nil, no
	}
	if no := s.restricted(c, app, who, byOther); no != nil {
		return nil, no
	}
	delete(s.devices, code)
	g := s.approve(app.ClientID, who, d.scopes, now)
	a := s.openSession(g, app, now)
	return &issued{who: who, scopes: g.scopes, session: a, accessToken: a.token, refreshToken: g.refreshToken, at: now}, nil
}

type deviceView struct {
	page
	CSRF, UserCode, ErrorID  string
	AppLabel, Name, Username string
	Org                      string
	Scopes                   []scopeView
	Refresh                  bool
	Done                     string // text id, once decided
}

// devicePage is where a person types the code, sees who asks for what, and decides: GET, then POST once or twice.
func (s *Server) devicePage(c *call) {
	userCode := strings.ToUpper(strings.Join(strings.Fields(c.form.Get("user_code")), ""))
	who := s.browsing(c)
	if who == nil {
		here := c.realm.prefix + devicePath
		if userCode != "" {
			here += "?" + url.Values{"user_code": {userCode}}.Encode()
		}
		c.redirect(c.realm.prefix + "/?" + url.Values{"ec": {"302"}, "startURL": {here}}.Encode())
		return
	}
	view := deviceView{page: s.newPage(c, who), CSRF: s.csrf(s.browserName(c)), UserCode: userCode, Name: who.name(), Username: who.user.Username, Org: who.org.Name}
	if c.r.Method != http.MethodPost {
		s.render(c, http.StatusOK, "device", view)
		return
	}
	if !s.ownForm(c) {
		c.entry.Error = "foreign_form"
		s.render(c, http.StatusForbidden, "error", errorView{page: view.page, TextID: "form_foreign"})
		return
	}
	if no := s.decideDevice(c, who, &view); no != nil {
		s.refuseBrowser(c, nil, no)
		return
	}
	s.render(c, http.StatusOK, "device", view)
}

// decideDevice fills in view for the code that was typed, and notes the decision if there is one.
func (s *Server) decideDevice(c *call, who *account, view *deviceView) *refusal {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *device
	for _, d := range s.devices {
		if d.userCode == view.UserCode && d.who == nil && !d.denied && now.Sub(d.started) < deviceLife {
			found = d
		}
	}
	if found == nil {
		c.entry.Error = "wrong_user_code"
		view.ErrorID = "device_wrong"
		return nil
	}
	app := s.apps[found.clientID]
	if no := who.refused(); no != nil {
		return no
	}
	if no := app.admits(who); no != nil {
		return no
	}
	if no := s.restricted(c, app, who, byPerson); no != nil {
		return no
	}
	switch decision := c.r.PostForm.Get("decision"); {
	case decision == "allow" && !s.dir.count(who, now):
		return refusedRate
	case decision == "allow":
		found.who, view.Done = who, "device_allowed"
	case decision == "deny":
		found.denied, view.Done = true, "device_denied"
	default:
		view.AppLabel = app.name()
		for _, scope := range found.scopes {
			view.Scopes = append(view.Scopes, scopeView{scope, view.scopeLabel(scope)})
		}
		view.Refresh = slices.Contains(found.scopes, "refresh_token")
	}
	return nil
}
