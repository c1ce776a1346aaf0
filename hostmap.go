package sftoken

import (
	"net/url"
	"strings"
)

// salesforceHost maps a name under one of Salesforce's domains to the login host it belongs to.
func salesforceHost(input string, u *url.URL, name string) (Host, error) {
	for _, rule := range pageDomains {
		if org, ok := strings.CutSuffix(name, "."+rule.domain); ok {
			if rule.pkg {
				org = cutPackage(org)
			}
			return orgHost(input, org+"."+rule.login)
		}
	}
	if reason, ok := noLogin[name]; ok {
		return Host{}, hostError(input, "host-no-login", reason)
	}
	switch {
	case strings.HasSuffix(name, ".my"): // simple-salesforce's domain argument
		return orgHost(input, name+".salesforce.com")
	case isLightning(name):
		return Host{}, hostError(input, "host-lightning", "these are pages of an org, and which org cannot be told from them")
	case underAny(name, loginDomains):
		return Host{"https", name, ""}, nil
	case underAny(name, siteDomains):
		prefix, ok := pathPrefix(u.EscapedPath(), 1)
		if !ok {
			return Host{}, hostError(input, "host-malformed", "the site's path has more in it than letters, digits, hyphens and underscores")
		}
		return Host{"https", name, prefix}, nil
	}
	return Host{}, hostError(input, "host-not-salesforce", "not a host of Salesforce")
}

// orgHost is a login host whose name was put together from parts.
func orgHost(input, name string) (Host, error) {
	if reason, ok := noLogin[name]; ok {
		return Host{}, hostError(input, "host-no-login", reason)
	}
	if !validName(name) {
		return Host{}, hostError(input, "host-malformed", "not a host name")
	}
	return Host{"https", name, ""}, nil
}

// pageDomains are where an org shows its pages, none of which answers OAuth requests (observed: "request not supported on
// this domain"), and where the same org logs in. The parts between the org's name and the domain, such as
// ".sandbox" and ".develop", are the same in both. Sources: sfdx-core's sfdcUrl.ts, and observed.
var pageDomains = []struct {
	domain, login string
	pkg           bool // the name carries "--" and a package's namespace: acme--c
}{
	{"lightning.force.com", "my.salesforce.com", false},
	{"my.salesforce-setup.com", "my.salesforce.com", false},
	{"lightning.crmforce.mil", "my.salesforce.mil", false},
	{"my-lightning.com", "my-salesforce.com", false},
	{"lightning.sfcrmapps.cn", "my.sfcrmproducts.cn", false},
	{"my.sfcrmapps.cn", "my.sfcrmproducts.cn", false}, // observed: the name itself does not resolve
	{"vf.force.com", "my.salesforce.com", true},
	{"visualforce.com", "my.salesforce.com", true},
	{"file.force.com", "my.salesforce.com", false},
	{"documentforce.com", "my.salesforce.com", false},
}

// cutPackage takes the namespace off the first label: acme--sbx--c.sandbox gives acme--sbx.sandbox.
func cutPackage(org string) string {
	label, rest, dotted := strings.Cut(org, ".")
	if i := strings.LastIndex(label, "--"); i > 0 {
		label = label[:i]
	}
	if !dotted {
		return label
	}
	return label + "." + rest
}

// noLogin are hosts of Salesforce, often pasted, that issue no tokens.
var noLogin = map[string]string{
	"salesforce.com":             "this is Salesforce's home page",
	"www.salesforce.com":         "this is Salesforce's home page",
	"welcome.salesforce.com":     "it finds your login page but issues no tokens",
	"api.salesforce.com":         "the API gateway issues no tokens",
	"help.salesforce.com":        "this is Salesforce's help",
	"developer.salesforce.com":   "this is Salesforce's documentation",
	"trailhead.salesforce.com":   "this is Trailhead",
	"appexchange.salesforce.com": "this is AppExchange",
	"my.salesforce.com":          nameMissing,
	"sandbox.my.salesforce.com":  nameMissing,
	"my.salesforce.mil":          nameMissing,
	"crmforce.mil":               nameMissing,
	"my.sfcrmproducts.cn":        nameMissing,
	"sfcrmproducts.cn":           nameMissing,
	"my-salesforce.com":          nameMissing,
	"cloudforce.com":             nameMissing,
	"database.com":               nameMissing,
	"my.site.com":                nameMissing,
	"force.com":                  nameMissing,
}

const nameMissing = "the org's My Domain name is missing before it"

// loginDomains hold login hosts: pools, My Domains, instances, and the login suffixes of
// MyDomainSettings.myDomainSuffix (Metadata API).
var loginDomains = []string{
	"salesforce.com", "my-salesforce.com", "cloudforce.com", "database.com", // commercial
	"my.salesforce.mil", "crmforce.mil", // US DoD
	"sfcrmproducts.cn", // Alibaba Cloud
}

// siteDomains hold Experience Cloud sites, which answer OAuth requests under the site's path prefix.
var siteDomains = []string{"my.site.com", "force.com"}

func isLightning(name string) bool {
	return underAny(name, []string{
		"lightning.force.com", "lightning.crmforce.mil", "lightning.sfcrmapps.cn", "my-lightning.com",
		"salesforce-setup.com", "visual.force.com", "vf.force.com", "content.force.com", "file.force.com",
		"visualforce.com", "documentforce.com", "salesforce-experience.com",
	})
}

func underAny(name string, domains []string) bool {
	for _, domain := range domains {
		if under(name, domain) {
			return true
		}
	}
	return false
}
