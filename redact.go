package sftoken

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	descriptionLimit = 300
	snippetLimit     = 200
)

// secretShapes are what Salesforce's secrets look like, wherever they stand (reference: token shapes observed), and the
// parameters whose values are secret whatever they look like.
var secretShapes = []func() *regexp.Regexp{
	lazy(`00D[0-9A-Za-z]{12,15}(!|%21)[0-9A-Za-z._%-]*`),        // access token, session id
	lazy(`5Aep[0-9A-Za-z._%=-]{8,}`),                            // refresh token
	lazy(`aPrx[0-9A-Za-z._%=-]{8,}`),                            // authorization code
	lazy(`eyJ[0-9A-Za-z_-]{8,}(\.[0-9A-Za-z_-]*){0,4}`),         // JWT
	lazy(`(?i)force://[^\s"'<>]+`),                              // SFDX auth URL
	lazy(`(?i)\b(Bearer|Basic|OAuth) +[0-9A-Za-z._~+/!=-]{8,}`), // Authorization header
	lazy(`\b[0-9A-F]{64}\b`),                                    // consumer secret
}

var secretParameter = lazy(`(?i)(\b(?:access_token|refresh_token|id_token|client_secret|client_assertion|assertion|code|code_verifier|password|signature|sid|[a-z]+_sid|csrf_token|otp|token|state|nonce)\\*"?\s*[=:]\s*\\*"?)[^\s"'\\&,;<>}]+`)

// redact replaces the secrets that we sent, which an error may echo whatever they look like.
func (a *answer) redact(text string) string {
	for _, secret := range a.secrets {
		if value := secret.Reveal(); len(value) >= 6 {
			text = strings.ReplaceAll(text, value, redacted)
			text = strings.ReplaceAll(text, url.QueryEscape(value), redacted)
		}
	}
	return text
}

func redactShapes(text string) string {
	for _, shape := range secretShapes {
		text = shape().ReplaceAllString(text, redacted)
	}
	return secretParameter().ReplaceAllString(text, "${1}"+redacted)
}

var (
	pageTitle = lazy(`(?is)<title[^>]*>(.*?)</title>`)
	pageNoise = lazy(`(?is)<(script|style|head)\b.*?</(script|style|head)>|<[^>]*>`)
)

// snippet is the beginning of the body as a person can read it: of a web page its title, or else its text.
func (a *answer) snippet() string {
	text := string(a.body[:min(len(a.body), 64<<10)])
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		if title := pageTitle().FindStringSubmatch(text); title != nil && strings.TrimSpace(title[1]) != "" {
			text = title[1]
		} else {
			text = pageNoise().ReplaceAllString(text, " ")
		}
		text = html.UnescapeString(text)
	}
	return clean(a.redact(text), snippetLimit)
}

// clean makes a text of the other side's fit for a terminal and a log line: no control, format or other invisible
// characters, single spaces, at most limit characters, and nothing in the shape of a secret.
func clean(text string, limit int) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case c == unicode.ReplacementChar, !unicode.IsPrint(c):
			return -1
		}
		return c
	}, text)
	text = redactShapes(strings.Join(strings.Fields(text), " "))
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// safeURL is a URL without what may be secret in it: its user name, query and fragment.
func safeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	return clean(u.String(), descriptionLimit)
}

// lazy compiles a regular expression at its first use: all of them at every start would cost a program more than
// printing a cached token does.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
