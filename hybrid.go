package sftoken

import (
	"context"
	"strings"
)

// Hybrid is what the hybrid flow adds to a token: session ids by which an app that shows the org's pages in a web view
// logs in there, for one of the scopes web, lightning, visualforce and content each (fields of Salesforce's Mobile SDK).
type Hybrid struct {
	LightningDomain   string
	LightningSID      Secret
	VisualforceDomain string
	VisualforceSID    Secret
	ContentDomain     string
	ContentSID        Secret
	ParentSID         Secret // the main domain's, where the access token is a JWT; else the access token is it
	CSRFToken         Secret // cookie eikoocnekotMob
	ClientSrc         Secret // cookie clientSrc
	SIDClient         Secret // cookie sid_Client
	SIDCookieName     string
}

// takeHybrid takes the fields out of f; nil when there are none.
func takeHybrid(f fields) *Hybrid {
	h := &Hybrid{
		LightningDomain:   f.text("lightning_domain"),
		LightningSID:      f.secret("lightning_sid"),
		VisualforceDomain: f.text("visualforce_domain"),
		VisualforceSID:    f.secret("visualforce_sid"),
		ContentDomain:     f.text("content_domain"),
		ContentSID:        f.secret("content_sid"),
		ParentSID:         f.secret("parent_sid"),
		CSRFToken:         f.secret("csrf_token"),
		ClientSrc:         f.secret("cookie-clientSrc"),
		SIDClient:         f.secret("cookie-sid_Client"),
		SIDCookieName:     f.text("sidCookieName"),
	}
	if *h == (Hybrid{}) {
		return nil
	}
	return h
}

// places are the domains as URLs.
func (h *Hybrid) places() (urls []string) {
	if h == nil {
		return nil
	}
	for _, domain := range []string{h.LightningDomain, h.VisualforceDomain, h.ContentDomain} {
		if domain != "" && !strings.Contains(domain, "://") {
			domain = "https://" + domain
		}
		urls = append(urls, domain)
	}
	return urls
}

// RefreshHybrid is [Client.Refresh] for a grant of the hybrid flow: the answer brings new session ids along. All that is
// said there of spending the refresh token holds here.
func (c *Client) RefreshHybrid(ctx context.Context, refreshToken Secret) (*Token, error) {
	return c.refresh(ctx, grantHybridRefresh, refreshToken)
}
