// Package appsetup makes the app that logins need: an external client app, described by Settings, deployed to an org by the
// Metadata API, read back, checked against what the flows need, and given a new secret when it is time. For those who may
// not deploy it writes the same app as files and as a guide through the pages of Setup.
//
// It makes no connected apps: Salesforce lets nobody create them any more (H: 005228017, Spring '26). It never replaces an
// app that is there unless told to, never changes a setting of the org, keeps nothing and knows no terminal: internal/cli,
// which alone imports it, signs in, remembers and asks.
package appsetup

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
)

// Settings say what app is wanted. The zero values are the safe ones: a public client with PKCE and rotation, the scopes of
// sftoken.DefaultScopes, refresh tokens that die when they lie idle for 30 days, and IP restrictions enforced.
type Settings struct {
	Name         string   // API name: letters, digits and single underscores
	Label        string   // empty: the name
	Description  string   // may be empty
	ContactEmail string   // an external client app must have one
	RedirectURIs []string // none: sftoken.DefaultRedirectURI
	Scopes       []string // as on the wire; none: sftoken.DefaultScopes

	Confidential    bool // a secret is asked of the code exchange and of each refresh
	WithoutPKCE     bool
	WithoutRotation bool

	RefreshPolicy  RefreshPolicy
	AdminApproved  bool     // only users whom an administrator has approved, by the two lists
	PermissionSets []string // names, not ids: the org refuses ids (observed)
	Profiles       []string
	IPRelaxation   IPRelaxation

	Device                bool
	ClientCredentialsUser string // username as whom the client credentials flow runs; empty: the flow is off
	Certificate           string // PEM of the JWT bearer flow; empty: the flow is off
}

// IPRelaxation says whether the IP ranges of profile and app bind a session of the app.
type IPRelaxation string

// The values, by what they do (Metadata API, ipRelaxationPolicyType). Enforce is the zero value.
const (
	Enforce           IPRelaxation = ""
	Relax             IPRelaxation = "relax"
	RelaxSecondFactor IPRelaxation = "relax-second-factor"
	RelaxRefresh      IPRelaxation = "relax-refresh"
)

var ipRelaxations = map[IPRelaxation]string{
	Enforce: "Enforce", Relax: "Bypass", RelaxSecondFactor: "Bypass_2factor", RelaxRefresh: "Enforce_RelaxRefresh",
}

// RefreshPolicy says when refresh tokens end by themselves. The zero value is idle for 30 days, which Salesforce is about to
// enforce for all apps anyway.
type RefreshPolicy struct {
	Kind   PolicyKind
	Period int
	Unit   string // Hours, Days or Months
}

// PolicyKind is what the period of a RefreshPolicy is counted from.
type PolicyKind string

// The kinds. Salesforce has a fourth, by which a refresh token is dead when it is issued; nobody can want that here.
const (
	Idle         PolicyKind = "idle"          // from the last use
	Lifetime     PolicyKind = "lifetime"      // from the login
	UntilRevoked PolicyKind = "until-revoked" // no period
)

var policyForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(idle|lifetime):([1-9][0-9]{0,3})([hdm])$`) })

// ParseRefreshPolicy reads "until-revoked", "idle:30d" or "lifetime:12h"; a period ends in h, d or m for months. The error
// is an *sftoken.AppError.
func ParseRefreshPolicy(text string) (RefreshPolicy, error) {
	if text == string(UntilRevoked) {
		return RefreshPolicy{Kind: UntilRevoked}, nil
	}
	parts := policyForm().FindStringSubmatch(text)
	if parts == nil {
		return RefreshPolicy{}, wrong("refresh policy", "it is until-revoked, or idle or lifetime with a period such as idle:30d, lifetime:12h, lifetime:6m", "refresh-policy")
	}
	n, _ := strconv.Atoi(parts[2])
	unit := map[string]string{"h": "Hours", "d": "Days", "m": "Months"}[parts[3]]
	return RefreshPolicy{Kind: PolicyKind(parts[1]), Period: n, Unit: unit}, nil
}

// or fills in the zero value.
func (p RefreshPolicy) or() RefreshPolicy {
	if p.Kind == "" {
		return RefreshPolicy{Kind: Idle, Period: 30, Unit: "Days"}
	}
	return p
}

// String is what ParseRefreshPolicy reads.
func (p RefreshPolicy) String() string {
	p = p.or()
	if p.Kind == UntilRevoked || p.Unit == "" {
		return string(p.Kind)
	}
	return fmt.Sprintf("%s:%d%s", p.Kind, p.Period, strings.ToLower(p.Unit[:1]))
}

func wrong(field, reason, id string) error {
	return &sftoken.AppError{Field: field, Reason: reason, ID: "app-setting-" + id}
}

// Filled returns the settings with the defaults written out.
func (s Settings) Filled() Settings {
	if s.Label == "" {
		s.Label = s.Name
	}
	if len(s.RedirectURIs) == 0 {
		s.RedirectURIs = []string{sftoken.DefaultRedirectURI}
	}
	if len(s.Scopes) == 0 {
		s.Scopes = sftoken.DefaultScopes()
	}
	s.RefreshPolicy = s.RefreshPolicy.or()
	return s
}

var apiName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z](_?[A-Za-z0-9])*$`) })

// maxCallbacks is how long all callback URLs may be together (H: enable OAuth settings).
const maxCallbacks = 2000

// Validate finds what Salesforce would refuse, or take and not work with. The error is an *sftoken.AppError.
func (s Settings) Validate() error {
	s = s.Filled()
	switch {
	case !apiName().MatchString(s.Name) || len(s.Name) > 80:
		return wrong("app name", "it begins with a letter and has letters, digits and single underscores only, 80 at most", "name")
	case len(s.Label) > 80:
		return wrong("label", "it is longer than 80 characters", "label")
	case !strings.Contains(s.ContactEmail, "@") || strings.ContainsAny(s.ContactEmail, " <>\r\n"):
		return wrong("contact e-mail", "an app needs the address of somebody who answers for it", "contact")
	case s.AdminApproved && len(s.PermissionSets)+len(s.Profiles) == 0:
		return wrong("permitted users", "nobody could log in: name a permission set or a profile whose users are approved", "users")
	case !s.AdminApproved && len(s.PermissionSets)+len(s.Profiles) > 0:
		return wrong("permitted users", "permission sets and profiles count only for an app whose users an administrator approves", "users")
	case s.ClientCredentialsUser != "" && !s.Confidential:
		return wrong("client credentials flow", "it needs a client secret: the app must be confidential", "client-credentials")
	case s.Certificate != "" && !strings.Contains(s.Certificate, "-----BEGIN CERTIFICATE-----"):
		return wrong("certificate", "it is no PEM certificate", "certificate")
	}
	if _, known := ipRelaxations[s.IPRelaxation]; !known {
		return wrong("IP relaxation", "it is enforce, relax, relax-second-factor or relax-refresh", "ip")
	}
	return s.validLists()
}

func (s Settings) validLists() error {
	for _, list := range [][]string{s.PermissionSets, s.Profiles} {
		if slices.ContainsFunc(list, func(name string) bool { return name == "" || strings.Contains(name, ",") }) {
			return wrong("permitted users", "a name is empty or has a comma in it", "users")
		}
	}
	for _, scope := range s.Scopes {
		if _, known := scopeNamed(scope); !known {
			return wrong("scopes", strconv.Quote(scope)+" is none that an app can have", "scope")
		}
	}
	for _, uri := range s.RedirectURIs {
		host, _ := sftoken.ParseHost("login.salesforce.com")
		if err := (sftoken.App{ClientID: sftoken.PlatformCLI, Host: host, RedirectURI: uri}).Validate(); err != nil {
			return err
		}
	}
	if len(strings.Join(s.RedirectURIs, "\n")) > maxCallbacks {
		return wrong("redirect URI", fmt.Sprintf("all together may have %d characters", maxCallbacks), "redirect")
	}
	return nil
}

// Warnings are the ids of what is allowed and yet likely to be regretted.
func (s Settings) Warnings() []string {
	s = s.Filled()
	var ids []string
	if !slices.Contains(s.Scopes, "refresh_token") && !slices.Contains(s.Scopes, "offline_access") {
		ids = append(ids, "no-refresh-token")
	}
	if s.WithoutPKCE {
		ids = append(ids, "no-pkce")
	}
	if s.WithoutRotation && !s.Confidential {
		ids = append(ids, "no-rotation")
	}
	if s.Device && !slices.ContainsFunc(s.RedirectURIs, onThisMachine) {
		ids = append(ids, "device-callback")
	}
	return ids
}

// onThisMachine recognises the callback that the device flow is tied to from 30 November 2026 (release notes, quoted).
func onThisMachine(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && strings.EqualFold(u.Hostname(), "localhost")
}
