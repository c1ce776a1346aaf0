package sftoken

import (
	"net/url"
	"strings"
)

// tokenDomains are the domains whose hosts may be sent a token. All of them belong to Salesforce, which decides what runs
// below them (sfdx-core's isSalesforceDomain, and the org host families of the My Domain documentation).
var tokenDomains = append([]string{
	"salesforce.mil", "site.com", "force.com", "salesforce-setup.com", "sfcrmapps.cn", "my-lightning.com",
}, loginDomains...)

// Trusts reports whether a token obtained at login may be sent to rawURL: https on Salesforce's domains, on a host that
// the rules allow or on the login host itself; loopback only when the login host is loopback. The error is a *HostError.
func (r HostRules) Trusts(login Host, rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(rawURL, "\\ \t\r\n") {
		return hostError(rawURL, "host-malformed", "not a URL that a token may be sent to")
	}
	name := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return hostError(rawURL, "host-insecure", "not an https URL")
	case isLoopback(name):
		if !login.IsLoopback() {
			return hostError(rawURL, "host-not-salesforce", "a login elsewhere may not send tokens to this machine")
		}
		return nil
	case u.Scheme != "https":
		return hostError(rawURL, "host-insecure", "not an https URL")
	case !validName(name):
		return hostError(rawURL, "host-malformed", "not a host name")
	case login.scheme == "https" && authority("https", name, u.Port()) == login.authority:
		return nil
	case r.allows(name):
		return nil
	case !underAny(name, tokenDomains):
		return hostError(rawURL, "host-not-salesforce", "not a host of Salesforce, nor one that was allowed")
	case u.Port() != "" && u.Port() != "443":
		return hostError(rawURL, "host-not-salesforce", "Salesforce answers on port 443 only")
	}
	return nil
}

// trustsIssuer is the rule for "iss" in callbacks, discovery and ID tokens. An issuer is the login host itself, to the
// letter. There are two exceptions, both Salesforce's own doing: a My Domain may name a login pool (discovery documents
// and identity URLs do), and a login that began at a pool may end at the user's My Domain.
func trustsIssuer(login Host, issuer string) bool {
	if issuer == login.String() {
		return true
	}
	named, err := ParseHost(issuer)
	if err != nil || named.String() != issuer {
		return false
	}
	if login.IsPool() {
		return underAny(named.authority, []string{"my.salesforce.com", "my-salesforce.com"})
	}
	return named.IsPool() && (underAny(login.authority, loginDomains) || underAny(login.authority, siteDomains))
}
