package wire

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sftoken/sftoken"
)

// secretNames are the parameters, JSON fields, headers and form inputs whose value is a secret, in lower case: everything in
// Salesforce's token answers and requests that grants something, or proves who asks.
var secretNames = []string{
	"access_token", "refresh_token", "id_token", "oauth_token", "delete_token", "subject_token", "actor_token", "token",
	"registration_access_token",
	"client_secret", "consumer_secret", "consumersecret", "secret", "sessionid", "beacon_child_consumer_secret", "client_assertion", "assertion", "signature",
	"code", "state", "nonce", "code_verifier", "device_code", "user_code",
	"sid", "parent_sid", "lightning_sid", "visualforce_sid", "content_sid", "csrf_token", "csrf", "otp",
	"cookie-clientsrc", "cookie-sid_client", "cookie", "set-cookie", "authorization", "proxy-authorization",
	"username-password", "password", "newpassword", "pw",
}

const longestName = 32 // and more than any of secretNames

// guessable are the secrets that people choose or that are short: a fingerprint of one would let anybody test guesses
// against it, so they get none.
var guessable = []string{
	"username-password", "password", "newpassword", "pw", "otp", "user_code", "cookie", "set-cookie", "authorization", "proxy-authorization",
}

// chars are the characters that Salesforce's tokens and codes are made of, plain and percent-encoded. All shapes share them,
// so that two secrets written without a gap go together.
const chars = `[A-Za-z0-9._~=%!+/-]`

// The patterns are compiled when first used: most commands show no request, and start faster for it.
var (
	// shape finds a token in running text: an access token (the org id, an exclamation mark, the session), a refresh token,
	// an authorization code, a JWT, a consumer secret (64 upper-case hexadecimal digits).
	shape = pattern(`00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?(?:!|%21)` + chars + `+` +
		`|(?:5Aep|aPrx)` + chars + `{4,}` +
		`|eyJ[A-Za-z0-9_-]{4,}(?:\.|%2E)` + chars + `+` +
		`|[0-9A-F]{64}`)

	// named finds `name=value`, `name: value`, `"name":"value"` and their escaped forms. Everyday words, as in "refresh token:
	// connection refused", count only where a program wrote them: with an equals sign, a token also in quotes.
	named = pattern(`(?i)(` + alternatives(slices.DeleteFunc(slices.Clone(secretNames), everyday)) + `)` +
		`\\?["']?\s*(?:=|:|%3D|%3A)\s*\\?["']?((?:(?:Bearer|Basic|OAuth|DPoP)\s+)?[^\s"'&<>\\,;]+)` +
		`|(code|state|nonce|token|secret)(?:=|%3D)([^\s"'&<>\\,;]+)` +
		`|(token|secret)\\?["']\s*:\s*\\?["']([^\s"'&<>\\,;]+)`)

	scheme  = pattern(`(?i)\b(?:Bearer|Basic|OAuth|DPoP)\s+(` + chars + `{16,})`)
	cookies = pattern(`(?i)\b(?:set-)?cookie:[ \t]*([^\r\n]+)`)
	authURL = pattern(`(?i)force://[^:@\s]*:([^@\s]+)@`)

	// placed is what these expressions see of a placeholder.
	placed = pattern(`^(?:[A-Za-z0-9]{3,18}!?…)?\[secret(?: [0-9a-f]{8})?\]?$`)
)

func pattern(parts ...string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(strings.Join(parts, "")) })
}

func everyday(name string) bool {
	return slices.Contains([]string{"code", "state", "nonce", "token", "secret"}, name)
}

func alternatives(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	slices.SortFunc(quoted, func(a, b string) int { return len(b) - len(a) }) // the longest name wins
	return strings.Join(quoted, "|")
}

// isSecret reports whether the value of a parameter, field or header of this name is a secret.
func isSecret(name string) bool { return slices.Contains(secretNames, strings.ToLower(name)) }

// Value returns the value of the parameter, field or header called name as it may be shown.
func Value(name, value string) string {
	if !isSecret(name) {
		return Text(value)
	}
	if slices.Contains(guessable, strings.ToLower(name)) && value != "" {
		return "[secret]"
	}
	return placeholder(value)
}

// Secret returns the placeholder of s, the same as where it is found on the wire.
func Secret(s sftoken.Secret) string { return placeholder(s.Reveal()) }

// Text returns text with every secret in it replaced, found by the names of parameters and by the shapes of Salesforce's
// tokens. It leaves its own placeholders alone.
func Text(text string) string {
	var out strings.Builder
	end := 0
	for _, s := range merge(find(text)) {
		out.WriteString(text[end:s.from])
		out.WriteString(Value(s.name, text[s.from:s.to]))
		end = s.to
	}
	out.WriteString(text[end:])
	return out.String()
}

// span is where a secret stands in a text, and the name that says so.
type span struct {
	from, to int
	name     string
}

func find(text string) []span {
	var spans []span
	for _, m := range cookies().FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, span{m[2], m[3], "cookie"})
	}
	for _, m := range authURL().FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, span{m[2], m[3], "password"}) // two secrets: no fingerprint of both together
	}
	for _, m := range scheme().FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, span{m[2], m[3], "authorization"})
	}
	for _, m := range shape().FindAllStringIndex(text, -1) {
		spans = append(spans, span{m[0], m[1], "token"})
	}
	for at := 0; ; {
		m := named().FindStringSubmatchIndex(text[at:])
		if m == nil {
			return slices.DeleteFunc(spans, func(s span) bool { return placed().MatchString(text[s.from:s.to]) })
		}
		m = slices.DeleteFunc(m, func(i int) bool { return i < 0 }) // the alternatives that did not match
		name, value := m[2:4], m[4:6]
		spans = append(spans, span{at + value[0], at + value[1], text[at+name[0] : at+name[1]]})
		at += max(value[0], value[1]-longestName) // a value may end in the name of the next one: {token: "csrf_token": "…"}
	}
}

// merge joins spans that overlap, so that nothing of either is left.
func merge(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(a.from-b.from, b.to-a.to) })
	var merged []span
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && s.from < merged[last].to {
			merged[last].to = max(merged[last].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// placeholder stands for a secret: the public start of its shape, and its fingerprint. A percent-encoded value gets the
// fingerprint of what it encodes, because that is the value the other side sees.
func placeholder(secret string) string {
	if secret == "" {
		return ""
	}
	if plain, err := url.PathUnescape(secret); err == nil {
		secret = plain
	}
	return prefix(secret) + "[secret " + sftoken.NewSecret(secret).Fingerprint() + "]"
}

func prefix(secret string) string {
	org, _, found := strings.Cut(secret, "!")
	switch {
	case found && strings.HasPrefix(org, "00D") && (len(org) == 15 || len(org) == 18):
		return org + "!…" // the org's id is no secret; it stands in the answer's other fields too
	case strings.HasPrefix(secret, "5Aep"), strings.HasPrefix(secret, "aPrx"):
		return secret[:4] + "…"
	case strings.HasPrefix(secret, "eyJ"):
		return "eyJ…"
	}
	return ""
}
