package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// stagedCredentials are a key and a secret that wait to become an app's own (v65, [CR]).
type stagedCredentials struct {
	id, key, secret string
	by              string // user id
	created         time.Time
	rotated         bool // they have become the app's own
}

// stagedLife is how long staged credentials can be promoted [CR].
const stagedLife = 30 * 24 * time.Hour

func (p *stagedCredentials) state(now time.Time) string {
	switch {
	case p.rotated:
		return "Rotated"
	case now.Sub(p.created) >= stagedLife:
		return "Expired"
	}
	return "Active"
}

func (a *App) consumerID() string { return stableID("888", a.id()) }

// credentialsApp finds the app of a credentials request and checks who may see it: External Client App Developer and View
// Client Secret (O). If it may not go on it has answered already.
func (s *Server) credentialsApp(c *call, a *session) (*App, *account) {
	who := s.owner(a)
	if !who.may(ViewClientSecret) || (!who.may(ManageApps) && !who.may(CustomizeApplication)) {
		c.refuseData(http.StatusForbidden, "INSUFFICIENT_ACCESS", "You do not have access to the OAuth credentials of external client apps")
		return nil, nil
	}
	s.mu.Lock()
	app := s.appByID(&who.org, c.r.PathValue("app"))
	s.mu.Unlock()
	if consumer := c.r.PathValue("consumer"); app == nil || !app.External || (consumer != "" && id15(consumer) != id15(app.consumerID())) {
		c.notFound()
		return nil, nil
	}
	return app, who
}

// appByID finds an org's app by its record id or API name. s.mu is held.
func (s *Server) appByID(org *Org, id string) *App {
	for _, app := range s.appsIn(org) {
		if id15(app.id()) == id15(id) || app.apiName() == id {
			return app
		}
	}
	return nil
}

func (c *call) consumerURL(app *App) string {
	return fmt.Sprintf("/services/data/%s/apps/oauth/credentials/%s/%s", c.r.PathValue("version"), app.id(), app.consumerID())
}

// consumers lists an app's consumer: one, with its key.
func (s *Server) consumers(c *call, a *session) {
	app, _ := s.credentialsApp(c, a)
	if app == nil {
		return
	}
	url := c.consumerURL(app)
	c.writeJSON(http.StatusOK, map[string]any{
		"consumers": []any{map[string]string{
			"id": app.consumerID(), "name": app.apiName(), "key": app.ClientID, "url": url, "stagedCredentialsUrl": url + "/staged",
		}},
		"currentPageUrl": c.r.URL.Path, "nextPageUrl": nil,
	})
}

// credentials answers the key, and the secret when part asks for it and the org allows it (v62, enableClientSecretInRestApiAccess).
func (s *Server) credentials(c *call, a *session) {
	app, who := s.credentialsApp(c, a)
	if app == nil {
		return
	}
	answer := map[string]any{}
	part := c.form.Get("part")
	if part == "" || part == "key" || part == "keyandsecret" {
		answer["key"] = app.ClientID
	}
	if part == "secret" || part == "keyandsecret" {
		if !c.secretsAllowed(who) {
			return
		}
		answer["secret"] = app.ClientSecret
	}
	if len(answer) == 0 {
		c.refuseData(http.StatusBadRequest, "INVALID_PARAMETER", "The value of part must be key, secret, or keyandsecret")
		return
	}
	c.writeJSON(http.StatusOK, answer)
}

func (c *call) secretsAllowed(who *account) bool {
	if !who.org.SecretsByREST {
		// The code is B; that the text says "not currently enabled" was seen.
		c.refuseData(http.StatusForbidden, "FUNCTIONALITY_NOT_ENABLED", "This feature is not currently enabled: Allow access to External Client App consumer secrets via REST API")
	}
	return who.org.SecretsByREST
}

func (s *Server) stagedView(c *call, app *App, p *stagedCredentials) map[string]any {
	url := c.consumerURL(app)
	return map[string]any{
		"id": p.id, "key": p.key, "secret": p.secret, "state": p.state(s.now()), "createdBy": p.by, "createdDate": wire(p.created),
		"expirationDate": wire(p.created.Add(stagedLife)), "url": url, "stagedCredentialsUrl": url + "/staged/" + p.id,
	}
}

// staged lists the staged credentials (GET) or makes new ones (POST, no body). There is one set at a time.
func (s *Server) staged(c *call, a *session) {
	app, who := s.credentialsApp(c, a)
	if app == nil || !c.secretsAllowed(who) {
		return
	}
	if c.r.Method == http.MethodPost {
		p := &stagedCredentials{id: s.org.next("1jx"), key: "3MVG9.EMULATOR." + s.mint(70), secret: s.mintSecret(), by: who.id(), created: s.now()}
		s.org.mu.Lock()
		s.org.staged[app.id()] = p
		s.org.mu.Unlock()
		c.writeJSON(http.StatusCreated, s.stagedView(c, app, p))
		return
	}
	list := []any{}
	if p := s.stagedOf(app); p != nil {
		list = append(list, s.stagedView(c, app, p))
	}
	c.writeJSON(http.StatusOK, map[string]any{"stagedCredentials": list, "url": c.r.URL.Path})
}

func (s *Server) stagedOf(app *App) *stagedCredentials {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	return s.org.staged[app.id()]
}

// oneStaged reads (GET), promotes (PATCH) or deletes (DELETE) staged credentials.
func (s *Server) oneStaged(c *call, a *session) {
	app, who := s.credentialsApp(c, a)
	if app == nil || !c.secretsAllowed(who) {
		return
	}
	p := s.stagedOf(app)
	if p == nil || id15(p.id) != id15(c.r.PathValue("staged")) {
		c.notFound()
		return
	}
	switch c.r.Method {
	case http.MethodDelete:
		s.forgetStaged(app)
		c.w.WriteHeader(http.StatusNoContent)
	case http.MethodPatch:
		if state := p.state(s.now()); state != "Active" {
			c.refuseData(http.StatusBadRequest, "INVALID_OPERATION", "The staged credentials are "+state)
			return
		}
		promoted, rotated := s.promote(app, p)
		c.writeJSON(http.StatusOK, s.stagedView(c, promoted, rotated))
	default:
		c.writeJSON(http.StatusOK, s.stagedView(c, app, p))
	}
}

func (s *Server) forgetStaged(app *App) {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	delete(s.org.staged, app.id())
}

// promote gives an app its staged key and secret. Grants stay with the app: they move to the new key.
func (s *Server) promote(app *App, p *stagedCredentials) (*App, *stagedCredentials) {
	changed := app.clone()
	changed.ID, changed.ClientID, changed.ClientSecret = app.id(), p.key, p.secret
	s.mu.Lock()
	delete(s.apps, app.ClientID)
	s.apps[p.key] = changed
	s.mu.Unlock()
	s.rename(app.ClientID, p.key)
	s.saved(p.key)
	rotated := *p
	rotated.rotated = true
	s.org.mu.Lock()
	s.org.staged[app.id()] = &rotated
	s.org.mu.Unlock()
	return changed, &rotated
}

// rename moves the grants of an app from one key to another.
func (s *Server) rename(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.all {
		if g.clientID == from {
			g.clientID = to
		}
	}
	for key, grants := range s.approved {
		if key.clientID != from {
			continue
		}
		delete(s.approved, key)
		s.approved[approval{to, key.userID}] = slices.Concat(s.approved[approval{to, key.userID}], grants)
	}
}
