package foreign

import (
	"fmt"
	"net/http"
	"testing"

	salesforce "github.com/k-capehart/go-salesforce/v3"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

const securityToken = "Token0001" // go-salesforce takes no password without one

// go-salesforce gets a token by each flow that it has, reads records with it, and gets another when that one has died.
func goSalesforce(t *testing.T) {
	s := emulatortest.Start(t)
	withKey(t, s, emulator.ClientIDConfidential)
	if err := s.Emulator().UpdateUser(emulator.Username, func(u *emulator.User) { u.SecurityToken = securityToken }); err != nil {
		t.Fatal(err)
	}
	for grantType, creds := range map[string]salesforce.Creds{
		"password": {
			Domain: s.URL, Username: emulator.Username, Password: emulator.Password, SecurityToken: securityToken,
			ConsumerKey: emulator.ClientIDConfidential, ConsumerSecret: emulator.ClientSecretConfidential,
		},
		"client_credentials": {
			Domain: s.URL + "/acme", ConsumerKey: emulator.ClientIDConfidential, ConsumerSecret: emulator.ClientSecretConfidential,
		},
		jwtGrant: {
			Domain: s.URL, Username: emulator.Username, ConsumerKey: emulator.ClientIDConfidential, ConsumerRSAPem: signingKey().private,
		},
	} {
		client, err := salesforce.Init(creds)
		if err != nil {
			t.Errorf("%s: %v", grantType, err)
			continue
		}
		for round := 1; round <= 2; round++ {
			if err := oneUser(client); err != nil {
				t.Errorf("%s: round %d: %v", grantType, round, err)
			}
			if got := counted(s, grantType, http.StatusOK); got != round {
				t.Errorf("%s: round %d: the emulator counted %d token requests", grantType, round, got)
			}
			s.Emulator().ExpireSessions()
		}
	}
}

func goSalesforceGivenToken(t *testing.T) {
	s := emulatortest.Start(t)
	given, err := s.Emulator().Approve(emulator.ClientIDPublic, emulator.Username)
	if err != nil {
		t.Fatal(err)
	}
	client, err := salesforce.Init(salesforce.Creds{Domain: s.URL, AccessToken: given.AccessToken})
	if err != nil {
		t.Fatal(err)
	}
	if err := oneUser(client); err != nil {
		t.Error(err)
	}
	s.Emulator().ExpireSessions()
	if err := oneUser(client); err == nil {
		t.Error("a query succeeds with a token that has died")
	}
	if got := s.Emulator().TokenRequests(); got != 0 {
		t.Errorf("the emulator counted %d token requests", got)
	}
}

func oneUser(client *salesforce.Salesforce) error {
	var users []struct{ Username string }
	err := client.Query("SELECT Username FROM User WHERE Username = '"+emulator.Username+"'", &users)
	if err == nil && (len(users) != 1 || users[0].Username != emulator.Username) {
		err = fmt.Errorf("the query finds %+v", users)
	}
	return err
}
