package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// The usage of apps, for administrators (V [PM] the fields; B the words of availableActions and accessTokenFormat).

// usages are an org's living grants with a refresh token, by creation. s.mu is held.
func (s *Server) usages(org *Org) []*grant {
	now := s.now()
	var living []*grant
	for key, grants := range s.approved {
		for _, g := range grants {
			if app := s.apps[key.clientID]; app != nil && g.who.org.ID == org.ID && g.refreshToken != "" && g.refreshLives(app, now) {
				living = append(living, g)
			}
		}
	}
	slices.SortFunc(living, func(a, b *grant) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.clientID, b.clientID), cmp.Compare(a.who.id(), b.who.id()), cmp.Compare(a.refreshToken, b.refreshToken))
	})
	return living
}

// usageAdministrator is the session's user if it may look at everybody's tokens; else it has answered already.
func (s *Server) usageAdministrator(c *call, a *session) *account {
	who := s.owner(a)
	if who.may(CustomizeApplication) || who.may(ManageApps) {
		return who
	}
	c.refuseData(http.StatusForbidden, "INSUFFICIENT_ACCESS", "You do not have access to the usage of OAuth apps")
	return nil
}

// paged writes one page of a list under a name.
func (c *call) paged(name string, list []any) {
	number := func(key string, otherwise, least, most int) int {
		n, err := strconv.Atoi(c.form.Get(key))
		if err != nil {
			return otherwise
		}
		return min(max(n, least), most)
	}
	page, size := number("page", 0, 0, 1_000_000), number("pageSize", 100, 1, 200)
	at := func(page int) string {
		return c.r.URL.Path + "?" + url.Values{"page": {strconv.Itoa(page)}, "pageSize": {strconv.Itoa(size)}}.Encode()
	}
	from := min(page*size, len(list))
	until := min(from+size, len(list))
	answer := map[string]any{name: append([]any{}, list[from:until]...), "currentPageUrl": at(page), "nextPageUrl": nil}
	if until < len(list) {
		answer["nextPageUrl"] = at(page + 1)
	}
	c.writeJSON(http.StatusOK, answer)
}

func (c *call) usageRoot() string {
	return fmt.Sprintf("/services/data/%s/apps/oauth/usage", c.r.PathValue("version"))
}

func (s *Server) usedApps(c *call, a *session) {
	who := s.usageAdministrator(c, a)
	if who == nil {
		return
	}
	s.mu.Lock()
	var list []any
	for _, app := range s.appsIn(&who.org) {
		action := "Block"
		if app.Blocked {
			action = "Unblock"
		}
		list = append(list, map[string]any{
			"accessTokenFormat": "OPAQUE", "availableActions": []string{action}, "description": text(app.Description), "developerName": app.apiName(),
			"identifier": app.id(), "isFromPackage": app.External && app.LocalTo == "", "usageDetailsUrl": c.usageRoot() + "/" + app.id() + "/users",
		})
	}
	s.mu.Unlock()
	c.paged("apps", list)
}

// usageOf finds the app and, if the path has one, the user of a usage request.
func (s *Server) usageOf(c *call, a *session) (app *App, living []*grant) {
	who := s.usageAdministrator(c, a)
	if who == nil {
		return nil, nil
	}
	s.mu.Lock()
	app = s.appByID(&who.org, c.r.PathValue("app"))
	all := s.usages(&who.org)
	s.mu.Unlock()
	if app == nil {
		c.notFound()
		return nil, nil
	}
	user := c.r.PathValue("user")
	return app, slices.DeleteFunc(all, func(g *grant) bool {
		return g.clientID != app.ClientID || (user != "" && id15(g.who.id()) != id15(user))
	})
}

func (c *call) usageView(app *App, who *account, first, last *grant, count int, revocation string) map[string]any {
	return map[string]any{
		"accessTokenFormat": "OPAQUE", "appDeveloperName": app.apiName(), "appIdentifier": app.id(), "initialConnectionAt": wire(first.created),
		"lastUsedAt": wire(last.used), "revocationUrl": revocation, "useCount": count, "userIdentifier": who.id(), "username": who.user.Username,
	}
}

// usedUsers has a row a user, its tokens together.
func (s *Server) usedUsers(c *call, a *session) {
	app, living := s.usageOf(c, a)
	if app == nil {
		return
	}
	byUser := map[string][]*grant{}
	for _, g := range living {
		byUser[g.who.id()] = append(byUser[g.who.id()], g)
	}
	var list []any
	s.mu.Lock()
	for _, id := range sortedKeys(byUser) {
		grants := byUser[id]
		last, count := grants[0], 0
		for _, g := range grants {
			count += int(g.uses)
			if g.used.After(last.used) {
				last = g
			}
		}
		list = append(list, c.usageView(app, grants[0].who, grants[0], last, count, fmt.Sprintf("%s/%s/%s/tokens", c.usageRoot(), app.id(), id)))
	}
	s.mu.Unlock()
	c.paged("users", list)
}

func (s *Server) usedTokens(c *call, a *session) {
	app, living := s.usageOf(c, a)
	if app == nil {
		return
	}
	var list []any
	s.mu.Lock()
	for _, g := range living {
		list = append(list, c.usageView(app, g.who, g, g, int(g.uses), c.usageRoot()+"/tokens/"+tokenID(g)))
	}
	s.mu.Unlock()
	c.paged("tokens", list)
}

// revokeUsage answers DELETE for an app's tokens, of one user or of all, and for usage/tokens/<token>: for one.
func (s *Server) revokeUsage(c *call, a *session) {
	if token := c.r.PathValue("token"); c.r.PathValue("app") == "tokens" && token != "" {
		s.revokeOneUsage(c, a, token)
		return
	} else if token != "" && token != "tokens" {
		c.notFound()
		return
	}
	app, living := s.usageOf(c, a)
	if app != nil {
		s.end(c, living)
	}
}

func (s *Server) revokeOneUsage(c *call, a *session, token string) {
	who := s.usageAdministrator(c, a)
	if who == nil {
		return
	}
	s.mu.Lock()
	living := slices.DeleteFunc(s.usages(&who.org), func(g *grant) bool { return tokenID(g) != id18(token) })
	s.mu.Unlock()
	if len(living) == 0 {
		c.notFound()
		return
	}
	s.end(c, living)
}

func (s *Server) end(c *call, grants []*grant) {
	now := s.now()
	s.mu.Lock()
	for _, g := range grants {
		g.revoke(ByAdministrator, now)
	}
	s.mu.Unlock()
	c.w.WriteHeader(http.StatusNoContent)
}
