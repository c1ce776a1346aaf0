package emulator

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// App is a connected app or external client app with the switches that an administrator has in Setup. The zero value of
// each switch is a new connected app's: secret required, PKCE not required, no rotation, refresh token valid until revoked.
type App struct {
	ClientID     string   `toml:"client_id"`
	ClientSecret string   `toml:"client_secret"` // empty: a public client, which must not send one
	ID           string   `toml:"id"`            // 0xI… or, of a connected app, 0H4…; default: made from client_id
	Name         string   `toml:"name"`          // API name; default: the label without what is no letter or digit
	Label        string   `toml:"label"`         // shown on the consent page
	Callbacks    []string `toml:"callbacks"`     // compared byte by byte; one that begins with "/" is on the emulator itself
	Scopes       []string `toml:"scopes"`

	// AnyLoopbackPort also accepts http://localhost with any port and path. Salesforce never does: it is for tests, which
	// need free ports.
	AnyLoopbackPort bool `toml:"any_loopback_port"`

	SecretOptional           bool          `toml:"secret_optional"`             // web server flow; one that is sent is still checked
	SecretOptionalForRefresh bool          `toml:"secret_optional_for_refresh"` // refresh
	PKCERequired             bool          `toml:"pkce_required"`
	Rotation                 bool          `toml:"rotation"` // every refresh returns a new refresh token; a spent one kills the grant
	RefreshPolicy            RefreshPolicy `toml:"refresh_policy"`
	IdleTTL                  bool          `toml:"idle_ttl"`                 // refresh tokens also die when idle for 30 days
	SessionTimeout           time.Duration `toml:"session_timeout"`          // of access tokens; 0: the org's
	SameAccessToken          bool          `toml:"same_access_token"`        // a refresh answers the access token that still lives, as observed at Salesforce
	IntrospectAll            bool          `toml:"introspect_all"`           // may introspect other apps' tokens of every org
	SecretlessIntrospection  bool          `toml:"secretless_introspection"` // a public app may introspect by its client id alone; no document says whether Salesforce allows it

	// Certificate is what the app's assertions are checked with: a certificate, or a bare RSA public key, as PEM. It is the
	// "Use digital signatures" of Setup and switches on the JWT bearer and SAML bearer flows and private_key_jwt.
	Certificate               string        `toml:"certificate"`
	ClientCredentials         bool          `toml:"client_credentials"`           // the flow is on
	ClientCredentialsUser     string        `toml:"client_credentials_user"`      // username that it runs as
	DeviceFlow                bool          `toml:"device_flow"`                  // the flow is on
	CodeCredentials           bool          `toml:"code_credentials"`             // authorization code and credentials, where a site allows it
	CodeCredentialsPostOnly   bool          `toml:"code_credentials_post_only"`   // credentials in the body only
	TokenExchange             bool          `toml:"token_exchange"`               // the flow is on; the org's token_handler decides
	SecretOptionalForExchange bool          `toml:"secret_optional_for_exchange"` // token exchange
	AssetTokens               bool          `toml:"asset_tokens"`                 // the app may make asset tokens
	AssetAudiences            []string      `toml:"asset_audiences"`              // of asset tokens; default: the client id
	AssetValidity             time.Duration `toml:"asset_validity"`               // of asset tokens; default 2h
	IDTokenClaims             bool          `toml:"id_token_claims"`              // ID tokens say who the user is, as userinfo does
	IDTokenValidity           time.Duration `toml:"id_token_validity"`            // of ID tokens, 1m to 12h; default 2m
	JWTAccessTokens           bool          `toml:"jwt_access_tokens"`            // access tokens are JWTs, whose end does not slide

	External      bool     `toml:"external"`       // an external client app; refusals are worded differently
	Disabled      bool     `toml:"disabled"`       // the OAuth plugin is switched off
	Blocked       bool     `toml:"blocked"`        // by an administrator
	NotInstalled  bool     `toml:"not_installed"`  // in any org
	LocalTo       string   `toml:"local_to"`       // my_domain of the only org that a local external client app works in
	AdminApproved bool     `toml:"admin_approved"` // only ApprovedUsers, who then see no consent page
	ApprovedUsers []string `toml:"approved_users"` // usernames

	RegisteredBy       string       `toml:"registered_by"` // client id of the app that registered it dynamically, and may introspect its tokens
	Description        string       `toml:"description"`
	ContactEmail       string       `toml:"contact_email"`
	InstalledIn        []string     `toml:"installed_in"`          // my_domains of the orgs that installed its package; empty: every org
	ApprovedProfiles   []string     `toml:"approved_profiles"`     // with AdminApproved, beside ApprovedUsers
	IPRelaxation       IPRelaxation `toml:"ip_relaxation"`         // default enforce
	TrustedIPRanges    []IPRange    `toml:"trusted_ip_ranges"`     // of the app
	RefreshIPAllowList []IPRange    `toml:"refresh_ip_allow_list"` // codes and refresh tokens work from here only
}

func (a *App) clone() *App {
	copied := *a
	copied.Callbacks = slices.Clone(a.Callbacks)
	copied.Scopes = slices.Clone(a.Scopes)
	copied.AssetAudiences = slices.Clone(a.AssetAudiences)
	copied.ApprovedUsers = slices.Clone(a.ApprovedUsers)
	copied.InstalledIn = slices.Clone(a.InstalledIn)
	copied.ApprovedProfiles = slices.Clone(a.ApprovedProfiles)
	copied.TrustedIPRanges = slices.Clone(a.TrustedIPRanges)
	copied.RefreshIPAllowList = slices.Clone(a.RefreshIPAllowList)
	return &copied
}

// registered reports whether redirectURI is one of the app's callbacks: the same string, port included (E-01). base is the
// emulator's own address.
func (a *App) registered(redirectURI, base string) bool {
	for _, callback := range a.Callbacks {
		if strings.HasPrefix(callback, "/") {
			callback = base + callback
		}
		if callback == redirectURI {
			return true
		}
	}
	return a.AnyLoopbackPort && onLocalhost(redirectURI)
}

func onLocalhost(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || strings.ContainsAny(redirectURI, "\\#") {
		return false
	}
	if u.Host == "localhost" {
		return true
	}
	host, port, err := net.SplitHostPort(u.Host)
	return err == nil && host == "localhost" && port != "" && port != "0"
}

// admits checks the policies that an administrator sets, in the order in which Salesforce is known to name them.
func (a *App) admits(who *account) *refusal {
	switch {
	case a.Blocked:
		return refusedAppBlocked
	case !a.installedIn(&who.org) && a.External:
		return refusedAppNotFound
	case !a.installedIn(&who.org) && !who.mayUseUninstalled():
		return refusedNotInstalled
	case a.LocalTo != "" && a.LocalTo != who.org.MyDomain:
		return refusedCrossOrg
	case a.AdminApproved && !a.permits(who):
		return refusedNotAdmitted
	}
	return nil
}

// idleLimit is the shortest time for which the app's refresh tokens may lie unused; 0 means for ever.
func (a *App) idleLimit(policy lifetime) time.Duration {
	const idleTTL = 30 * 24 * time.Hour
	if a.IdleTTL && (policy.idle == 0 || policy.idle > idleTTL) {
		return idleTTL
	}
	return policy.idle
}
