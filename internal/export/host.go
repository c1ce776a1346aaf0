package export

import (
	"strings"

	"github.com/sftoken/sftoken"
)

// HostForm is how a target is told where to refresh.
type HostForm string

// The forms of a host.
const (
	URL    HostForm = "url"    // https://acme.my.salesforce.com
	Name   HostForm = "name"   // acme.my.salesforce.com; the target adds https://
	Domain HostForm = "domain" // acme.my; the target adds https:// and .salesforce.com
	Flag   HostForm = "flag"   // a sandbox or not; the target goes to login.salesforce.com or test.salesforce.com
)

const salesforce = ".salesforce.com"

// hostOf returns the host as the target takes it, or an *Error if it cannot: the target would send the refresh token to
// another place.
func (f *Format) hostOf(h sftoken.Host) (string, error) {
	if f.Host == URL {
		return h.String(), nil
	}
	fail := &Error{f.Name, "host", h.String(), string(f.Host)}
	name, secure := strings.CutPrefix(h.String(), "https://")
	if !secure || strings.Contains(name, "/") { // the path of a site has no place in a name
		return "", fail
	}
	if f.Host == Name {
		return name, nil
	}
	label, ours := strings.CutSuffix(name, salesforce)
	if !ours {
		return "", fail
	}
	return label, nil
}

// SendsElsewhere reports a target that refreshes at login.salesforce.com or test.salesforce.com though the login is one of a
// My Domain. An org that prevents logins there, or an external client app that is local to its org, refuses that.
func (f *Format) SendsElsewhere(h sftoken.Host) bool { return f.Host == Flag && !h.IsPool() }

// sandbox reports whether the host is one of sandboxes: test.salesforce.com, or a My Domain whose name has the sandbox's
// behind two hyphens (acme--uat.sandbox.my.salesforce.com).
func sandbox(h sftoken.Host) bool {
	name := strings.TrimPrefix(h.String(), "https://")
	label, _, _ := strings.Cut(name, ".")
	return name == "test.salesforce.com" || strings.Contains(name, ".sandbox.") || strings.Contains(label, "--")
}
