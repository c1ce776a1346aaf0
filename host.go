package sftoken

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Host is where a login runs: one of Salesforce's login pools, an org's My Domain, a site, or a test server on this
// machine. Hosts are comparable; the zero Host is unset.
type Host struct {
	scheme    string // "https", or "http" on loopback
	authority string // lower case, port included when it is not the scheme's own
	prefix    string // "" or "/partners": the path under which a site or a test server answers
}

const (
	productionPool = "login.salesforce.com"
	sandboxPool    = "test.salesforce.com"
)

// String returns the host as a URL without a trailing slash: "https://acme.my.salesforce.com".
func (h Host) String() string {
	if h.IsZero() {
		return ""
	}
	return h.scheme + "://" + h.authority + h.prefix
}

// IsZero reports whether the host is unset.
func (h Host) IsZero() bool { return h == Host{} }

// IsPool reports whether the host is one of the two login pools that serve every org, login.salesforce.com and
// test.salesforce.com.
func (h Host) IsPool() bool { return h.authority == productionPool || h.authority == sandboxPool }

// IsLoopback reports whether the host is this machine.
func (h Host) IsLoopback() bool { return isLoopback(hostname(h.authority)) }

// Endpoint returns the URL of path, which begins with a slash, on this host.
func (h Host) Endpoint(path string) string { return h.String() + path }

// MarshalText gives String.
func (h Host) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads back what String gave. It asks for https except on loopback, but not for a Salesforce suffix: the
// host was allowed when it was stored.
func (h *Host) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Host{}
		return nil
	}
	u, err := url.Parse(string(text))
	if err != nil {
		return hostError(string(text), "host-malformed", "not a URL")
	}
	name := u.Hostname()
	got := Host{u.Scheme, authority(u.Scheme, name, u.Port()), u.Path}
	prefix, ok := pathPrefix(u.Path, 8)
	if got.String() != string(text) || !validName(name) || !ok || prefix != u.Path {
		return hostError(string(text), "host-malformed", "not a host as it is stored")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !got.IsLoopback()) {
		return hostError(string(text), "host-insecure", "plain http is for this machine only")
	}
	*h = got
	return nil
}

// HostError says why a text is no host that a token may be sent to.
type HostError struct {
	Input  string // what was given, without queries, user names and control characters
	Reason string
	ID     string // host-empty, host-malformed, host-not-ascii, host-not-salesforce, host-insecure, host-lightning, host-no-login, auth-url-malformed
}

func (e *HostError) Error() string {
	if e.Input == "" {
		return "parse host: " + e.Reason
	}
	return fmt.Sprintf("parse host %q: %s", e.Input, e.Reason)
}

// ErrorID returns the stable name of this kind of error.
func (e *HostError) ErrorID() string { return e.ID }

// ErrorData returns the values that an explanation of the error may name.
func (e *HostError) ErrorData() map[string]string {
	return map[string]string{"Input": e.Input, "Reason": e.Reason}
}

func hostError(input, id, reason string) *HostError {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(input)), "force://") {
		input = "force://…" // everything in it is secret
	}
	input, _, _ = strings.Cut(input, "?")
	input, _, _ = strings.Cut(input, "#")
	if at := strings.LastIndex(input, "@"); at >= 0 { // a password may stand before it
		input = "…" + input[at:]
	}
	return &HostError{Input: clean(input, 120), Reason: reason, ID: id}
}

// hostname cuts the port and the brackets of an IPv6 address off an authority.
func hostname(authority string) string { return (&url.URL{Host: authority}).Hostname() }

// isLoopback accepts the name localhost and loopback addresses in their canonical form. Names under .localhost are left
// out, since a resolver may send them elsewhere.
func isLoopback(name string) bool {
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback() && addr.Zone() == "" && !addr.Is4In6()
}

// validName reports whether name is a host name of letters, digits and hyphens, or an IP address.
func validName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// under reports whether name is domain or lies below it, on a dot boundary.
func under(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}
