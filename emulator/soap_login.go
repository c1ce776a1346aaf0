package emulator

import (
	"strings"
	"time"
)

var (
	faultLogin  = &soapFault{code: "INVALID_LOGIN", message: "Invalid username, password, security token; or user locked out.", login: true}
	faultIP     = &soapFault{code: "LOGIN_DURING_RESTRICTED_DOMAIN", message: "cannot log in from current IP address", login: true} // code V, text B
	faultHours  = &soapFault{code: "LOGIN_DURING_RESTRICTED_TIME", message: "cannot log in at this time", login: true}              // code V, text B
	faultRate   = &soapFault{code: "LOGIN_RATE_EXCEEDED", message: "login rate exceeded", login: true}
	faultOrg    = &soapFault{code: "ORG_LOCKED", message: "organization is locked", login: true} // text B
	faultNoAPI  = &soapFault{code: "API_CURRENTLY_DISABLED", message: "API is disabled for this User", login: true}
	faultNoAPIs = &soapFault{code: "API_DISABLED_FOR_ORG", message: "API is not enabled for this Organization or Partner", login: true}
)

// soapLogin is the login() of old integrations: user name, and the password with the security token behind it. The session
// that it makes belongs to no app. It goes with Summer '27 (O).
func (s *Server) soapLogin(c *soapCall) (any, *soapFault) {
	who, no := s.knownBySOAP(c)
	if no != nil {
		return nil, no
	}
	switch no := s.restricted(c.call, nil, who, byOther); no {
	case nil:
	case refusedHours:
		return nil, faultHours
	default:
		return nil, faultIP
	}
	s.noteLogin(c.call, who, nil, byOther, "Success")
	now := s.now()
	s.mu.Lock()
	g := &grant{who: who, scopes: []string{"full"}, created: now, used: now}
	a := s.openSession(g, &App{}, now)
	s.mu.Unlock()
	s.bind(c.call, a)
	service := c.instanceURL(who) + "/services/Soap/"
	return tree{
		{"metadataServerUrl", service + "m/" + c.version() + "/" + who.orgID()},
		{"passwordExpired", false},
		{"sandbox", who.org.Sandbox},
		{"serverUrl", service + c.r.PathValue("service") + "/" + c.version() + "/" + who.orgID()},
		{"sessionId", a.token},
		{"userId", who.id()},
		{"userInfo", userInfo(who, a.timeout)},
	}, nil
}

// knownBySOAP checks the credentials and what may be said before the address counts.
func (s *Server) knownBySOAP(c *soapCall) (*account, *soapFault) {
	username := strings.ToLower(strings.TrimSpace(c.operation.value("username")))
	now := s.now()
	s.mu.Lock()
	who := s.dir.byName[username]
	known := who != nil && c.realm.holds(who) && who.passwordFits(c.operation.value("password"))
	allowed := known && s.dir.count(who, now)
	s.mu.Unlock()
	note := func(status string) { s.noteLogin(c.call, who, nil, byOther, status) }
	switch {
	case who == nil:
		return nil, faultLogin
	case !known:
		note("Invalid Password")
		return nil, faultLogin
	case who.user.Inactive:
		note("User is Inactive")
		return nil, faultLogin
	case who.org.Locked:
		note("Organization is locked")
		return nil, faultOrg
	case who.org.APIDisabled:
		return nil, faultNoAPIs
	case !who.may(APIEnabled):
		return nil, faultNoAPI
	case !allowed:
		note("Login Rate Exceeded")
		return nil, faultRate
	}
	return who, nil
}

func (s *Server) soapLogout(c *soapCall) (any, *soapFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.session.revoked = true
	return nil, nil
}

func (s *Server) soapUserInfo(c *soapCall) (any, *soapFault) {
	return userInfo(c.who, c.session.timeout), nil
}

func userInfo(who *account, timeout time.Duration) tree {
	return tree{
		{"accessibilityMode", false},
		{"currencySymbol", "$"},
		{"orgAttachmentFileSizeLimit", 5242880},
		{"orgDefaultCurrencyIsoCode", "USD"},
		{"orgDisallowHtmlAttachments", false},
		{"orgHasPersonAccounts", false},
		{"organizationId", who.orgID()},
		{"organizationMultiCurrency", false},
		{"organizationName", who.org.Name},
		{"profileId", profileID(&who.org, who.profile().Name)},
		{"roleId", nil},
		{"sessionSecondsValid", int(timeout / time.Second)},
		{"userDefaultCurrencyIsoCode", nil},
		{"userEmail", who.user.Email},
		{"userFullName", who.name()},
		{"userId", who.id()},
		{"userLanguage", who.user.Language},
		{"userLocale", who.user.Locale},
		{"userName", who.user.Username},
		{"userTimeZone", who.user.Timezone},
		{"userType", "Standard"},
		{"userUiSkin", "Theme3"},
	}
}
