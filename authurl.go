package sftoken

// AuthURL is a login in the form the Salesforce CLI exports and imports it: force://clientId:secret:refreshToken@host.
type AuthURL struct {
	ClientID     string
	ClientSecret Secret // zero for a public client
	RefreshToken Secret
	Host         Host
}

// The expression of sfdx-core's parseSfdxAuthUrl, with a trailing slash allowed and nothing else after the host.
var authURLForm = lazy(`^(?i:force)://([a-zA-Z0-9._-]+={0,2}):([a-zA-Z0-9._-]*={0,2}):([a-zA-Z0-9._-]+={0,2})@([a-zA-Z0-9:._-]+)/?$`)

// ParseAuthURL parses an SFDX auth URL with the zero HostRules.
func ParseAuthURL(text string) (*AuthURL, error) { return HostRules{}.ParseAuthURL(text) }

// ParseAuthURL parses an SFDX auth URL. The error is a *HostError and never names any part of the URL but its host.
func (r HostRules) ParseAuthURL(text string) (*AuthURL, error) {
	part := authURLForm().FindStringSubmatch(trimPaste(text))
	if part == nil {
		return nil, &HostError{"force://…", "not of the form force://clientId:secret:refreshToken@host", "auth-url-malformed"}
	}
	host, err := r.Parse(part[4])
	if err != nil {
		return nil, err
	}
	return &AuthURL{part[1], NewSecret(part[2]), NewSecret(part[3]), host}, nil
}

// Reveal returns the URL itself. It has no place for the path of a site, so the Salesforce CLI will use the site's host
// alone.
func (a *AuthURL) Reveal() Secret {
	return NewSecret("force://" + a.ClientID + ":" + a.ClientSecret.Reveal() + ":" + a.RefreshToken.Reveal() + "@" + a.Host.authority)
}
