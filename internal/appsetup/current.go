package appsetup

import (
	"context"
	"strings"
)

// Current is an app as the org has it.
type Current struct {
	Name         string
	Label        string
	Distribution string // Local, Packaged, …
	ConsumerKey  string

	RedirectURIs      []string
	Scopes            []string // as on the wire
	SecretForLogin    bool     // the code exchange needs a client secret
	SecretForRefresh  bool
	PKCE, Rotation    bool
	Device            bool
	ClientCredentials bool // in settings and policies
	Certificate       bool

	Enabled          bool // the app, and its OAuth plugin
	AdminApproved    bool
	PermissionSets   []string
	Profiles         []string
	IPRelaxation     string // as in metadata
	RefreshPolicy    RefreshPolicy
	RefreshNever     bool // refresh tokens are dead when they are issued
	RunAs            string
	SessionLevel     string // LOW, STANDARD, HIGH_ASSURANCE
	SessionAction    string // Block, RaiseSessionLevel, StepUpMFA
	PoliciesUnknown  bool   // the org gave no OAuth policies under a name that is known
	clientFlowPolicy bool
}

// The names of settings and policies are the org's own if the app was made in Setup. These were seen.
func candidates(app string, suffixes ...string) []string {
	names := []string{app}
	for _, suffix := range suffixes {
		names = append(names, app+suffix)
	}
	return names
}

// application reads the component that is the app itself, or fails with a *MissingError.
func (o *Org) application(ctx context.Context, name string) (application, error) {
	var app application
	found, err := o.read(ctx, applicationKind, name)
	if err != nil {
		return app, err
	}
	if len(found) == 0 {
		return app, &MissingError{Name: name}
	}
	return app, found[0].body(&app)
}

// Current reads the app of that name, or fails with a *MissingError.
func (o *Org) Current(ctx context.Context, name string) (*Current, error) {
	app, err := o.application(ctx, name)
	if err != nil {
		return nil, err
	}
	// What a field is when it does not stand in the answer (D: Metadata API).
	global := globalOAuth{IsPkceRequired: true, IsSecretRequiredForRefresh: true}
	scopes, rules, plugin := oauth{}, oauthPolicy{}, policy{IsEnabled: true, IsOauthPluginEnabled: true}
	known := true
	for _, part := range []struct {
		kind  kind
		names []string
		into  any
	}{
		{globalOAuthKind, candidates(name, "_glbloauth", "_global"), &global},
		{oauthKind, candidates(name, "_oauth"), &scopes},
		{oauthPolicyKind, candidates(name, "_defaultPolicy", "_oauthPlcy"), &rules},
		{policyKind, candidates(name, "_defaultPolicy", "_plcy"), &plugin},
	} {
		found, err := o.readOf(ctx, name, part.kind, part.names, part.into)
		if err != nil {
			return nil, err
		}
		known = known && (found || part.kind != oauthPolicyKind)
	}
	c := &Current{
		Name: name, Label: app.Label, Distribution: app.DistributionState, ConsumerKey: global.ConsumerKey,
		RedirectURIs: strings.Fields(global.CallbackURL), Scopes: wiresOf(scopes.Scopes),
		SecretForLogin: !global.IsConsumerSecretOptional, SecretForRefresh: global.IsSecretRequiredForRefresh,
		PKCE: global.IsPkceRequired, Rotation: global.IsRefreshTokenRotationEnabled, Device: global.IsDeviceFlowEnabled,
		ClientCredentials: global.IsClientCredentialsFlowEnabled, Certificate: global.Certificate != "",
		Enabled: plugin.IsEnabled && plugin.IsOauthPluginEnabled, PoliciesUnknown: !known,
	}
	if known {
		c.policies(rules)
	}
	return c, nil
}

// readOf decodes the first component of the app that is found under one of the names.
func (o *Org) readOf(ctx context.Context, app string, k kind, names []string, into any) (bool, error) {
	found, err := o.read(ctx, k, names...)
	if err != nil {
		return false, err
	}
	for _, r := range found {
		if r.App == app {
			return true, r.body(into)
		}
	}
	return false, nil
}

func (c *Current) policies(p oauthPolicy) {
	c.AdminApproved = p.PermittedUsers == "AdminApprovedPreAuthorized"
	c.PermissionSets, c.Profiles = commas(p.PermissionSets), commas(p.Profiles)
	c.IPRelaxation = p.IPRelaxation
	c.RunAs, c.clientFlowPolicy = p.ClientCredentialsFlowUser, p.IsClientCredentialsFlowEnabled
	c.SessionLevel, c.SessionAction = p.RequiredSessionLevel, p.PolicyAction
	switch p.RefreshTokenPolicy {
	case "Zero":
		c.RefreshNever = true
	case "SpecificInactivity":
		c.RefreshPolicy = RefreshPolicy{Idle, p.RefreshTokenValidity, p.RefreshTokenUnit}
	case "SpecificLifetime":
		c.RefreshPolicy = RefreshPolicy{Lifetime, p.RefreshTokenValidity, p.RefreshTokenUnit}
	default:
		c.RefreshPolicy = RefreshPolicy{Kind: UntilRevoked}
	}
}

func commas(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
