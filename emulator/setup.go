package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Config returns the orgs, users and apps as they are now, and the faults of the beginning.
func (s *Server) Config() *Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config()
}

// config is Config; s.mu is held.
func (s *Server) config() *Config {
	config := &Config{
		Orgs: slices.Clone(s.dir.orgs), Faults: slices.Clone(s.ordered), AddressHeader: s.addressHeader, PropagationDelay: s.propagation,
		DeployTime: s.deployTime,
	}
	for i := range config.Orgs {
		for _, name := range s.dir.ordered {
			if who := s.dir.byName[name]; who.org.ID == config.Orgs[i].ID {
				config.Orgs[i].Users = append(config.Orgs[i].Users, who.user)
			}
		}
	}
	later := maps.Clone(s.apps)
	for _, clientID := range s.first {
		config.Apps = append(config.Apps, *s.apps[clientID].clone())
		delete(later, clientID)
	}
	for _, clientID := range slices.Sorted(maps.Keys(later)) {
		config.Apps = append(config.Apps, *later[clientID].clone())
	}
	return config
}

// PutApp creates an app, or replaces the one with its client id. Grants of the app stay.
func (s *Server) PutApp(app App) error {
	if err := app.validate(); err != nil {
		return err
	}
	saved := app.clone()
	if s.strict {
		saved.tighten()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[app.ClientID] = saved
	s.saved(app.ClientID)
	return nil
}

// PutOrg creates an org, or replaces the one with its id and my_domain. Users in it are created or replaced by their ids; users of
// the org that are not in it stay, and so do grants.
func (s *Server) PutOrg(org Org) error {
	return s.put(func(config *Config) {
		for i, old := range config.Orgs {
			if old.MyDomain == org.MyDomain && id15(old.ID) == id15(org.ID) {
				users := old.Users
				for _, user := range org.Users {
					users = putUser(users, user)
				}
				org.Users = users
				config.Orgs[i] = org
				return
			}
		}
		config.Orgs = append(config.Orgs, org)
	})
}

// PutUser creates a user in the org with that my_domain, or replaces the one with its id. Grants of the user stay.
func (s *Server) PutUser(myDomain string, user User) error {
	found := false
	err := s.put(func(config *Config) {
		for i := range config.Orgs {
			if config.Orgs[i].MyDomain == myDomain {
				found = true
				config.Orgs[i].Users = putUser(config.Orgs[i].Users, user)
			}
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("put user %q: no org has the my_domain %q", user.Username, myDomain)
	}
	return err
}

func putUser(users []User, user User) []User {
	for i, old := range users {
		if id15(old.ID) == id15(user.ID) {
			users[i] = user
			return users
		}
	}
	return append(users, user)
}

// put changes orgs and users if what comes out is in order.
func (s *Server) put(change func(*Config)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	config := s.config()
	change(config)
	if err := config.Validate(); err != nil {
		return fmt.Errorf("put %s", strings.TrimPrefix(err.Error(), "check "))
	}
	if s.strict {
		config = config.tightened()
	}
	changed := newDirectory(config)
	changed.logins = s.dir.logins
	s.dir = changed
	return nil
}
