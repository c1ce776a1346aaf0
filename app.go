package sftoken

import (
	"net/url"
	"strings"
)

// PlatformCLI is the client id that the Salesforce CLI uses. It exists in every org, has no secret and registers
// DefaultRedirectURI only (sfdx-core).
const PlatformCLI = "PlatformCLI"

// DefaultRedirectURI is the Salesforce CLI's callback, which apps made for it already register.
const DefaultRedirectURI = "http://localhost:1717/OauthRedirect"

// DefaultScopes returns what a login asks for when it is not told: "api", without which the access token opens no REST
// API, and "refresh_token", without which there is nothing to keep. "full" is never asked for: it does not even include
// refresh_token. Nor is "openid", which an app need not have: asking for more than it has ends in invalid_scope, and
// userinfo answers a token with "api" (observed of the Salesforce CLI).
func DefaultScopes() []string { return []string{"api", "refresh_token"} }

// App is a client registered in Salesforce: an external client app or a connected app.
type App struct {
	ClientID     string   // the consumer key
	ClientSecret Secret   // the consumer secret; zero for a public client, and then no client_secret is sent
	PrivateKey   Secret   // RSA in PEM, the one whose certificate the app has: for JWTBearer, and in place of a secret
	Host         Host     // where the app's logins run
	RedirectURI  string   // the registered callback, to the letter; an app that only refreshes needs none
	Scopes       []string // nil asks for DefaultScopes, empty but not nil for all the scopes that the app has
}

// IsPublic reports whether the app has nothing to authenticate by.
func (a App) IsPublic() bool { return a.ClientSecret.IsZero() && a.PrivateKey.IsZero() }

// AppError names the field of an App, or of the options of a login, that cannot be right.
type AppError struct {
	Field  string // as a person calls it: "client id"
	Reason string
	ID     string // client-id-empty, client-secret-swapped, redirect-insecure …
}

func (e *AppError) Error() string { return "check " + e.Field + ": " + e.Reason }

// ErrorID returns the stable name of this kind of error.
func (e *AppError) ErrorID() string { return e.ID }

// ErrorData returns the values that an explanation of the error may name.
func (e *AppError) ErrorData() map[string]string {
	return map[string]string{"Field": e.Field, "Reason": e.Reason}
}

// Validate checks shapes, by which a swapped or cut key is found before Salesforce answers "client identifier invalid".
// The error is an *AppError.
func (a App) Validate() error {
	if err := validClientID(a.ClientID); err != nil {
		return err
	}
	if err := validClientSecret(a.ClientSecret.Reveal(), a.ClientID); err != nil {
		return err
	}
	if !a.PrivateKey.IsZero() {
		if _, err := parsePrivateKey(a.PrivateKey); err != nil {
			return err
		}
	}
	if a.Host.IsZero() {
		return &AppError{"login host", "none was given", "host-empty"}
	}
	if a.RedirectURI != "" {
		if err := validRedirectURI(a.RedirectURI); err != nil {
			return err
		}
	}
	return validScopes(a.Scopes)
}

var (
	keyForm          = lazy(`^[a-zA-Z0-9._-]+={0,2}$`) // as in SFDX auth URLs
	secretForm       = lazy(`^([0-9A-F]{64}|[0-9]{13,19})$`)
	accessTokenForm  = lazy(`^00D[0-9A-Za-z]{12,15}!`)
	refreshTokenForm = lazy(`^5Aep[0-9A-Za-z._]{20,}$`)
)

// generatedKey begins every consumer key that Salesforce generates. Those have about 85 characters; custom ones have 8 to
// 256 letters and digits (Metadata API, ConnectedApp).
const generatedKey = "3MVG9"

func validClientID(id string) error {
	fail := func(id, reason string) error { return &AppError{"client id", reason, id} }
	switch {
	case id == "":
		return fail("client-id-empty", "none was given")
	case strings.ContainsAny(id, " \t\r\n"):
		return fail("client-id-malformed", "there is a space or a line break in it")
	case accessTokenForm().MatchString(id), refreshTokenForm().MatchString(id):
		return fail("client-id-token", "it is a token, not a consumer key")
	case secretForm().MatchString(id):
		return fail("client-id-swapped", "it looks like a consumer secret")
	case !keyForm().MatchString(id) || len(id) > 256:
		return fail("client-id-malformed", "a consumer key has letters, digits, dots, hyphens and underscores only, 256 at most")
	case strings.HasPrefix(id, generatedKey) && len(id) < 60:
		return fail("client-id-cut", "it is shorter than a consumer key is; was all of it copied?")
	}
	return nil
}

func validClientSecret(secret, clientID string) error {
	fail := func(id, reason string) error { return &AppError{"client secret", reason, id} }
	switch {
	case secret == "":
		return nil
	case strings.HasPrefix(secret, generatedKey), secret == clientID:
		return fail("client-secret-swapped", "it looks like a consumer key")
	case accessTokenForm().MatchString(secret), refreshTokenForm().MatchString(secret):
		return fail("client-secret-token", "it is a token, not a consumer secret")
	case !keyForm().MatchString(secret) || len(secret) > 256:
		return fail("client-secret-malformed", "there is a space, a line break or another character in it that a consumer secret never has")
	}
	return nil
}

func validRedirectURI(uri string) error {
	fail := func(id, reason string) error { return &AppError{"redirect URI", reason, id} }
	for _, c := range uri {
		if c <= ' ' || c >= 0x7f {
			return fail("redirect-malformed", "there is a space or a character outside ASCII in it")
		}
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return fail("redirect-malformed", "not a URL")
	case u.Scheme == "" || u.Host == "" && (u.Scheme == "http" || u.Scheme == "https"):
		return fail("redirect-malformed", "not an absolute URL such as "+DefaultRedirectURI)
	case u.User != nil:
		return fail("redirect-malformed", "there is a user name in it")
	case strings.Contains(uri, "#"):
		return fail("redirect-malformed", "there is a fragment in it") // RFC 6749 section 3.1.2
	case u.Port() == "0":
		return fail("redirect-port", "port 0 is none that an app can register")
	case u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost"):
		// observed: no app can register http://127.0.0.1, which is loopback as well
		return fail("redirect-insecure", "plain http is for localhost only, spelt so and not as an address")
	}
	return nil
}

// validScopes checks each scope for RFC 6749 section 3.3's characters.
func validScopes(scopes []string) error {
	for _, scope := range scopes {
		bad := strings.ContainsFunc(scope, func(c rune) bool {
			return c <= ' ' || c == '"' || c == '\\' || c == ',' || c >= 0x7f
		})
		if scope == "" || bad {
			return &AppError{"scopes", "a scope is one word such as api; separate scopes by spaces", "scope-malformed"}
		}
	}
	return nil
}
