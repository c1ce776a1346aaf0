package sftoken

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// HostRules say which hosts a token may be sent to besides Salesforce's own and this machine.
type HostRules struct {
	// Allow lists further host names. One with a dot also allows the names below it. The zero value allows none.
	Allow []string
}

// ParseHost parses text with the zero HostRules.
func ParseHost(text string) (Host, error) { return HostRules{}.Parse(text) }

// Parse turns what a person types or pastes into a login host: a bare My Domain name, a URL of the org's pages in any of
// its domains, an authorize URL, an SFDX auth URL, or one of the words login, prod, test and sandbox. The error is a
// *HostError.
//
// Anything but loopback becomes https on the standard port. Site hosts keep the first segment of their path, loopback
// hosts their port and the whole path before /services.
func (r HostRules) Parse(text string) (Host, error) {
	input := trimPaste(text)
	if input == "" {
		return Host{}, hostError(text, "host-empty", "nothing was given")
	}
	switch strings.ToLower(input) {
	case "login", "prod", "production":
		return Host{"https", productionPool, ""}, nil
	case "test", "sandbox":
		return Host{"https", sandboxPool, ""}, nil
	}
	if hasScheme(input, "force") {
		auth, err := r.ParseAuthURL(input)
		if err != nil {
			return Host{}, err
		}
		return auth.Host, nil
	}
	u, err := parseHostURL(input)
	if err != nil {
		return Host{}, err
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch {
	case isLoopback(name):
		return loopbackHost(input, u, name)
	case !validName(name):
		return Host{}, hostError(input, "host-malformed", "not a host name")
	case r.allows(name):
		return allowedHost(input, u, name)
	case !strings.ContainsAny(name, ".:"):
		return bareLabel(input, u, name)
	}
	return salesforceHost(input, u, name)
}

// parseHostURL parses input as an http or https URL, https when it names no scheme, and refuses whatever makes one
// reader see another host than the next.
func parseHostURL(input string) (*url.URL, error) {
	for _, c := range input {
		switch {
		case c <= ' ' || c == 0x7f || c == '\\':
			return nil, hostError(input, "host-malformed", "it has a space, a backslash or a control character in it")
		case c > 0x7f:
			return nil, hostError(input, "host-not-ascii", "it has a character that is not plain ASCII in it")
		}
	}
	if !strings.Contains(input, "://") {
		input = "https://" + input
	}
	u, err := url.Parse(input)
	switch {
	case err != nil, u.Hostname() == "":
		return nil, hostError(input, "host-malformed", "not a URL or a host name")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, hostError(input, "host-malformed", "not an https URL")
	case u.User != nil:
		return nil, hostError(input, "host-malformed", "it has a user name before the host")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, hostError(input, "host-malformed", "not a port between 1 and 65535")
		}
	}
	return u, nil
}

func hasScheme(text, scheme string) bool {
	got, _, ok := strings.Cut(text, "://")
	return ok && strings.EqualFold(got, scheme)
}

func loopbackHost(input string, u *url.URL, name string) (Host, error) {
	prefix, ok := pathPrefix(u.EscapedPath(), 8)
	if !ok {
		return Host{}, hostError(input, "host-malformed", "the path has more in it than letters, digits, dots, hyphens and underscores")
	}
	return Host{u.Scheme, authority(u.Scheme, name, u.Port()), prefix}, nil
}

// allowedHost keeps the port, which the user named, but not http: plain http is for loopback only.
func allowedHost(input string, u *url.URL, name string) (Host, error) {
	prefix, ok := pathPrefix(u.EscapedPath(), 1)
	if !ok {
		return Host{}, hostError(input, "host-malformed", "the path has more in it than letters, digits, dots, hyphens and underscores")
	}
	port := u.Port()
	if u.Scheme == "http" && port == "80" {
		port = ""
	}
	return Host{"https", authority("https", name, port), prefix}, nil
}

func authority(scheme, name, port string) string {
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return name
	}
	return name + ":" + port
}

// bareLabel completes a My Domain name. One with "--" in it is a sandbox: since enhanced domains those answer under
// .sandbox.my.salesforce.com only.
func bareLabel(input string, u *url.URL, label string) (Host, error) {
	switch {
	case strings.Trim(u.Path, "/") != "" || label == "http" || label == "https":
		return Host{}, hostError(input, "host-malformed", "not a URL or a host name")
	case !strings.ContainsAny(label, "abcdefghijklmnopqrstuvwxyz"):
		return Host{}, hostError(input, "host-malformed", "a My Domain name has letters in it")
	case strings.Contains(label, "--"):
		return orgHost(input, label+".sandbox.my.salesforce.com")
	}
	return orgHost(input, label+".my.salesforce.com")
}

func (r HostRules) allows(name string) bool {
	return slices.ContainsFunc(r.Allow, func(allowed string) bool {
		allowed = strings.ToLower(strings.TrimSpace(allowed))
		if _, rest, ok := strings.Cut(allowed, "://"); ok {
			allowed = rest
		}
		allowed, _, _ = strings.Cut(allowed, "/")
		allowed = strings.TrimPrefix(strings.TrimPrefix(hostname(allowed), "*"), ".")
		if strings.Contains(allowed, ".") {
			return under(name, allowed)
		}
		return name == allowed
	})
}

// notPrefix are the first segments of Salesforce's own paths; a site prefix ends before them. "s" is where sites built on
// Aura have their pages.
var notPrefix = []string{"s", "services", "secur", "setup", "lightning", "login", "id", "apex", ".well-known", "one", "_ui"}

// pathPrefix returns the first segments of path, at most most of them, that belong to the host rather than to a page on
// it. ok is false when one is of a kind that no prefix has.
func pathPrefix(path string, most int) (prefix string, ok bool) {
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if segment == "" || most == 0 || slices.Contains(notPrefix, strings.ToLower(segment)) {
			break
		}
		if strings.Trim(segment, ".") == "" || strings.Trim(segment, prefixCharacters) != "" {
			return "", false
		}
		prefix += "/" + segment
		most--
	}
	return prefix, true
}

const prefixCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

// trimPaste takes off what comes along when a person copies a URL: spaces, quotes and angle brackets around it.
func trimPaste(text string) string { return strings.Trim(text, " \t\r\n\"'<>") }
