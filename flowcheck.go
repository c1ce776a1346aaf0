package sftoken

import "slices"

// Validate says before anything is sent what Salesforce would refuse afterwards, often in words that name something else:
// shapes, as [App.Validate], and whether the flow can work with this app at this host. The error is an *AppError.
func (f Flow) Validate(a App) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if slices.Contains(f.Facts().Needs, NeedRedirectURI) && a.RedirectURI == "" {
		return &AppError{"redirect URI", "none was given", "redirect-empty"}
	}
	if len(a.Scopes) > 0 && !f.Facts().Scopes { // observed: "scope parameter not supported"
		return &AppError{"scopes", "the " + f.String() + " flow takes none: the app's own apply", "flow-scopes"}
	}
	return f.check(a)
}

// check is the part that a request itself insists on. What it refuses would be refused by Salesforce for certain.
func (f Flow) check(a App) error {
	facts := f.Facts()
	secret, key := !a.ClientSecret.IsZero(), !a.PrivateKey.IsZero()
	switch {
	case facts.Flow == "":
		return &AppError{"flow", "Salesforce has none of that name", "flow-unknown"}
	case facts.MyDomain && a.Host.IsPool(): // observed: "request not supported on this domain"
		return &AppError{"login host", "the " + f.String() + " flow runs at the org's My Domain only, not at " + a.Host.authority, "flow-pool-host"}
	case a.ClientID == PlatformCLI && (secret || key):
		return &AppError{"client secret", PlatformCLI + " is a public client and has none", "client-secret-public"}
	case slices.Contains(facts.Needs, NeedPrivateKey) && !key:
		return &AppError{"private key", "the " + f.String() + " flow needs the one whose certificate the app has", "private-key-empty"}
	case slices.Contains(facts.Needs, NeedClientSecret) && !secret && !key:
		return &AppError{"client secret", "the " + f.String() + " flow needs it, or a private key", "client-secret-empty"}
	}
	return nil
}

// checkFlow is what a method of a flow begins with.
func (c *Client) checkFlow(f Flow) error {
	if err := c.checkApp(); err != nil {
		return err
	}
	return f.check(c.App)
}
