package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is a user and the org it belongs to, as configured. It is never changed, only replaced.
type account struct {
	user User
	org  Org

	userID18, orgID18 string // worked out once, by put
}

func (a *account) id() string    { return a.userID18 }
func (a *account) orgID() string { return a.orgID18 }

// name puts the family name first for users in East Asian locales, as Salesforce does.
func (a *account) name() string {
	first, last := a.user.FirstName, a.user.LastName
	if language, _, _ := strings.Cut(a.user.Locale, "_"); language == "ja" || language == "zh" || language == "ko" {
		first, last = last, first
	}
	return strings.TrimSpace(first + " " + last)
}

// refused says why nobody may log in as a, or get a token for a, if so.
func (a *account) refused() *refusal {
	switch {
	case a.org.Locked:
		return refusedOrgInactive
	case a.user.Inactive:
		return refusedUserInactive
	}
	return nil
}

// directory finds accounts. Server.mu guards it.
type directory struct {
	orgs     []Org // in the order of the configuration, without users
	byName   map[string]*account
	byID     map[string]*account
	ordered  []string // lower-case usernames in the order of the configuration
	logins   map[string][]time.Time
	byDomain map[string]string // my_domain to org id
	moved    map[string]string // former my_domain to that of now
}

func newDirectory(config *Config) directory {
	d := directory{byName: map[string]*account{}, byID: map[string]*account{}, logins: map[string][]time.Time{}, byDomain: map[string]string{}, moved: map[string]string{}}
	for _, org := range config.Orgs {
		users := org.Users
		org.Users = nil
		org.Edition = cmp.Or(org.Edition, "Developer Edition")
		org.Instance = cmp.Or(org.Instance, "EMU1")
		org.SessionTimeout = cmp.Or(org.SessionTimeout, 2*time.Hour)
		d.orgs = append(d.orgs, org)
		d.byDomain[org.MyDomain] = id15(org.ID)
		for _, former := range org.FormerDomains {
			d.moved[former] = org.MyDomain
		}
		for _, user := range users {
			user.Email = cmp.Or(user.Email, user.Username)
			user.Language = cmp.Or(user.Language, "en_US")
			user.Locale = cmp.Or(user.Locale, "en_US")
			user.Timezone = cmp.Or(user.Timezone, "GMT")
			d.add(&account{user: user, org: org})
		}
	}
	return d
}

// add puts a new account at the end.
func (d *directory) add(who *account) {
	d.ordered = append(d.ordered, strings.ToLower(who.user.Username))
	d.put(who)
}

func (d *directory) put(who *account) {
	who.userID18, who.orgID18 = id18(who.user.ID), id18(who.org.ID)
	d.byName[strings.ToLower(who.user.Username)] = who
	d.byID[id15(who.user.ID)] = who
}

// current returns the account as it is configured now.
func (d *directory) current(who *account) *account { return d.byID[id15(who.user.ID)] }

// within returns the accounts that can log in where r is.
func (d *directory) within(r realm) []*account {
	var found []*account
	for _, name := range d.ordered {
		if who := d.byName[name]; r.holds(who) {
			found = append(found, who)
		}
	}
	return found
}

// count notes a login and reports whether the org's limit still allows it.
func (d *directory) count(who *account, now time.Time) bool {
	if who.org.LoginsPerHour <= 0 {
		return true
	}
	key := id15(who.user.ID)
	recent := slices.DeleteFunc(d.logins[key], func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	if len(recent) < who.org.LoginsPerHour {
		d.logins[key] = append(recent, now)
		return true
	}
	d.logins[key] = recent
	return false
}

// UpdateUser changes a user while the server runs, as an administrator would. Id and username stay.
func (s *Server) UpdateUser(username string, change func(*User)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.byName[strings.ToLower(username)]
	if who == nil {
		return fmt.Errorf("update user %q: no such user", username)
	}
	changed := *who
	change(&changed.user)
	changed.user.ID, changed.user.Username = who.user.ID, who.user.Username
	s.dir.put(&changed)
	return nil
}

// UpdateOrg changes an org, found by its my_domain, while the server runs. Its id, my_domain and users stay.
func (s *Server) UpdateOrg(myDomain string, change func(*Org)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, org := range s.dir.orgs {
		if org.MyDomain != myDomain {
			continue
		}
		org = org.clone()
		change(&org)
		if err := org.validateLogins(); err != nil {
			return err
		}
		org.ID, org.MyDomain, org.Users = s.dir.orgs[i].ID, myDomain, nil
		if s.strict {
			org.tighten()
		}
		s.dir.orgs[i] = org
		for _, who := range s.dir.byName {
			if who.org.MyDomain == myDomain {
				s.dir.put(&account{user: who.user, org: org})
			}
		}
		return nil
	}
	return fmt.Errorf("update org %q: no such org", myDomain)
}
