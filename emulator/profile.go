package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile is what an administrator gives to a kind of user.
type Profile struct {
	Name          string       `toml:"name"`
	LoginIPRanges []IPRange    `toml:"login_ip_ranges"` // logins from elsewhere are refused; empty: from anywhere
	LoginHours    string       `toml:"login_hours"`     // "08:00-18:00", every day, GMT; empty: always
	Permissions   []Permission `toml:"permissions"`
}

// Permission is a user permission, in the metadata API's words.
type Permission string

// The permissions that the emulator looks at.
const (
	APIEnabled             Permission = "ApiEnabled"                      // may use the APIs
	APIOnly                Permission = "ApiUserOnly"                     // may use nothing else
	CustomizeApplication   Permission = "CustomizeApplication"            // makes apps, sees everybody's tokens
	ModifyMetadata         Permission = "ModifyMetadata"                  // deploys
	ManageUsers            Permission = "ManageUsers"                     // sees everybody's logins
	ManageApps             Permission = "ManageExternalClientApps"        // External Client App Developer
	ViewClientSecret       Permission = "ViewClientSecret"                // reads consumer keys and secrets
	ApproveUninstalledApps Permission = "ApproveUninstalledConnectedApps" // uses connected apps that are not installed
	UseAnyAPIClient        Permission = "UseAnyApiClient"                 // the same where API Access Control is on
)

var allPermissions = []Permission{
	APIEnabled, APIOnly, CustomizeApplication, ModifyMetadata, ManageUsers, ManageApps, ViewClientSecret, ApproveUninstalledApps, UseAnyAPIClient,
}

// administrator is the profile of users who name none. It cannot use uninstalled apps: since August 2025 nobody can by
// default (H:005132365).
var administrator = Profile{
	Name:        "System Administrator",
	Permissions: []Permission{APIEnabled, CustomizeApplication, ModifyMetadata, ManageUsers, ManageApps, ViewClientSecret},
}

// profile is the one that the user names, in its org.
func (a *account) profile() *Profile {
	for i := range a.org.Profiles {
		if a.org.Profiles[i].Name == a.user.Profile {
			return &a.org.Profiles[i]
		}
	}
	return &administrator
}

// may reports whether the user has a permission, by profile or in person.
func (a *account) may(permission Permission) bool {
	return slices.Contains(a.profile().Permissions, permission) || slices.Contains(a.user.Permissions, permission)
}

func (a *account) loginRanges() []IPRange {
	return append(slices.Clone(a.profile().LoginIPRanges), a.user.LoginIPRanges...)
}

// duringHours reports whether the profile lets its users log in at this time of the day.
func (a *account) duringHours(now time.Time) bool {
	from, to, err := parseHours(a.profile().LoginHours)
	if err != nil || from == to {
		return true
	}
	now = now.UTC()
	minute := now.Hour()*60 + now.Minute()
	if from < to {
		return from <= minute && minute < to
	}
	return from <= minute || minute < to // over midnight
}

// parseHours returns minutes of the day; the same twice for no limit.
func parseHours(hours string) (from, to int, err error) {
	if hours == "" {
		return 0, 0, nil
	}
	first, last, _ := strings.Cut(hours, "-")
	start, errStart := time.Parse("15:04", strings.TrimSpace(first))
	end, errEnd := time.Parse("15:04", strings.TrimSpace(last))
	if errStart != nil || errEnd != nil {
		return 0, 0, fmt.Errorf("login_hours %q: want \"08:00-18:00\"", hours)
	}
	return start.Hour()*60 + start.Minute(), end.Hour()*60 + end.Minute(), nil
}

func (p *Profile) validate() error {
	if p.Name == "" {
		return fmt.Errorf("check profile: name is needed")
	}
	if _, _, err := parseHours(p.LoginHours); err != nil {
		return fmt.Errorf("check profile %q: %w", p.Name, err)
	}
	if err := checkRanges("login_ip_ranges", p.LoginIPRanges, maxRanges); err != nil {
		return fmt.Errorf("check profile %q: %w", p.Name, err)
	}
	return checkPermissions(fmt.Sprintf("profile %q", p.Name), p.Permissions)
}

func checkPermissions(of string, permissions []Permission) error {
	for _, permission := range permissions {
		if !slices.Contains(allPermissions, permission) {
			return fmt.Errorf("check %s: permission %q does not exist here", of, permission)
		}
	}
	return nil
}

// validatePolicies checks an org's profiles and former names. taken notes a name and reports whether it was noted before.
func (o *Org) validatePolicies(taken func(map[string]bool, string) bool, domains map[string]bool) error {
	for _, former := range o.FormerDomains {
		if !label(former) || taken(domains, former) {
			return fmt.Errorf("check org %q: former_domains: %q is no label, or used twice", o.Name, former)
		}
	}
	profiles := map[string]bool{}
	for i := range o.Profiles {
		if err := o.Profiles[i].validate(); err != nil {
			return fmt.Errorf("check org %q: %w", o.Name, err)
		}
		if taken(profiles, o.Profiles[i].Name) {
			return fmt.Errorf("check org %q: profile %q is there twice", o.Name, o.Profiles[i].Name)
		}
	}
	return nil
}

func (u *User) validatePolicies(org *Org) error {
	if u.Profile != "" && u.Profile != administrator.Name &&
		!slices.ContainsFunc(org.Profiles, func(p Profile) bool { return p.Name == u.Profile }) {
		return fmt.Errorf("check user %q: org %q has no profile %q", u.Username, org.Name, u.Profile)
	}
	if err := checkRanges("login_ip_ranges", u.LoginIPRanges, maxRanges); err != nil {
		return fmt.Errorf("check user %q: %w", u.Username, err)
	}
	return checkPermissions(fmt.Sprintf("user %q", u.Username), u.Permissions)
}
