package emulator

import (
	"strconv"
	"strings"
	"time"
)

// componentName is the full name of an app's component of a type, if it has one.
func (a *App) componentName(kind *metadataType) (string, bool) {
	switch {
	case kind.name == "ConnectedApp":
		return a.apiName(), !a.External
	case kind.perOrg || !a.External:
		return "", false
	case !kind.namedAsApp:
		return a.apiName() + "_defaultPolicy", true // the name of those that are made by themselves (O)
	case kind.ofApp:
		return a.apiName(), len(a.Callbacks) > 0
	}
	return a.apiName(), true
}

// metadata writes an app's component as it is now. The consumer key is in it, the secret never (O).
func (a *App) metadata(kind *metadataType, name string) *node {
	n := &node{name: kind.name}
	n.add("fullName", name)
	switch kind.name {
	case "ExternalClientApplication":
		n.add("contactEmail", a.ContactEmail, "description", a.Description, "distributionState", a.distribution(), "isProtected", "false", "label", a.name())
	case "ExtlClntAppGlobalOauthSettings":
		n.add("callbackUrl", strings.Join(a.Callbacks, "\n"), "consumerKey", a.ClientID, "externalClientApplication", a.apiName())
		a.addSwitches(n)
		n.add(
			"certificate", a.Certificate, "isClientCredentialsFlowEnabled", strconv.FormatBool(a.ClientCredentials),
			"isCodeCredFlowEnabled", strconv.FormatBool(a.CodeCredentials), "isCodeCredPostOnly", strconv.FormatBool(a.CodeCredentialsPostOnly),
			"isDeviceFlowEnabled", strconv.FormatBool(a.DeviceFlow), "isEnforceRefreshTokenTTL", strconv.FormatBool(a.IdleTTL),
			"isNamedUserJwtEnabled", strconv.FormatBool(a.JWTAccessTokens), "isSecretRequiredForTokenExchange", strconv.FormatBool(!a.SecretOptionalForExchange),
			"isTokenExchangeEnabled", strconv.FormatBool(a.TokenExchange), "label", a.name(),
		)
	case "ExtlClntAppOauthSettings":
		n.add("commaSeparatedOauthScopes", strings.Join(a.scopeNames(), ", "), "externalClientApplication", a.apiName(), "label", a.name())
		a.addRanges(n, "trustedIpRanges", "startIpAddress", "endIpAddress")
	case "ExtlClntAppOauthConfigurablePolicies":
		a.addPolicies(n)
	case "ExtlClntAppConfigurablePolicies":
		n.add("externalClientApplication", a.apiName(), "isEnabled", strconv.FormatBool(!a.Disabled), "isOauthPluginEnabled", strconv.FormatBool(!a.Disabled), "label", a.name())
	case "ConnectedApp":
		a.addConnected(n)
	}
	return n
}

// addSwitches adds what both kinds of app call the same.
func (a *App) addSwitches(n *node) {
	n.add(
		"isConsumerSecretOptional", strconv.FormatBool(a.SecretOptional), "isIntrospectAllTokens", strconv.FormatBool(a.IntrospectAll),
		"isPkceRequired", strconv.FormatBool(a.PKCERequired), "isRefreshTokenRotationEnabled", strconv.FormatBool(a.Rotation),
		"isSecretRequiredForRefreshToken", strconv.FormatBool(!a.SecretOptionalForRefresh),
	)
}

func (a *App) scopeNames() []string {
	var names []string
	for _, wire := range normalScopes(a.Scopes) {
		names = append(names, scopeName(wire))
	}
	return names
}

func (a *App) addRanges(n *node, name, first, last string) {
	for _, r := range a.TrustedIPRanges {
		if from, to, err := r.bounds(); err == nil {
			n.kids = append(n.kids, (&node{name: name}).add(first, from.String(), last, to.String()))
		}
	}
}

func (a *App) addPolicies(n *node) {
	users := "AllSelfAuthorized"
	if a.AdminApproved {
		users = "AdminApprovedPreAuthorized"
	}
	relaxation := map[IPRelaxation]string{BypassIP: "Bypass", BypassIPTrusted: "Bypass_2factor", EnforceIPExceptUpdate: "Enforce_RelaxRefresh"}[a.IPRelaxation]
	if relaxation == "" {
		relaxation = "Enforce"
	}
	n.add(
		"clientCredentialsFlowUser", a.ClientCredentialsUser, "commaSeparatedProfile", strings.Join(a.ApprovedProfiles, ","), "externalClientApplication", a.apiName(), "ipRelaxationPolicyType", relaxation,
		"label", a.name(), "permittedUsersPolicyType", users,
	)
	kind, rest, _ := strings.Cut(string(a.RefreshPolicy), ":")
	period, unit, _ := strings.Cut(rest, ":")
	policy := map[string]string{"zero": "Zero", "specific_lifetime": "SpecificLifetime", "specific_inactivity": "SpecificInactivity"}[kind]
	if policy == "" {
		policy = "Infinite"
	}
	n.add("refreshTokenPolicyType", policy, "refreshTokenValidityPeriod", period)
	n.add("refreshTokenValidityUnit", map[string]string{"HOURS": "Hours", "DAYS": "Days", "MONTHS": "Months"}[unit])
	if a.SessionTimeout > 0 {
		n.add("sessionTimeoutInMinutes", strconv.Itoa(int(a.SessionTimeout/time.Minute)))
	}
}

func (a *App) addConnected(n *node) {
	n.add("contactEmail", a.ContactEmail, "description", a.Description)
	a.addRanges(n, "ipRanges", "start", "end")
	n.add("label", a.name())
	config := (&node{name: "oauthConfig"}).add("callbackUrl", strings.Join(a.Callbacks, "\n"), "consumerKey", a.ClientID, "isAdminApproved", strconv.FormatBool(a.AdminApproved))
	a.addSwitches(config)
	for _, name := range a.scopeNames() {
		config.add("scopes", strings.Replace(name, "SFApiPlatform", "SFAP", 1))
	}
	policy := &node{name: "oauthPolicy"}
	relaxation, refresh := string(a.IPRelaxation), string(a.RefreshPolicy)
	if relaxation == "" {
		relaxation = string(EnforceIP)
	}
	if refresh == "" {
		refresh = "infinite"
	}
	policy.add("ipRelaxation", strings.ToUpper(relaxation), "refreshTokenPolicy", refresh)
	n.kids = append(n.kids, config, policy)
	for _, profile := range a.ApprovedProfiles {
		n.add("profileName", profile)
	}
}
