package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// letter is a headless request that waits for the code that Salesforce would send by e-mail or text message.
type letter struct {
	purpose string // the Auth-Request-Type that finishes it
	site    string
	who     *account
	issued  time.Time
}

const (
	namedUser         = "named-user"
	userRegistration  = "user-registration"
	passwordlessLogin = "passwordless-login" // believed; the others are in the Headless Identity guide
	letterLife        = 10 * time.Minute
)

// codeCredentials answers authorize with response_type=code_credentials: the app brings the user's password, or the code of a
// headless registration or login, in a header or the body, and gets an authorization code as JSON. It returns false when the
// request does not count as headless; then Salesforce shows its login page (observed).
func (s *Server) codeCredentials(c *call, a *attempt, app *App) bool {
	kind := strings.ToLower(c.r.Header.Get("Auth-Request-Type"))
	name, password := c.r.PostForm.Get("username"), c.r.PostForm.Get("password")
	if !app.CodeCredentialsPostOnly && name == "" {
		name, password, _ = c.r.BasicAuth()
	}
	inBody := c.r.Method == http.MethodPost || !app.CodeCredentialsPostOnly
	if !app.CodeCredentials || !inBody || name == "" || !slices.Contains([]string{namedUser, userRegistration, passwordlessLogin}, kind) {
		return false
	}
	s.mu.Lock()
	org := s.dir.org(c.realm.orgID)
	allowed := org != nil && org.CodeCredentials
	s.mu.Unlock()
	if !allowed {
		return false
	}
	who, no := s.headlessUser(c, kind, name, password)
	if no == nil {
		no = s.refusesPerson(c, a, app, who)
	}
	if no != nil {
		c.refuse(no)
		return true
	}
	now := s.now()
	s.mu.Lock()
	code := s.giveCode(a, who, now)
	s.mu.Unlock()
	answer := fields{{"code", code}}
	if a.state != "" {
		answer = append(answer, field{"state", a.state})
	}
	if site := c.realm.site; site != nil {
		answer = append(answer, c.communityFields(who, site)...)
	}
	c.answer(http.StatusOK, shuffle(c, answer))
	return true
}

// headlessUser checks what the app brought: a password, or an identifier and its code. A new user is created now.
func (s *Server) headlessUser(c *call, kind, name, secret string) (*account, *refusal) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == namedUser {
		who := s.dir.find(name)
		switch {
		case who == nil || !c.realm.holds(who) || !sameSecret(secret, who.user.Password):
			return nil, refusedUserCredentials
		case who.user.MFA:
			return nil, refusedUserCredentials // the flow has no page to ask for a code (observed)
		case !s.dir.count(who, now):
			return nil, refusedRate
		}
		return who, nil
	}
	waiting := s.letters[name]
	if waiting == nil || waiting.purpose != kind || c.realm.site == nil || waiting.site != c.realm.site.Prefix || now.Sub(waiting.issued) >= letterLife || !sameSecret(secret, VerificationCode) {
		return nil, refusedOTP
	}
	delete(s.letters, name)
	if kind == userRegistration {
		if s.dir.find(waiting.who.user.Username) != nil {
			return nil, refusedRegistration
		}
		s.dir.add(waiting.who)
	}
	if !s.dir.count(waiting.who, now) {
		return nil, refusedRate
	}
	return s.dir.current(waiting.who), nil
}

// headlessBody reads the JSON of a headless request, or answers itself: only a site that allows it has these endpoints.
func (s *Server) headlessBody(c *call, into any) bool {
	if c.realm.site == nil || !c.realm.site.Headless {
		c.notFound()
		return false
	}
	if err := json.NewDecoder(c.r.Body).Decode(into); err != nil {
		c.refuse(refusedJSON)
		return false
	}
	return true
}

// headlessRegistration starts the registration of a new external user, and answers the identifier that the code belongs to.
func (s *Server) headlessRegistration(c *call) {
	var body struct {
		User struct {
			FirstName string `json:"firstName"`
			LastName  string `json:"lastName"`
			Email     string `json:"email"`
			Username  string `json:"username"`
		} `json:"userdata"`
		Password string `json:"password"`
	}
	if !s.headlessBody(c, &body) {
		return
	}
	username := strings.TrimSpace(body.User.Username)
	if username == "" {
		username = strings.TrimSpace(body.User.Email)
	}
	s.mu.Lock()
	org := s.dir.org(c.realm.orgID)
	taken := s.dir.find(username) != nil
	who := &account{org: *org, user: User{
		Username: username, Password: body.Password, FirstName: body.User.FirstName, LastName: body.User.LastName, Email: body.User.Email,
		Language: "en_US", Locale: "en_US", Timezone: "GMT", Site: c.realm.site.Prefix,
	}}
	s.mu.Unlock()
	if username == "" || body.Password == "" || body.User.LastName == "" || taken {
		c.refuse(refusedRegistration)
		return
	}
	who.user.ID = "005EMU" + strings.Map(alphanumeric, s.mint(9))
	c.answer(http.StatusOK, shuffle(c, fields{{"status", "success"}, {"identifier", s.post(userRegistration, who)}}))
}

// alphanumeric keeps an id to letters and digits.
func alphanumeric(r rune) rune {
	if r == '.' || r == '_' {
		return '0'
	}
	return r
}

// headlessLogin starts a login without a password. Whether the user exists is not told.
func (s *Server) headlessLogin(c *call) {
	var body struct {
		Username string `json:"username"`
	}
	if !s.headlessBody(c, &body) {
		return
	}
	s.mu.Lock()
	who := s.dir.find(body.Username)
	s.mu.Unlock()
	identifier := s.mint(32) // one that nothing waits under
	if who != nil && c.realm.holds(who) {
		identifier = s.post(passwordlessLogin, who)
	}
	c.answer(http.StatusOK, shuffle(c, fields{{"status", "success"}, {"identifier", identifier}}))
}

// post makes a letter and returns its identifier.
func (s *Server) post(purpose string, who *account) string {
	identifier := s.mint(32)
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	deleteFunc(s.letters, func(old *letter) bool { return now.Sub(old.issued) >= letterLife })
	s.letters[identifier] = &letter{purpose: purpose, site: who.user.Site, who: who, issued: now}
	return identifier
}

// headlessPassword has two steps: username alone sends a code, always, even for nobody; then newpassword and otp set the
// password (Headless Identity guide).
func (s *Server) headlessPassword(c *call) {
	var body struct {
		Username string `json:"username"`
		Password string `json:"newpassword"`
		OTP      string `json:"otp"`
	}
	if !s.headlessBody(c, &body) {
		return
	}
	if body.OTP == "" {
		c.answer(http.StatusOK, fields{{"status_code", "otp_sent"}})
		return
	}
	s.mu.Lock()
	who := s.dir.find(body.Username)
	known := who != nil && c.realm.holds(who) && sameSecret(body.OTP, VerificationCode) && body.Password != ""
	if known {
		changed := *who
		changed.user.Password = body.Password
		s.dir.put(&changed)
	}
	s.mu.Unlock()
	if !known {
		c.refuse(refusedOTP)
		return
	}
	c.answer(http.StatusOK, fields{{"status_code", "success"}})
}

// echo is a callback for apps that have none: it answers its parameters as a body. That it is JSON is believed.
func (s *Server) echo(c *call) {
	query, _ := url.ParseQuery(c.r.URL.RawQuery) // what could not be read is not there
	answer := map[string]string{}
	for name := range query {
		answer[name] = query.Get(name)
	}
	c.writeJSON(http.StatusOK, answer)
}
