package explain

import (
	"slices"
	"strings"
)

// Flow is the way in which a token was asked for. The same words mean different things in different flows.
type Flow string

// Flows are all flows that entries tell apart.
var Flows = []Flow{"web", "refresh", "jwt", "client-credentials", "password", "device", "token-exchange", "saml"}

// grantTypes are the flows by the grant_type of their request (RFC 6749, 7523, 8628, 8693, 7522).
var grantTypes = []struct {
	grant string
	flow  Flow
}{
	{"authorization_code", "web"},
	{"hybrid_auth_code", "web"},
	{"refresh_token", "refresh"},
	{"hybrid_refresh", "refresh"},
	{"urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt"},
	{"client_credentials", "client-credentials"},
	{"password", "password"},
	{"device", "device"}, // Salesforce's own name
	{"urn:ietf:params:oauth:grant-type:device_code", "device"},
	{"urn:ietf:params:oauth:grant-type:token-exchange", "token-exchange"},
	{"urn:ietf:params:oauth:grant-type:saml2-bearer", "saml"},
	{"assertion", "saml"}, // Salesforce's own name
}

func flowOf(grant string) Flow {
	for _, g := range grantTypes {
		if g.grant == grant {
			return g.flow
		}
	}
	return ""
}

// tells are words, levelled, by which a text gives away its flow when it does not show the request. The first one counts.
var tells = []struct {
	flow  Flow
	words []string
}{
	{"jwt", []string{"jwt", "client assertion"}},
	{"client-credentials", []string{"client_credentials", "client credentials flow", "client credentials grant"}},
	{"token-exchange", []string{"token-exchange", "token_exchange"}},
	{"device", []string{"device_code", "device code", "device flow", "device login"}},
	{"refresh", []string{"with the refresh token", "refreshtokenautherror", "refresh access token", "refreshing access token", "refreshing token", "refresh the token", "refresh token failed", "token refresh"}},
	{"web", []string{"with auth code", "authcodeexchange", "authorize(code", "post the code", "code_verifier", "exchange code", "code exchange"}},
	{"password", []string{"username-password", "username password flow", "password flow", "security token"}},
	{"saml", []string{"saml"}},
}

// flowIn finds out the flow from a levelled text: from the request, if it is shown, else by what people call it.
func flowIn(text string) Flow {
	if _, after, ok := strings.Cut(text, "grant_type"); ok {
		after = strings.TrimLeft(after, " =:>,{[(")
		for _, g := range grantTypes {
			if strings.HasPrefix(after, g.grant) {
				return g.flow
			}
		}
	}
	for _, tell := range tells {
		if slices.ContainsFunc(tell.words, func(word string) bool { return strings.Contains(text, word) }) {
			return tell.flow
		}
	}
	return ""
}
