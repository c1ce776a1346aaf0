package emulator

import "slices"

// tighten switches on what Salesforce has announced for every org (Options.Strict), so that a client meets it here first. An
// administrator cannot switch it off.
func (o *Org) tighten() {
	o.PKCERequired = true           // mandated for partners' apps, D: secure_code_ac_eca
	o.BlockPassword = true          // 20 February 2027 (Winter '27 release notes)
	o.BlockUserAgent = true         // the same day, hybrid too
	o.ConnectedAppsMakeable = false // since Spring '26 (H: 005228017)
}

func (a *App) tighten() {
	a.PKCERequired = true // as above
	a.Rotation = true     // the same mandate
	a.IdleTTL = true      // 30 days for every app: sandboxes 21 October 2026, production 4 November 2026 (Winter '27 release notes)
	if !a.External || a.LocalTo == "" || !slices.ContainsFunc(a.Callbacks, onLocalhost) {
		a.DeviceFlow = false // 30 November 2026: local external client apps with a callback on localhost only
	}
}

// tightened is a copy of c under Options.Strict.
func (c *Config) tightened() *Config {
	strict := *c
	strict.Orgs, strict.Apps = nil, nil
	for _, org := range c.Orgs {
		org.tighten()
		strict.Orgs = append(strict.Orgs, org)
	}
	for i := range c.Apps {
		app := c.Apps[i].clone()
		app.tighten()
		strict.Apps = append(strict.Apps, *app)
	}
	return &strict
}
