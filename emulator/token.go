package emulator

import (
	"net/http"
	"time"
)

// flow is one grant_type of the token endpoint.
type flow struct {
	secretOptional func(*App) bool
	run            func(*call, *App, time.Time) (*issued, *refusal)
}

// issued is what a flow gives away. Its values are copies: the grant may change as soon as the lock is released.
type issued struct {
	who          *account
	scopes       []string
	accessToken  string
	refreshToken string // "" leaves the field out
	nonce        string // for the ID token
	at           time.Time
}

// token answers POST /services/oauth2/token. It never says expires_in: Salesforce does not.
func (s *Server) token(c *call) {
	if c.r.Method != http.MethodPost {
		c.refuse(refusedMethod)
		return
	}
	var flow flow
	switch c.form.Get("grant_type") {
	case "authorization_code":
		flow.secretOptional, flow.run = (*App).codeNeedsNoSecret, s.exchangeCode
	case "refresh_token":
		flow.secretOptional, flow.run = (*App).refreshNeedsNoSecret, s.refresh
	default:
		c.refuse(refusedGrantType)
		return
	}
	app, no := s.authenticate(c, flow.secretOptional)
	switch {
	case no != nil:
	case app.Disabled:
		no = refusedAppDisabled
	case c.form.Has("scope"):
		no = refusedScopeParam
	}
	if no != nil {
		c.refuse(no)
		return
	}
	given, no := flow.run(c, app, s.now())
	if no != nil {
		c.refuse(no)
		return
	}
	answer, err := s.tokenAnswer(c, app, given)
	if err != nil {
		s.log.Error("sign ID token", "error", err)
		c.refuse(&refusal{code: "server_error", description: "ID token could not be signed"})
		return
	}
	c.answer(http.StatusOK, answer)
}

func (a *App) codeNeedsNoSecret() bool    { return a.SecretOptional }
func (a *App) refreshNeedsNoSecret() bool { return a.SecretOptionalForRefresh }
