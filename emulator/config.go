package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is the world that an emulator starts with.
type Config struct {
	Orgs   []Org   `toml:"org"`
	Apps   []App   `toml:"app"`
	Faults []Fault `toml:"fault"` // misbehaviour to begin with

	// AddressHeader names a header, such as X-Forwarded-For, that says where a request comes from: tests of IP rules need
	// more than one address. Empty: the address of the connection.
	AddressHeader    string        `toml:"address_header"`
	PropagationDelay time.Duration `toml:"propagation_delay"` // an app that is new or changed at run time is unknown for so long
	DeployTime       time.Duration `toml:"deploy_time"`       // a metadata deployment takes so long; default 1s
}

// Org is a Salesforce tenant and its users.
type Org struct {
	ID       string `toml:"id"`        // 00D…, 15 or 18 characters
	Name     string `toml:"name"`      // company name
	MyDomain string `toml:"my_domain"` // "acme", or "acme--dev.sandbox": the org answers under that path prefix and under hosts that begin with it
	Sandbox  bool   `toml:"sandbox"`   // logs in on test.…, not on login.…
	Edition  string `toml:"edition"`   // Organization.OrganizationType; default "Developer Edition"
	Instance string `toml:"instance"`  // Organization.InstanceName; default "EMU1"
	DevHub   bool   `toml:"dev_hub"`   // ScratchOrgInfo can be queried

	Locked          bool          `toml:"locked"`           // every login and refresh is refused: inactive_org
	PKCERequired    bool          `toml:"pkce_required"`    // for every app, whatever the app itself says
	SessionTimeout  time.Duration `toml:"session_timeout"`  // access tokens die when idle for so long; default 2h
	HTTPSRequired   bool          `toml:"https_required"`   // authorize and the identity URL refuse plain http
	BlockPassword   bool          `toml:"block_password"`   // the username-password flow, as new orgs have it since Summer '23
	BlockUserAgent  bool          `toml:"block_user_agent"` // the user-agent flow, hybrid too
	CodeCredentials bool          `toml:"code_credentials"` // authorization code and credentials flow, for apps that have it on

	LoginsPerHour int `toml:"logins_per_hour"` // per user, beyond it rate_limit_exceeded; 0: no limit (Salesforce's is 3600)

	FormerDomains []string `toml:"former_domains"` // My Domains it had before: they answer 302 to the one of now

	LoginAtMyDomainOnly   bool `toml:"login_at_my_domain_only"`  // the pools refuse its users: canOnlyLoginWithMyDomainUrl
	LockSessionsToIP      bool `toml:"lock_sessions_to_ip"`      // an access token is dead from another address
	AdminApprovedAppsOnly bool `toml:"admin_approved_apps_only"` // API Access Control: enableAdminApprovedAppsOnly
	APIDisabled           bool `toml:"api_disabled"`             // the edition has no REST API
	SecretsByREST         bool `toml:"secrets_by_rest"`          // enableClientSecretInRestApiAccess
	ConnectedAppsMakeable bool `toml:"connected_apps_makeable"`  // by deployment, as before Spring '26
	Registration          bool `toml:"registration"`             // dynamic client registration

	Profiles          []Profile          `toml:"profile"`
	Users             []User             `toml:"user"`
	Sites             []Site             `toml:"site"`
	IdentityProviders []IdentityProvider `toml:"identity_provider"`
	TokenHandlers     []TokenHandler     `toml:"token_handler"`
}

// User is somebody who can log in to an org.
type User struct {
	ID        string `toml:"id"` // 005…, 15 or 18 characters
	Username  string `toml:"username"`
	Password  string `toml:"password"`
	FirstName string `toml:"first_name"`
	LastName  string `toml:"last_name"`
	Email     string `toml:"email"`    // default: the username
	Language  string `toml:"language"` // of the pages once logged in; default "en_US"
	Locale    string `toml:"locale"`   // default "en_US"
	Timezone  string `toml:"timezone"` // default "GMT"
	Inactive  bool   `toml:"inactive"`

	MFA           bool   `toml:"mfa"`            // the login asks for a code too: VerificationCode
	SecurityToken string `toml:"security_token"` // must follow the password where no page asks for it; empty: every address is trusted
	Site          string `toml:"site"`           // prefix of the site that an external user logs in to; empty: an internal user

	Profile       string       `toml:"profile"`         // name of one of the org's; empty: System Administrator
	Permissions   []Permission `toml:"permissions"`     // beyond the profile's, as a permission set gives them
	LoginIPRanges []IPRange    `toml:"login_ip_ranges"` // beside the profile's
}

// ReadConfig reads a configuration in TOML, or in JSON with the same keys. Unknown keys and contradictions are errors that
// name the key.
func ReadConfig(r io.Reader) (*Config, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read emulator config: %w", err)
	}
	var config Config
	if text := bytes.TrimLeft(content, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		err = json.Unmarshal(content, &config)
	} else {
		err = decodeTOML(content, &config)
	}
	if err != nil {
		return nil, fmt.Errorf("read emulator config: %w", err)
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &config, nil
}

func decodeTOML(content []byte, config *Config) error {
	meta, err := toml.Decode(string(content), config)
	if err != nil {
		return err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("unknown key %q", unknown[0].String())
	}
	return nil
}

// Validate reports the first contradiction in c.
func (c *Config) Validate() error {
	domains, ids, usernames, clients := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	taken := func(seen map[string]bool, key string) bool {
		defer func() { seen[key] = true }()
		return seen[key]
	}
	if len(c.Orgs) == 0 {
		return errors.New("check emulator config: no org")
	}
	for _, org := range c.Orgs {
		if err := checkID(org.ID, "00D"); err != nil {
			return fmt.Errorf("check org %q: id: %w", org.Name, err)
		}
		if taken(ids, id15(org.ID)) {
			return fmt.Errorf("check org %q: id %s is used twice", org.Name, org.ID)
		}
		if strings.ContainsAny(org.MyDomain, "/:?# ") || org.MyDomain == "" || reservedPrefix[org.MyDomain] {
			return fmt.Errorf("check org %q: my_domain %q: want a label such as \"acme\" or \"acme--dev.sandbox\"", org.Name, org.MyDomain)
		}
		if taken(domains, org.MyDomain) {
			return fmt.Errorf("check org %q: my_domain %q is used twice", org.Name, org.MyDomain)
		}
		if err := org.validateLogins(); err != nil {
			return err
		}
		if err := org.validatePolicies(taken, domains); err != nil {
			return err
		}
		for _, user := range org.Users {
			if err := user.validatePolicies(&org); err != nil {
				return err
			}
			if err := checkID(user.ID, "005"); err != nil {
				return fmt.Errorf("check user %q: id: %w", user.Username, err)
			}
			if taken(ids, id15(user.ID)) {
				return fmt.Errorf("check user %q: id %s is used twice", user.Username, user.ID)
			}
			if user.Username == "" || user.Password == "" {
				return fmt.Errorf("check user %q of org %q: username and password are needed", user.Username, org.Name)
			}
			if user.Site != "" && org.site(user.Site) == nil {
				return fmt.Errorf("check user %q: org %q has no site %q", user.Username, org.Name, user.Site)
			}
			if taken(usernames, strings.ToLower(user.Username)) {
				return fmt.Errorf("check user %q: username is used twice", user.Username)
			}
		}
	}
	for i := range c.Apps {
		if err := c.Apps[i].validate(); err != nil {
			return err
		}
		if taken(clients, c.Apps[i].ClientID) {
			return fmt.Errorf("check app %q: client_id is used twice", c.Apps[i].ClientID)
		}
	}
	for i := range c.Faults {
		if err := c.Faults[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// reservedPrefix are first path segments of the emulator's own, which an org's path prefix must not hide.
var reservedPrefix = map[string]bool{"services": true, "id": true, "setup": true, "secur": true, ".well-known": true}

func (a *App) validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("check app %q: %s", a.ClientID, fmt.Sprintf(format, args...))
	}
	if a.ClientID == "" {
		return fail("client_id is needed")
	}
	if a.ID != "" && checkID(a.ID, "0xI") != nil && checkID(a.ID, "0H4") != nil {
		return fail("id %q: want 0xI or 0H4 and 12 or 15 letters and digits", a.ID)
	}
	if strings.Trim(a.ClientID+a.ClientSecret, tokenAlphabet+"-=") != "" {
		return fail("client_id and client_secret may hold letters, digits, '.', '_' and '-' only")
	}
	for _, scope := range a.Scopes {
		if !slices.Contains(allScopes, scope) {
			return fail("scope %q does not exist", scope)
		}
	}
	for _, callback := range a.Callbacks {
		u, err := url.Parse(callback)
		if err != nil || (u.Scheme == "" && !strings.HasPrefix(callback, "/")) || u.Fragment != "" {
			return fail("callback %q: want an absolute URL, or a path on the emulator itself", callback)
		}
	}
	if a.Certificate != "" {
		if _, err := publicKey(a.Certificate); err != nil {
			return fail("certificate: %v", err)
		}
	}
	if v := a.IDTokenValidity; v != 0 && (v < time.Minute || v > 12*time.Hour) {
		return fail("id_token_validity %s: want 1m to 12h", v)
	}
	if a.AssetValidity < 0 {
		return fail("asset_validity %s: want a positive duration", a.AssetValidity)
	}
	if _, err := a.RefreshPolicy.parse(); err != nil {
		return fail("%v", err)
	}
	if err := a.validatePolicies(); err != nil {
		return fail("%v", err)
	}
	return nil
}

// RefreshPolicy says how long a refresh token lives, in the words of the metadata API: "infinite" (or empty), "zero",
// "specific_lifetime:365:DAYS", "specific_inactivity:30:DAYS"; units HOURS, DAYS, MONTHS (of 30 days here).
type RefreshPolicy string

type lifetime struct {
	never    bool          // issued, but never usable
	lifetime time.Duration // since the approval; 0: no limit
	idle     time.Duration // since the last use; 0: no limit
}

func (p RefreshPolicy) parse() (lifetime, error) {
	switch p {
	case "", "infinite":
		return lifetime{}, nil
	case "zero":
		return lifetime{never: true}, nil
	}
	units := map[string]time.Duration{"HOURS": time.Hour, "DAYS": 24 * time.Hour, "MONTHS": 30 * 24 * time.Hour}
	kind, rest, _ := strings.Cut(string(p), ":")
	count, unit, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(count)
	switch span := time.Duration(n) * units[unit]; {
	case err != nil || span <= 0:
	case kind == "specific_lifetime":
		return lifetime{lifetime: span}, nil
	case kind == "specific_inactivity":
		return lifetime{idle: span}, nil
	}
	return lifetime{}, fmt.Errorf("refresh_policy %q: want infinite, zero, specific_lifetime:N:UNIT or specific_inactivity:N:UNIT with HOURS, DAYS or MONTHS", p)
}
