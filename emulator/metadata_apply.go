package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const metadataSpace = "http://soap.sforce.com/2006/04/metadata"

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedNames(files zipped) []string { return sortedKeys(files) }

// change is one app as a deployment would leave it.
type change struct {
	app        *App
	before     *App // nil: created
	components []*component
}

// plan works out what components would do to an org's apps. Problems that concern several files are found here.
func (s *Server) plan(who *account, components []*component) (map[string]*change, []problem) {
	changes := map[string]*change{}
	var problems []problem
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range inOrder(components) {
		if c.kind.perOrg {
			continue
		}
		if !who.may(CustomizeApplication) && !who.may(ManageApps) {
			problems = append(problems, c.problem(0, "INSUFFICIENT_ACCESS: You don't have permission to create or edit apps"))
			continue
		}
		planned := changes[c.app()]
		if planned == nil {
			planned = &change{before: s.appNamed(&who.org, c.app())}
			changes[c.app()] = planned
		}
		if no := s.planOne(who, planned, c); no != "" {
			problems = append(problems, c.problem(c.tree.line, "%s", no))
			continue
		}
		planned.components = append(planned.components, c)
	}
	for _, name := range sortedKeys(changes) {
		problems = append(problems, changes[name].incomplete()...)
	}
	return changes, problems
}

// inOrder puts an app before its settings and policies.
func inOrder(components []*component) []*component {
	sorted := slices.Clone(components)
	slices.SortStableFunc(sorted, func(a, b *component) int {
		return slices.Index(metadataTypes, a.kind) - slices.Index(metadataTypes, b.kind)
	})
	return sorted
}

// appNamed finds an org's app by API name. s.mu is held.
func (s *Server) appNamed(org *Org, name string) *App {
	for _, app := range s.appsIn(org) {
		if app.apiName() == name {
			return app
		}
	}
	return nil
}

// planOne changes the planned app by one component and returns what is wrong with it.
func (s *Server) planOne(who *account, planned *change, c *component) string {
	connected := c.kind.name == "ConnectedApp"
	switch {
	case planned.app != nil:
	case planned.before != nil && planned.before.External == connected:
		return fmt.Sprintf("DUPLICATE_DEVELOPER_NAME: The name %s is already used by another app in this org", c.app())
	case planned.before != nil:
		planned.app = planned.before.clone()
	case connected && !who.org.ConnectedAppsMakeable:
		return "You can't create a connected app. To enable connected app creation, contact Salesforce Customer Support."
	case c.kind.namedAsApp && !c.kind.ofApp:
		planned.app = s.newApp(who, c.name, !connected)
	default:
		return fmt.Sprintf("INVALID_CROSS_REFERENCE_KEY: no ExternalClientApplication named %s found", c.app())
	}
	if key := cmpKey(c); key != "" {
		switch taken := s.apps[key]; {
		case planned.before != nil && planned.before.ClientID != key:
			return "The consumer key can't be changed after the app is created"
		case planned.before == nil && taken != nil:
			return "DUPLICATE_VALUE: The consumer key is already used by another app"
		}
	}
	return planned.app.take(c)
}

func cmpKey(c *component) string {
	if c.kind.name == "ConnectedApp" {
		return c.tree.value("oauthConfig", "consumerKey")
	}
	return c.tree.value("consumerKey")
}

// newApp is an app before any setting: an external client app's defaults are PKCE required, secret required.
func (s *Server) newApp(who *account, name string, external bool) *App {
	prefix := "0H4"
	if external {
		prefix = "0xI"
	}
	return &App{
		ID: s.org.next(prefix), Name: name, ClientID: "3MVG9.EMULATOR." + s.mint(70), ClientSecret: s.mintSecret(), External: external, LocalTo: who.org.MyDomain,
		PKCERequired: external, Disabled: true,
	}
}

// incomplete reports the settings that an app still lacks: they must come together (O, verbatim).
func (p *change) incomplete() []problem {
	var global *component
	for _, c := range p.components {
		if c.kind.name == "ExtlClntAppGlobalOauthSettings" {
			global = c
		}
	}
	if global == nil || p.app == nil || len(p.app.Scopes) > 0 {
		return nil
	}
	return []problem{global.problem(0, "The external client app configured in your global OAuth Settings doesn't have a valid OAuth settings configuration.")}
}

// take changes a by one component that has been checked by itself.
func (a *App) take(c *component) string {
	t := c.tree
	switch c.kind.name {
	case "ExternalClientApplication":
		a.Label, a.Description, a.ContactEmail = t.value("label"), t.value("description"), t.value("contactEmail")
		a.distribute(t.value("distributionState") == "Local")
	case "ExtlClntAppGlobalOauthSettings":
		a.Disabled = false
		a.takeOAuth(t)
		a.SecretOptionalForRefresh = t.value("isSecretRequiredForRefreshToken") == "false"
		a.PKCERequired = t.value("isPkceRequired") != "false"
		a.IdleTTL = t.value("isEnforceRefreshTokenTTL") == "true"
		if a.Certificate != "" {
			if _, err := publicKey(a.Certificate); err != nil {
				return fmt.Sprintf("The certificate is not valid: %v", err)
			}
		}
	case "ExtlClntAppOauthSettings":
		return a.takeSettings(t)
	case "ExtlClntAppOauthConfigurablePolicies":
		return a.takePolicies(t)
	case "ExtlClntAppConfigurablePolicies":
		a.Disabled = t.value("isEnabled") != "true" || t.value("isOauthPluginEnabled") == "false"
	case "ConnectedApp":
		return a.takeConnected(t)
	}
	return ""
}

// distribute makes an app local to its org, or packaged and so far installed there only.
func (a *App) distribute(local bool) {
	switch {
	case local && a.LocalTo == "" && len(a.InstalledIn) == 1:
		a.LocalTo, a.InstalledIn = a.InstalledIn[0], nil
	case !local && a.LocalTo != "":
		a.LocalTo, a.InstalledIn = "", []string{a.LocalTo}
	}
}

// takeOAuth takes what both kinds of app call the same.
func (a *App) takeOAuth(t *node) {
	a.Callbacks = strings.Fields(t.value("callbackUrl"))
	if key := t.value("consumerKey"); key != "" {
		a.ClientID = key
	}
	if secret := t.value("consumerSecret"); secret != "" {
		a.ClientSecret = secret
	}
	a.SecretOptional = t.value("isConsumerSecretOptional") == "true"
	a.Rotation = t.value("isRefreshTokenRotationEnabled") == "true"
	a.IntrospectAll = t.value("isIntrospectAllTokens") == "true"
	a.Certificate = t.value("certificate")
	a.ClientCredentials = t.value("isClientCredentialsFlowEnabled") == "true" || t.value("isClientCredentialEnabled") == "true"
	a.CodeCredentials = t.value("isCodeCredFlowEnabled") == "true" || t.value("isCodeCredentialEnabled") == "true"
	a.CodeCredentialsPostOnly = t.value("isCodeCredPostOnly") == "true" || t.value("isCodeCredentialPostOnly") == "true"
	a.DeviceFlow = t.value("isDeviceFlowEnabled") == "true"
	a.TokenExchange = t.value("isTokenExchangeEnabled") == "true"
	a.SecretOptionalForExchange = t.value("isSecretRequiredForTokenExchange") == "false"
	a.JWTAccessTokens = t.value("isNamedUserJwtEnabled") == "true"
}

func (a *App) takeSettings(t *node) string {
	a.Scopes = nil
	for _, name := range commaSeparated(t.value("commaSeparatedOauthScopes")) {
		if wire, ok := scopeOf(name, false); ok && !slices.Contains(a.Scopes, wire) {
			a.Scopes = append(a.Scopes, wire)
		}
	}
	a.TrustedIPRanges = nil
	for _, kid := range t.kids {
		if kid.name == "trustedIpRanges" {
			a.TrustedIPRanges = append(a.TrustedIPRanges, IPRange(kid.value("startIpAddress")+"-"+kid.value("endIpAddress")))
		}
	}
	if err := checkRanges("trustedIpRanges", a.TrustedIPRanges, maxRanges); err != nil {
		return err.Error()
	}
	return ""
}

func (a *App) takePolicies(t *node) string {
	a.AdminApproved = t.value("permittedUsersPolicyType") == "AdminApprovedPreAuthorized"
	a.ApprovedProfiles = commaSeparated(t.value("commaSeparatedProfile"))
	a.ClientCredentialsUser = t.value("clientCredentialsFlowUser")
	if t.value("isClientCredentialsFlowEnabled") == "false" {
		a.ClientCredentials = false // it takes both: settings and policies
	}
	a.IPRelaxation = IPRelaxation(strings.ToLower(t.value("ipRelaxationPolicyType")))
	if minutes, err := strconv.Atoi(t.value("sessionTimeoutInMinutes")); err == nil {
		a.SessionTimeout = time.Duration(minutes) * time.Minute
	}
	rest := ":" + t.value("refreshTokenValidityPeriod") + ":" + strings.ToUpper(t.value("refreshTokenValidityUnit"))
	a.RefreshPolicy = map[string]RefreshPolicy{
		"Zero": "zero", "SpecificLifetime": RefreshPolicy("specific_lifetime" + rest), "SpecificInactivity": RefreshPolicy("specific_inactivity" + rest),
	}[t.value("refreshTokenPolicyType")]
	if _, err := a.RefreshPolicy.parse(); err != nil {
		return "Required field is missing: refreshTokenValidityPeriod and refreshTokenValidityUnit"
	}
	return ""
}

func (a *App) takeConnected(t *node) string {
	a.Label, a.Description, a.ContactEmail = t.value("label"), t.value("description"), t.value("contactEmail")
	config := t.child("oauthConfig")
	if config == nil {
		return ""
	}
	if config.value("callbackUrl") == "" {
		return "Required field is missing: callbackUrl"
	}
	a.Disabled = false
	a.takeOAuth(config)
	a.PKCERequired = config.value("isPkceRequired") == "true"
	a.SecretOptionalForRefresh = config.value("isSecretRequiredForRefreshToken") == "false"
	a.AdminApproved = config.value("isAdminApproved") == "true"
	a.ClientCredentialsUser = config.value("oauthClientCredentialUser")
	a.ApprovedProfiles = t.values("profileName")
	a.Scopes = nil
	for _, name := range config.values("scopes") {
		if wire, ok := scopeOf(name, true); ok {
			a.Scopes = append(a.Scopes, wire)
		}
	}
	a.RefreshPolicy = RefreshPolicy(t.value("oauthPolicy", "refreshTokenPolicy"))
	a.IPRelaxation = IPRelaxation(strings.ToLower(t.value("oauthPolicy", "ipRelaxation")))
	if err := a.validate(); err != nil {
		return err.Error()
	}
	return ""
}

// takeSwitches changes the org by a settings file.
func (o *Org) takeSwitches(c *component) {
	set := func(name string, on *bool) {
		if value := c.tree.value(name); value != "" {
			*on = value == "true"
		}
	}
	set("blockOAuthUnPwFlow", &o.BlockPassword)
	set("blockOAuthUsrAgtFlow", &o.BlockUserAgent)
	set("isPkceRequired", &o.PKCERequired)
	set("oAuthCdCrdtFlowEnable", &o.CodeCredentials)
	set("enableClientSecretInRestApiAccess", &o.SecretsByREST)
	set("enableAdminApprovedAppsOnly", &o.AdminApprovedAppsOnly)
	set("canOnlyLoginWithMyDomainUrl", &o.LoginAtMyDomainOnly)
	session := c.tree.child("sessionSettings")
	if lock := session.value("lockSessionsToIp"); lock != "" {
		o.LockSessionsToIP = lock == "true"
	}
	if timeout, ok := sessionTimeouts[session.value("sessionTimeout")]; ok {
		o.SessionTimeout = timeout
	}
}

var sessionTimeouts = map[string]time.Duration{
	"FifteenMinutes": 15 * time.Minute, "ThirtyMinutes": 30 * time.Minute, "SixtyMinutes": time.Hour, "NinetyMinutes": 90 * time.Minute,
	"TwoHours": 2 * time.Hour, "FourHours": 4 * time.Hour, "EightHours": 8 * time.Hour, "TwelveHours": 12 * time.Hour, "TwentyFourHours": 24 * time.Hour,
}
