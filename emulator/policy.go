package emulator

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// IPRelaxation says which address rules an app's users are spared, in the words of the metadata API. Empty is enforce.
type IPRelaxation string

// The relaxations.
const (
	EnforceIP             IPRelaxation = "enforce"
	BypassIP              IPRelaxation = "bypass"
	BypassIPTrusted       IPRelaxation = "bypass_2factor"       // spared from the app's trusted ranges; the second factor is not emulated
	EnforceIPExceptUpdate IPRelaxation = "enforce_relaxrefresh" // spared at refreshes
)

// use is what a token is asked for with, as far as address rules differ by it.
type use int

const (
	byPerson  use = iota // at a page
	byCode               // a code is exchanged
	byRefresh            // a refresh token is used
	byOther              // another flow, SOAP login among them
)

// restricted says whether who may not come from this address or at this hour, and notes the failed login. app is nil when
// somebody just logs in. What is refused by which list is V; that a list of the app refuses with the profile's words is O.
func (s *Server) restricted(c *call, app *App, who *account, how use) *refusal {
	no := restriction(app, who, how, s.address(c))
	if no == nil && how != byRefresh && !who.duringHours(s.now()) {
		no = refusedHours
	}
	if no == nil {
		return nil
	}
	status := "Restricted IP"
	if no == refusedHours {
		status = "Restricted Time"
	}
	s.noteLogin(c, who, app, how, status)
	return no
}

func restriction(app *App, who *account, how use, from netip.Addr) *refusal {
	no := refusedIP
	if how == byPerson {
		no = refusedHours // the browser is told both reasons in one text
	}
	ranges := who.loginRanges()
	outside := len(ranges) > 0 && !within(ranges, from)
	if app == nil {
		if outside {
			return no
		}
		return nil
	}
	if (how == byCode || how == byRefresh) && len(app.RefreshIPAllowList) > 0 && !within(app.RefreshIPAllowList, from) {
		return refusedIP // H:set_ip_allowlist_for_refresh_tokens names the rule; the text is inferred
	}
	trusted := within(app.TrustedIPRanges, from)
	relaxed := app.IPRelaxation == BypassIP || (app.IPRelaxation == BypassIPTrusted && trusted) ||
		(app.IPRelaxation == EnforceIPExceptUpdate && how == byRefresh)
	if !relaxed && (outside || (len(app.TrustedIPRanges) > 0 && !trusted && app.IPRelaxation != BypassIPTrusted)) {
		return no
	}
	return nil
}

// elsewhere reports whether the org locks sessions to the address they were made for, and this request has another
// (the setting: V; that the token is then as good as expired: I).
func (s *Server) elsewhere(c *call, a *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dir.current(a.grant.who).org.LockSessionsToIP && a.address.IsValid() && a.address != s.address(c)
}

// handedOut notes where an access token goes to, and the login.
func (s *Server) handedOut(c *call, given *issued) {
	s.bind(c, given.session)
	s.noteLogin(c, given.who, given.app, byOther, "Success")
}

// bind notes where a session was given to.
func (s *Server) bind(c *call, a *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a != nil && !a.address.IsValid() {
		a.address = s.address(c)
	}
}

// installedIn reports whether an org has the app: one that is made there, or whose package it installed.
func (a *App) installedIn(org *Org) bool {
	return !a.NotInstalled && (len(a.InstalledIn) == 0 || slices.Contains(a.InstalledIn, org.MyDomain))
}

// mayUseUninstalled: since August 2025 a connected app that is not installed is for users with a permission only; where
// API Access Control is on, for users with the stronger one (H:005132365).
func (a *account) mayUseUninstalled() bool {
	return a.may(UseAnyAPIClient) || (!a.org.AdminApprovedAppsOnly && a.may(ApproveUninstalledApps))
}

// permits reports whether the policy "admin approved users" lets who in, by name or by profile.
func (a *App) permits(who *account) bool {
	return slices.ContainsFunc(a.ApprovedUsers, func(name string) bool { return strings.EqualFold(name, who.user.Username) }) ||
		slices.Contains(a.ApprovedProfiles, who.profile().Name)
}

// validatePolicies checks the lists and words that an administrator fills in.
func (a *App) validatePolicies() error {
	if !slices.Contains([]IPRelaxation{"", EnforceIP, BypassIP, BypassIPTrusted, EnforceIPExceptUpdate}, a.IPRelaxation) {
		return fmt.Errorf("ip_relaxation %q: want enforce, bypass, bypass_2factor or enforce_relaxrefresh", a.IPRelaxation)
	}
	if err := checkRanges("trusted_ip_ranges", a.TrustedIPRanges, maxRanges); err != nil {
		return err
	}
	return checkAllowList("refresh_ip_allow_list", a.RefreshIPAllowList)
}
