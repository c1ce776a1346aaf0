package foreign

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// used is what a client in Node tells after it has queried the user and read the identity URL.
type used struct {
	Found, Username, AccessToken string
	Refreshes                    int
}

// use has the script use its token, and the API too.
func (js *script) use(t *testing.T, s *emulatortest.Server) used {
	t.Helper()
	var u used
	js.tell(t, "use", nil, &u)
	if u.Found != emulator.Username || u.Username != emulator.Username {
		t.Errorf("the query finds %q, the identity URL %q", u.Found, u.Username)
	}
	if !works(t, s, u.AccessToken) {
		t.Error("the API refuses the script's token")
	}
	return u
}

func jsforceWebServer(t *testing.T) {
	s := emulatortest.Start(t)
	js := startScript(t, "jsforce", "jsforce")
	var begun struct{ AuthorizeURL string }
	js.tell(t, "begin", told{
		"loginUrl": s.URL, "clientId": emulator.ClientIDPublic, "redirectUri": callbackURL, "useVerifier": true,
		"scope": "api refresh_token", "state": "a state",
	}, &begun)
	back := approve(t, s, begun.AuthorizeURL).Query()
	if back.Get("state") != "a state" {
		t.Errorf("state %q", back.Get("state"))
	}
	var user struct{ ID, OrganizationID string }
	js.tell(t, "authorize", told{"code": back.Get("code")}, &user)
	if user.ID == "" || user.OrganizationID == "" {
		t.Errorf("authorize tells user %q of org %q", user.ID, user.OrganizationID)
	}
	for round := range 3 {
		if u := js.use(t, s); u.Refreshes != round || counted(s, "refresh_token", http.StatusOK) != round {
			t.Errorf("round %d: jsforce counted %d refreshes, the emulator %d", round, u.Refreshes, counted(s, "refresh_token", http.StatusOK))
		}
		s.Emulator().ExpireSessions()
	}
	js.tell(t, "use", nil, nil) // another access token, that the next line ends with the rest of the grant
	js.tell(t, "logout", told{"revoke": true}, nil)
	if grants := s.Emulator().Grants(emulator.GrantFilter{}); len(grants) != 1 || grants[0].RevokedAt.IsZero() {
		t.Error("the grant lives after logout(true)")
	}
}

func jsforceOthers(t *testing.T) {
	s := emulatortest.Start(t)
	withKey(t, s, emulator.ClientIDConfidential)
	js := startScript(t, "jsforce", "jsforce")
	app := told{"loginUrl": s.URL, "clientId": emulator.ClientIDConfidential, "clientSecret": emulator.ClientSecretConfidential}

	js.tell(t, "begin", app, nil)
	js.tell(t, "login", told{"username": emulator.Username, "password": emulator.Password}, nil)
	js.use(t, s)
	s.Emulator().ExpireSessions()
	js.use(t, s)
	if got := counted(s, "password", http.StatusOK); got != 2 {
		t.Errorf("the emulator counted %d password logins, want 2", got)
	}

	js.tell(t, "begin", told{"loginUrl": s.URL, "clientId": emulator.ClientIDConfidential}, nil)
	js.tell(t, "authorize", told{"grant_type": jwtGrant, "assertion": assertion(t, s.URL)}, nil)
	last := js.use(t, s)
	js.tell(t, "logout", nil, nil)
	if works(t, s, last.AccessToken) {
		t.Error("the access token lives after logout")
	}

	app["loginUrl"] = s.URL + "/acme"
	js.tell(t, "begin", app, nil)
	js.tell(t, "authorize", told{"grant_type": "client_credentials"}, nil)
	js.use(t, s)
}

// SOAP login and logout, and records in pages of 200, the smallest that Salesforce has.
func jsforceSOAP(t *testing.T) {
	config := emulator.DefaultConfig()
	for i := range 500 {
		config.Orgs[0].Users = append(config.Orgs[0].Users, emulator.User{
			ID: fmt.Sprintf("005EMU%09d", 1000+i), Username: fmt.Sprintf("user%d@acme.example", i), Password: emulator.Password,
		})
	}
	s := emulatortest.Start(t, emulator.Options{Config: config})
	js := startScript(t, "jsforce", "jsforce")
	js.tell(t, "begin", told{"loginUrl": s.URL}, nil)
	js.tell(t, "login", told{"username": emulator.Username, "password": emulator.Password}, nil)
	var paged struct{ Total, Records int }
	js.tell(t, "page", nil, &paged)
	if want := len(config.Orgs[0].Users); paged.Total != want || paged.Records != want {
		t.Errorf("jsforce counts %d users and reads %d, want %d", paged.Total, paged.Records, want)
	}
	s.Emulator().ExpireSessions()
	last := js.use(t, s)
	if got := seen(s, "/services/Soap/u/"); got != 2 {
		t.Errorf("the emulator counted %d SOAP calls, want 2 logins", got)
	}
	js.tell(t, "logout", nil, nil)
	if works(t, s, last.AccessToken) {
		t.Error("the session lives after logout")
	}
	err := js.try("login", told{"username": emulator.Username, "password": "wrong"}, nil)
	if err == nil || !strings.Contains(err.Error(), "Invalid username, password, security token") {
		t.Errorf("login with a wrong password: %v", err)
	}
}
