package imports

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
)

// setting is a line of a .env file, with an "export" before it perhaps.
var setting = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$`)

// prefixes are what the names of variables begin with in public code; their ends are in env.
var prefixes = []string{"SF", "SALESFORCE", "SFDC"}

// env reads variables. Of two names for one thing that say different things neither is taken.
func (t *text) env() ([]Login, error) {
	values, lines := map[string]string{}, map[string]int{}
	number := 0
	for line := range strings.Lines(string(t.data)) {
		number++
		if bare := strings.TrimSpace(line); bare == "" || bare[0] == '#' {
			continue
		}
		parts := setting.FindStringSubmatch(line)
		if parts == nil {
			return nil, t.wrong(number, "this is no NAME=VALUE")
		}
		value, ok := unquote(parts[2])
		if !ok {
			return nil, t.wrong(number, "the value's quotation mark has no end")
		}
		prefix, end, _ := strings.Cut(strings.ToUpper(parts[1]), "_")
		if prefix == "SFDX" && end == "AUTH_URL" {
			login, err := t.parseAuthURL(value)
			return []Login{login}, err
		}
		if !slices.Contains(prefixes, prefix) || value == "" {
			continue
		}
		if old, set := values[end]; set && old != value {
			return nil, t.wrong(number, "two lines say different things of "+end)
		}
		values[end], lines[end] = value, number
	}
	var login Login
	var err error
	if login.RefreshToken, err = t.secret(values["REFRESH_TOKEN"], lines["REFRESH_TOKEN"]); err != nil {
		return nil, err
	}
	pick := func(names ...string) string {
		for _, name := range names {
			if values[name] != "" {
				return values[name]
			}
		}
		return ""
	}
	login.App.ClientID = pick("CLIENT_ID", "CONSUMER_KEY")
	login.App.ClientSecret = sftoken.NewSecret(pick("CLIENT_SECRET", "CONSUMER_SECRET"))
	login.Username, login.InstanceURL = pick("USERNAME"), pick("INSTANCE_URL")
	login.App.Host, err = t.host(pick("LOGIN_URL", "LOGIN_HOST", "HOST"), login.InstanceURL)
	return []Login{login}, err
}

// unquote takes quotation marks off, or a comment after a value that has none.
func unquote(value string) (string, bool) {
	if value == "" {
		return "", true
	}
	if mark := value[0]; mark == '"' || mark == '\'' {
		inner, _, ended := strings.Cut(value[1:], string(mark))
		return inner, ended
	}
	bare, _, _ := strings.Cut(value, " #")
	return strings.TrimSpace(bare), true
}
