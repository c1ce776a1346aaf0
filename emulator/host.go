package emulator

import (
	"fmt"
	"net/url"
	"strings"
)

// salesforceDomains are Salesforce's own. An emulator that answered under one of them could collect real passwords.
var salesforceDomains = []string{
	"salesforce.com", "force.com", "salesforce-setup.com", "my-salesforce.com", "my-lightning.com", "salesforce.mil", "crmforce.mil",
	"cloudforce.com", "database.com", "site.com", "visualforce.com", "documentforce.com", "salesforceliveagent.com",
	"sfcrmproducts.cn", "sfcrmapps.cn", "salesforce-sites.com", "salesforce-scrt.com",
}

func salesforceHost(host string) bool {
	for _, domain := range salesforceDomains {
		if rest, found := strings.CutSuffix(host, domain); found && (rest == "" || strings.HasSuffix(rest, ".")) {
			return true
		}
	}
	return false
}

// CheckBaseURL refuses an address that is not absolute, or that is one of Salesforce's own hosts. An empty one is fine.
func CheckBaseURL(baseURL string) error {
	if baseURL == "" {
		return nil
	}
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return fmt.Errorf("check base URL: %w", err)
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("check base URL %q: want http:// or https:// and a host", u.Redacted())
	case salesforceHost(hostname(u.Host)):
		return fmt.Errorf("check base URL: %s is a real Salesforce host: an emulator must not look like production", u.Hostname())
	}
	return nil
}
