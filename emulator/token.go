package emulator

import (
	"cmp"
	"net/http"
	"time"
)

// flow is one grant_type of the token endpoint.
type flow struct {
	// secretOptional says whether the app may come without authenticating itself.
	secretOptional func(*App) bool
	// appByGrant leaves it to run to find the app: an assertion or another token names it.
	appByGrant bool
	// takesScope lets the parameter scope through; other flows refuse it (observed).
	takesScope bool
	run        func(*call, *App, time.Time) (*issued, *refusal)
}

// issued is what a flow gives away. Its values are copies: the grant may change as soon as the lock is released.
type issued struct {
	app          *App
	who          *account
	scopes       []string
	accessToken  string
	refreshToken string // "" leaves the field out
	session      *session
	nonce        string // for the ID token
	at           time.Time
	without      []string // fields that this flow does not answer
	extra        fields
}

// flowOf finds the flow of a token request.
func (s *Server) flowOf(c *call) (flow, bool) {
	always := func(*App) bool { return true }
	never := func(*App) bool { return false }
	switch grant := c.form.Get("grant_type"); grant {
	case "authorization_code":
		return flow{secretOptional: (*App).codeNeedsNoSecret, run: s.exchangeCode}, true
	case "hybrid_auth_code":
		return flow{secretOptional: (*App).codeNeedsNoSecret, run: s.hybrid(s.exchangeCode)}, true
	case "refresh_token":
		return flow{secretOptional: (*App).refreshNeedsNoSecret, run: s.refresh}, true
	case "hybrid_refresh":
		return flow{secretOptional: (*App).refreshNeedsNoSecret, run: s.hybrid(s.refresh)}, true
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return flow{appByGrant: true, run: s.jwtBearer}, true
	case "urn:ietf:params:oauth:grant-type:saml2-bearer":
		return flow{appByGrant: true, run: s.samlBearer}, true
	case "assertion":
		return flow{appByGrant: true, run: s.samlAssertion}, true
	case "client_credentials":
		return flow{secretOptional: never, run: s.clientCredentials}, true
	case "password":
		return flow{secretOptional: never, run: s.password}, true
	case "device":
		return flow{secretOptional: always, run: s.pollDevice}, true
	case tokenExchangeGrant:
		if c.form.Has("actor_token") {
			return flow{appByGrant: true, run: s.assetToken}, true
		}
		return flow{secretOptional: (*App).exchangeNeedsNoSecret, takesScope: true, run: s.exchangeToken}, true
	}
	return flow{}, false
}

func (a *App) codeNeedsNoSecret() bool     { return a.SecretOptional }
func (a *App) refreshNeedsNoSecret() bool  { return a.SecretOptionalForRefresh }
func (a *App) exchangeNeedsNoSecret() bool { return a.SecretOptionalForExchange }

// token answers POST /services/oauth2/token. It never says expires_in, but for asset tokens: Salesforce does not. The device
// flow starts here too, with response_type=device_code and no grant_type.
func (s *Server) token(c *call) {
	if c.r.Method != http.MethodPost {
		c.refuse(refusedMethod)
		return
	}
	if c.form.Get("grant_type") == "" && c.form.Get("response_type") == "device_code" {
		s.startDevice(c)
		return
	}
	given, no := s.grantTokens(c)
	if no != nil {
		c.refuse(no)
		return
	}
	answer, err := s.tokenAnswer(c, given)
	if err != nil {
		s.log.Error("sign token", "error", err)
		c.refuse(&refusal{code: "server_error", description: "token could not be signed"})
		return
	}
	c.answer(http.StatusOK, answer)
}

// grantTokens runs the flow that a token request asks for.
func (s *Server) grantTokens(c *call) (*issued, *refusal) {
	flow, known := s.flowOf(c)
	if !known {
		return nil, refusedGrantType
	}
	var app *App
	if !flow.appByGrant {
		var no *refusal
		if app, no = s.authenticate(c, flow.secretOptional); no != nil {
			return nil, no
		}
		if app.Disabled {
			return nil, refusedAppDisabled
		}
	}
	if c.form.Has("scope") && !flow.takesScope {
		return nil, refusedScopeParam
	}
	given, no := flow.run(c, app, s.now())
	if given != nil {
		given.app = cmp.Or(given.app, app)
	}
	return given, no
}
