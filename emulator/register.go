package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// registration is the body of a dynamic client registration [PM].
type registration struct {
	RedirectURIs    []string `json:"redirect_uris"`
	ResponseTypes   []string `json:"response_types"`
	GrantTypes      []string `json:"grant_types"`
	ApplicationType string   `json:"application_type"`
	Contacts        []string `json:"contacts"`
	ClientName      string   `json:"client_name"`
}

// maxRegistered bounds how many apps one app may register.
const maxRegistered = 100

// register answers POST /services/oauth2/register: an API gateway makes a client for each of its own, with an access token as
// the initial one. The feature is off unless the org has it (V: it must be enabled). Codes are Salesforce's (V), texts B.
func (s *Server) register(c *call) {
	if c.r.Method != http.MethodPost {
		c.refuse(refusedMethod)
		return
	}
	session := s.useSession(c.bearer())
	if session == nil || s.elsewhere(c, session) || session.grant.number == 0 {
		c.entry.Error = "invalid_token"
		c.answer(http.StatusUnauthorized, fields{{"error", "invalid_token"}, {"error_description", "invalid initial access token"}})
		return
	}
	who := s.owner(session)
	if !who.org.Registration {
		c.refuse(&refusal{code: "registration_error", description: "dynamic client registration is not enabled for this org"})
		return
	}
	var wanted registration
	if err := json.NewDecoder(c.r.Body).Decode(&wanted); err != nil {
		c.refuse(&refusal{code: "failed_registration", description: "the body must be a JSON object"})
		return
	}
	app, no := s.registered(who, session.grant.clientID, &wanted)
	if no != nil {
		c.refuse(no)
		return
	}
	if wanted.GrantTypes = slices.Clone(wanted.GrantTypes); !slices.Contains(wanted.GrantTypes, "hybrid_auth_code") {
		wanted.GrantTypes = append(wanted.GrantTypes, "hybrid_auth_code") // the server adds it (captured)
	}
	c.writeJSON(http.StatusCreated, map[string]any{
		"client_id": app.ClientID, "client_secret": app.ClientSecret, "registration_access_token": s.mintAccessToken(who.org.ID),
		"registration_client_uri": c.base + "/services/oauth2/register/" + app.ClientID, "client_id_issued_at": s.now().Unix(),
		"client_secret_expires_at": 0, "token_endpoint_auth_method": "client_secret_post", "redirect_uris": wanted.RedirectURIs,
		"response_types": append([]string{}, wanted.ResponseTypes...), "grant_types": wanted.GrantTypes, "contacts": append([]string{}, wanted.Contacts...),
		"client_name": wanted.ClientName, "application_type": "web", "scopes": app.Scopes,
	})
}

// registered makes the app that a request describes.
func (s *Server) registered(who *account, parent string, wanted *registration) (*App, *refusal) {
	app := s.newApp(who, developerName(wanted.ClientName), false)
	app.Label, app.Callbacks, app.Scopes, app.RegisteredBy, app.Disabled = wanted.ClientName, wanted.RedirectURIs, []string{"openid", "refresh_token", "id", "api"}, parent, false
	if len(wanted.Contacts) > 0 {
		app.ContactEmail = wanted.Contacts[0]
	}
	switch {
	case strings.TrimSpace(wanted.ClientName) == "":
		return nil, &refusal{code: "failed_registration", description: "client_name is required"}
	case len(wanted.RedirectURIs) == 0 || app.validate() != nil:
		return nil, &refusal{code: "failed_registration", description: "redirect_uris must hold absolute URIs"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, other := range s.apps {
		if other.RegisteredBy == parent {
			count++
		}
	}
	if count >= maxRegistered {
		return nil, &refusal{code: "exceeded_registration_limit", description: "too many clients are registered"}
	}
	s.apps[app.ClientID] = app
	s.saved(app.ClientID)
	return app, nil
}

// registeredBy reports whether an app was registered by another, which then may introspect its tokens (V). s.mu is held.
func (s *Server) registeredBy(child, parent string) bool {
	app := s.apps[child]
	return app != nil && app.RegisteredBy == parent
}
