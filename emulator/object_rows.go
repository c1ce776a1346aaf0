package emulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

func (s *Server) organizations(who *account) []record {
	return []record{{
		"Id": who.orgID(), "Name": who.org.Name, "InstanceName": who.org.Instance, "IsSandbox": who.org.Sandbox,
		"OrganizationType": who.org.Edition, "LanguageLocaleKey": "en_US",
	}}
}

func (s *Server) users(who *account) []record {
	last := map[string]time.Time{}
	for _, event := range s.historyOf(who.org.ID, "") {
		if event.status == "Success" && last[event.who.id()].IsZero() { // newest first
			last[event.who.id()] = event.at
		}
	}
	var rows []record
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.dir.ordered {
		a := s.dir.byName[name]
		if a.org.ID != who.org.ID {
			continue
		}
		row := record{
			"Id": a.id(), "Username": a.user.Username, "Name": a.name(), "FirstName": a.user.FirstName, "LastName": a.user.LastName,
			"Alias": a.user.FirstName, "Email": a.user.Email, "IsActive": !a.user.Inactive, "ProfileId": profileID(&a.org, a.profile().Name),
			"LanguageLocaleKey": a.user.Language, "LocaleSidKey": a.user.Locale, "TimeZoneSidKey": a.user.Timezone, "UserType": "Standard",
		}
		if a.user.Site != "" {
			row["UserType"] = "CspLitePortal"
		}
		if at := last[a.id()]; !at.IsZero() {
			row["LastLoginDate"] = at
		}
		rows = append(rows, row)
	}
	return rows
}

func profileID(org *Org, name string) string { return stableID("00e", org.ID+"/"+name) }

func (s *Server) profiles(who *account) []record {
	var rows []record
	for _, p := range append([]Profile{administrator}, who.org.Profiles...) {
		rows = append(rows, record{
			"Id": profileID(&who.org, p.Name), "Name": p.Name,
			"PermissionsApiEnabled":           slices.Contains(p.Permissions, APIEnabled),
			"PermissionsApiUserOnly":          slices.Contains(p.Permissions, APIOnly),
			"PermissionsCustomizeApplication": slices.Contains(p.Permissions, CustomizeApplication),
		})
	}
	return rows
}

// maxTokens is the most rows of OauthToken that a query may go through [OBJ OauthToken].
const maxTokens = 2500

// oauthTokens are the living grants: one's own, or everybody's with Customize Application. AppMenuItemId is null for an app
// that is not installed (O). DeleteToken stands in for the secret at /services/oauth2/revoke.
func (s *Server) oauthTokens(who *account) []record {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var living []*grant
	for key, grants := range s.approved {
		if app := s.apps[key.clientID]; app != nil {
			for _, g := range grants {
				if g.who.org.ID == who.org.ID && (g.who.id() == who.id() || who.may(CustomizeApplication)) && g.refreshToken != "" && g.refreshLives(app, now) {
					living = append(living, g)
				}
			}
		}
	}
	slices.SortFunc(living, func(a, b *grant) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.clientID, b.clientID), cmp.Compare(a.who.id(), b.who.id()))
	})
	var rows []record
	for _, g := range living[:min(maxTokens, len(living))] {
		app := s.apps[g.clientID]
		row := record{
			"Id": tokenID(g), "AppName": app.name(), "UserId": g.who.id(), "CreatedDate": g.created, "LastUsedDate": g.used,
			"UseCount": int(g.uses), "DeleteToken": s.deleteToken(g),
		}
		if app.installedIn(&who.org) {
			row["AppMenuItemId"] = stableID("0DS", who.org.ID+"/"+app.ClientID)
		}
		rows = append(rows, row)
	}
	return rows
}

// loginHistory is everybody's with Manage Users, else one's own.
func (s *Server) loginHistory(who *account) []record {
	userID := who.id()
	if who.may(ManageUsers) {
		userID = ""
	}
	var rows []record
	for _, event := range s.historyOf(who.org.ID, userID) {
		rows = append(rows, record{
			"Id": serialID("0Ya", event.number), "UserId": event.who.id(), "LoginTime": event.at, "LoginType": event.kind, "LoginUrl": event.url,
			"SourceIp": sourceIP(event.source), "Status": event.status, "Application": event.application, "Browser": event.browser,
			"Platform": "Unknown",
		})
	}
	return rows
}

// appsIn are the apps that an org's administrators see, by API name: those made there, and those installed. s.mu is held.
func (s *Server) appsIn(org *Org) []*App {
	var found []*App
	for _, app := range s.apps {
		if app.installedIn(org) && (app.LocalTo == "" || app.LocalTo == org.MyDomain) {
			found = append(found, app)
		}
	}
	slices.SortFunc(found, func(a, b *App) int {
		return cmp.Or(cmp.Compare(a.apiName(), b.apiName()), cmp.Compare(a.ClientID, b.ClientID))
	})
	return found
}

// apiName is the developer name: letters, digits and underscores.
func (a *App) apiName() string {
	if a.Name != "" {
		return a.Name
	}
	return developerName(a.name())
}

func developerName(label string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r < 128 && (isLetter(byte(r)) || isDigit(byte(r))) {
			return r
		}
		return '_'
	}, label), "_")
	for strings.Contains(name, "__") {
		name = strings.ReplaceAll(name, "__", "_")
	}
	if name == "" || !isLetter(name[0]) {
		name = "App_" + name
	}
	return strings.TrimSuffix(name, "_")
}

// id is the app's record id.
func (a *App) id() string {
	if a.ID != "" {
		return id18(a.ID)
	}
	if a.External {
		return stableID("0xI", a.ClientID)
	}
	return stableID("0H4", a.ClientID)
}

func (s *Server) externalApps(who *account) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []record
	for _, app := range s.appsIn(&who.org) {
		if app.External {
			rows = append(rows, record{
				"Id": app.id(), "DeveloperName": app.apiName(), "MasterLabel": app.name(), "Description": text(app.Description),
				"ContactEmail": text(app.ContactEmail), "DistributionState": app.distribution(), "IsProtected": false,
			})
		}
	}
	return rows
}

// distribution is Local for an app that works in its own org only.
func (a *App) distribution() string {
	if a.LocalTo != "" {
		return "Local"
	}
	return "Packaged"
}

// text is nil for an empty text, as the data API has it.
func text(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func (s *Server) connectedApps(who *account) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []record
	for _, app := range s.appsIn(&who.org) {
		if !app.External {
			rows = append(rows, record{
				"Id": app.id(), "Name": app.name(), "OptionsAllowAdminApprovedUsersOnly": app.AdminApproved,
				"OptionsRefreshTokenValidityMetric": app.RefreshPolicy != "" && app.RefreshPolicy != "infinite",
			})
		}
	}
	return rows
}
