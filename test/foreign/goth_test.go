package foreign

import (
	"net/http"
	"testing"

	"github.com/markbates/goth/providers/salesforce"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// goth logs a user in to a web site, by the identity URL.
func gothSalesforce(t *testing.T) {
	s := emulatortest.StartTLS(t)
	salesforce.AuthURL, salesforce.TokenURL = s.URL+"/services/oauth2/authorize", s.URL+"/services/oauth2/token" // nobody else's
	provider := salesforce.New(emulator.ClientIDConfidential, emulator.ClientSecretConfidential, callbackURL, "api", "refresh_token", "id")
	provider.HTTPClient = s.Client()

	session, err := provider.BeginAuth("a state")
	if err != nil {
		t.Fatal(err)
	}
	address, err := session.GetAuthURL()
	if err != nil {
		t.Fatal(err)
	}
	back := approve(t, s, address).Query()
	if back.Get("state") != "a state" {
		t.Errorf("state %q", back.Get("state"))
	}
	if _, err := session.Authorize(provider, back); err != nil {
		t.Fatal(err)
	}
	user, err := provider.FetchUser(session)
	if err != nil {
		t.Fatal(err)
	}
	if user.Email != emulator.Username || user.Name != "Amelia Earhart" || user.UserID == "" {
		t.Errorf("user %q, %q, %q", user.UserID, user.Name, user.Email)
	}

	s.Emulator().ExpireSessions()
	token, err := provider.RefreshToken(user.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if !works(t, s, token.AccessToken) || counted(s, "refresh_token", http.StatusOK) != 1 {
		t.Error("goth's refresh gave no token that works")
	}
}
