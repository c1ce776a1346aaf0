package appsetup

import (
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
)

// Level says how much a finding matters.
type Level string

// The levels: with a problem a login or a refresh fails; advice makes the app safer or its logins longer.
const (
	Problem Level = "problem"
	Advice  Level = "advice"
)

// Finding is something about an app that should be otherwise.
type Finding struct {
	ID    string // its words are in the catalogue under "check.<id>" and "fix.<id>"
	Level Level
	data  map[string]any
}

// Message says what is wrong.
func (f Finding) Message(lang language.Tag) string {
	return texts.For(lang).Text("check."+f.ID, f.data)
}

// Fix says where in Setup to change what, with the names there in both languages.
func (f Finding) Fix(lang language.Tag) string {
	return texts.For(lang).Text("fix."+f.ID, withNames(lang, f.data))
}

// Use is what an app is wanted for: sftoken's own copy of it, and the flows.
type Use struct {
	App   sftoken.App
	Flows []sftoken.Flow // none: the web server flow
}

// Check compares an app as the org has it with what its use needs: problems first, in the order in which they are met.
func (c *Current) Check(use Use) []Finding {
	if len(use.Flows) == 0 {
		use.Flows = []sftoken.Flow{sftoken.FlowWebServer}
	}
	l := &findings{}
	l.add(Problem, "disabled", !c.Enabled, nil)
	l.add(Problem, "other-key", c.ConsumerKey != "" && use.App.ClientID != "" && c.ConsumerKey != use.App.ClientID, nil)
	l.add(Problem, "local-pool", c.Distribution == "Local" && use.App.Host.IsPool(), map[string]any{"host": use.App.Host.String()})
	c.checkScopes(l, use)
	for _, flow := range use.Flows {
		switch flow {
		case sftoken.FlowWebServer, "":
			c.checkCallback(l, use.App)
			c.checkSecret(l, use.App)
		case sftoken.FlowDevice:
			l.add(Problem, "device-off", !c.Device, nil)
			l.add(Problem, "device-callback", !slices.ContainsFunc(c.RedirectURIs, onThisMachine), nil)
		case sftoken.FlowJWTBearer:
			l.add(Problem, "jwt-certificate", !c.Certificate, nil)
			l.add(Advice, "jwt-users", !c.PoliciesUnknown && !c.AdminApproved, nil)
		case sftoken.FlowClientCredentials:
			l.add(Problem, "client-credentials-off", !c.ClientCredentials || !c.PoliciesUnknown && !c.clientFlowPolicy, nil)
			l.add(Problem, "run-as", !c.PoliciesUnknown && c.RunAs == "", nil)
			l.add(Problem, "no-secret", use.App.IsPublic(), nil)
			l.add(Problem, "client-credentials-host", use.App.Host.IsPool(), map[string]any{"host": use.App.Host.String()})
		}
	}
	c.checkPolicies(l)
	l.add(Advice, "pkce", !c.PKCE, nil)
	l.add(Advice, "rotation", !c.Rotation, nil)
	slices.SortStableFunc(l.list, func(a, b Finding) int { return -strings.Compare(string(a.Level), string(b.Level)) })
	return l.list
}

type findings struct{ list []Finding }

// add notes a finding once, if it is one.
func (l *findings) add(level Level, id string, found bool, data map[string]any) {
	if found && !slices.ContainsFunc(l.list, func(f Finding) bool { return f.ID == id }) {
		l.list = append(l.list, Finding{id, level, data})
	}
}

func (c *Current) checkScopes(l *findings, use Use) {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(c.Scopes, name) })
	}
	refreshes := slices.ContainsFunc(use.Flows, func(f sftoken.Flow) bool { return f.Facts().Renewal == sftoken.RenewByRefreshToken })
	l.add(Problem, "scope-refresh", refreshes && !has("refresh_token", "offline_access"), nil)
	l.add(Problem, "scope-api", !has("api", "full"), nil)
	var missing []string
	for _, scope := range use.App.Scopes {
		if !slices.Contains([]string{"api", "refresh_token", "offline_access"}, scope) && !has(scope, "full") {
			missing = append(missing, scope)
		}
	}
	l.add(Problem, "scope-asked", len(missing) > 0, map[string]any{"scopes": strings.Join(missing, " ")})
}

func (c *Current) checkCallback(l *findings, app sftoken.App) {
	uri := app.RedirectURI
	if uri == "" {
		uri = sftoken.DefaultRedirectURI
	}
	data := map[string]any{"uri": uri, "has": strings.Join(c.RedirectURIs, ", ")}
	near := slices.ContainsFunc(c.RedirectURIs, func(has string) bool {
		return strings.EqualFold(strings.TrimSuffix(has, "/"), strings.TrimSuffix(uri, "/")) && has != uri
	})
	exact := slices.Contains(c.RedirectURIs, uri)
	l.add(Problem, "callback-near", !exact && near, data)
	l.add(Problem, "callback", !exact && !near, data)
}

func (c *Current) checkSecret(l *findings, app sftoken.App) {
	public := app.IsPublic()
	l.add(Problem, "secret-login", public && c.SecretForLogin, nil)
	l.add(Problem, "secret-refresh", public && c.SecretForRefresh, nil) // a login works, and every refresh fails
	l.add(Advice, "secret-unused", !public && !c.SecretForLogin && !c.SecretForRefresh, nil)
}

func (c *Current) checkPolicies(l *findings) {
	if c.PoliciesUnknown {
		l.add(Advice, "policies-unknown", true, nil)
		return
	}
	l.add(Problem, "refresh-never", c.RefreshNever, nil)
	l.add(Problem, "nobody", c.AdminApproved && len(c.PermissionSets)+len(c.Profiles) == 0, nil)
	l.add(Problem, "session-level", c.SessionLevel == "HIGH_ASSURANCE" && c.SessionAction == "Block", nil)
	l.add(Advice, "ip-relaxed", c.IPRelaxation == ipRelaxations[Relax], nil)
	period := map[string]any{"policy": c.RefreshPolicy.String()}
	l.add(Advice, "lifetime", c.RefreshPolicy.Kind == Lifetime, period)
	l.add(Advice, "idle", c.RefreshPolicy.Kind == Idle, period)
	l.add(Advice, "idle-open", c.RefreshPolicy.Kind == UntilRevoked, nil)
}
