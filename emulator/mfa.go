package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// VerificationCode is the code that the emulator takes wherever Salesforce would send one or an authenticator would show it.
const VerificationCode = "123456"

// check is a login whose password was right and whose code is still to come. Server.mu guards it.
type check struct {
	who      *account
	startURL string
	started  time.Time
	wrong    int
}

const (
	verifyPath = "/_ui/identity/verification"
	checkLife  = 10 * time.Minute
	maxWrong   = 5
)

// askCode sends a browser to the page for the code.
func (s *Server) askCode(c *call, who *account, startURL string) {
	name := s.nameBrowser(c) // a new one: the old may have been planted
	now := s.now()
	s.mu.Lock()
	deleteFunc(s.checks, func(old *check) bool { return now.Sub(old.started) >= checkLife })
	s.checks[name] = &check{who: who, startURL: startURL, started: now}
	s.mu.Unlock()
	c.redirect(c.realm.prefix + verifyPath)
}

// waiting returns the login of this browser that waits for a code; nil if there is none.
func (s *Server) waiting(c *call) *check {
	cookie, err := c.r.Cookie(browserCookie)
	if err != nil {
		return nil
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.checks[cookie.Value]
	if waiting == nil || now.Sub(waiting.started) >= checkLife || !c.realm.holds(waiting.who) {
		return nil
	}
	copied := *waiting
	return &copied
}

type verifyView struct {
	page
	CSRF, Username, Code string
	Wrong                bool
	Left                 string // attempts
}

func (s *Server) verifyPage(c *call) {
	if waiting := s.waiting(c); waiting != nil {
		s.showVerify(c, waiting)
		return
	}
	c.redirect(c.realm.prefix + "/")
}

func (s *Server) showVerify(c *call, waiting *check) {
	s.render(c, http.StatusOK, "verify", verifyView{
		page: s.newPage(c, waiting.who), CSRF: s.csrf(s.browserName(c)), Username: waiting.who.user.Username, Code: VerificationCode,
		Wrong: waiting.wrong > 0, Left: strconv.Itoa(maxWrong - waiting.wrong),
	})
}

// verify takes the form of the code page. After five wrong codes the login starts again.
func (s *Server) verify(c *call) {
	waiting := s.waiting(c)
	if waiting == nil || !s.ownForm(c) {
		c.entry.Error = "foreign_form"
		s.showLogin(c, "", "", "login_stale")
		return
	}
	cookie, _ := c.r.Cookie(browserCookie) // there, or nothing would wait
	right := sameSecret(strings.TrimSpace(c.r.PostForm.Get("smc")), VerificationCode)
	if !right {
		waiting.wrong++
	}
	s.mu.Lock()
	if right || waiting.wrong >= maxWrong {
		delete(s.checks, cookie.Value)
	} else {
		s.checks[cookie.Value] = waiting
	}
	s.mu.Unlock()
	switch {
	case right:
		s.enter(c, waiting.who, waiting.startURL)
	case waiting.wrong >= maxWrong:
		c.entry.Error = "wrong_code"
		s.showLogin(c, waiting.startURL, waiting.who.user.Username, "login_wrong")
	default:
		c.entry.Error = "wrong_code"
		s.showVerify(c, waiting)
	}
}
