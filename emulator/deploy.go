package emulator

import (
	"slices"
	"strings"
	"time"
)

// deployOptions are those of the metadata API that matter here.
type deployOptions struct {
	CheckOnly       bool   `json:"checkOnly"`
	RollbackOnError bool   `json:"rollbackOnError"`
	IgnoreWarnings  bool   `json:"ignoreWarnings"`
	SinglePackage   bool   `json:"singlePackage"`
	PurgeOnDelete   bool   `json:"purgeOnDelete"`
	AllowMissing    bool   `json:"allowMissingFiles"`
	AutoUpdate      bool   `json:"autoUpdatePackage"`
	PerformRetrieve bool   `json:"performRetrieve"`
	TestLevel       string `json:"testLevel,omitempty"`
}

// deployment is a request to change an org. It waits, runs, and takes effect when its time has come on the emulator's clock.
type deployment struct {
	id, orgID string
	who       *account
	options   deployOptions
	archive   []byte
	begun     time.Time
	due       time.Time
	canceled  bool
	done      bool

	message   string // why nothing could be looked at
	problems  []problem
	successes []success
}

type success struct {
	kind, fileName, name, id string
	created                  bool
}

const maxDeployments = 100

// enqueue accepts a deployment.
func (s *Server) enqueue(who *account, options deployOptions, archive []byte) *deployment {
	now := s.now()
	d := &deployment{id: s.org.next("0Af"), orgID: id15(who.org.ID), who: who, options: options, archive: archive, begun: now, due: now.Add(s.deployTime)}
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	for len(s.org.deployments) >= maxDeployments {
		delete(s.org.deployments, sortedKeys(s.org.deployments)[0]) // ids grow
	}
	s.org.deployments[d.id] = d
	s.org.open.Add(1)
	return d
}

// status is a deployment's state by the clock, in the metadata API's words. s.org.mu is held.
func (d *deployment) status(now time.Time) string {
	failed := d.message != "" || slices.ContainsFunc(d.problems, func(p problem) bool { return !p.warning })
	switch {
	case d.canceled && !d.done:
		return "Canceling"
	case d.canceled:
		return "Canceled"
	case !d.done && now.Sub(d.begun) < d.due.Sub(d.begun)/4:
		return "Pending"
	case !d.done:
		return "InProgress"
	case !failed:
		return "Succeeded"
	case len(d.successes) > 0 && !d.options.RollbackOnError:
		return "SucceededPartial"
	}
	return "Failed"
}

// settleDeployments lets deployments take effect whose time has come. Every request begins with it, so that nobody can see a
// moment in which a finished deployment has had no effect.
func (s *Server) settleDeployments() {
	if s.org.open.Load() == 0 {
		return
	}
	s.org.settling.Lock()
	defer s.org.settling.Unlock()
	now := s.now()
	for _, d := range s.dueDeployments(now) {
		var result deployment
		if !d.canceled {
			result = s.deploy(d)
		}
		s.org.mu.Lock()
		d.message, d.problems, d.successes = result.message, result.problems, result.successes
		d.done, d.archive = true, nil
		s.org.mu.Unlock()
		s.org.open.Add(-1)
	}
}

func (s *Server) dueDeployments(now time.Time) []*deployment {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	var due []*deployment
	for _, id := range sortedKeys(s.org.deployments) {
		if d := s.org.deployments[id]; !d.done && !now.Before(d.due) {
			due = append(due, d)
		}
	}
	return due
}

// deploy runs a deployment and returns its results.
func (s *Server) deploy(d *deployment) (result deployment) {
	files, err := unzip(d.archive)
	if err != nil {
		result.message = err.Error()
		return result
	}
	components, problems := componentsOf(files)
	if len(components) == 0 && len(problems) == 0 {
		problems = []problem{{fileName: "package.xml", name: "package.xml", text: "package.xml names no component"}}
	}
	sound := slices.DeleteFunc(slices.Clone(components), func(c *component) bool {
		found := c.check()
		problems = append(problems, found...)
		return len(found) > 0
	})
	s.mu.Lock()
	who := s.dir.current(d.who)
	s.mu.Unlock()
	changes, more := s.plan(who, sound)
	result.problems = append(problems, more...)
	bad := func(c *component) bool {
		return slices.ContainsFunc(result.problems, func(p problem) bool { return p.fileName == c.fileName && !p.warning })
	}
	anyBad := slices.ContainsFunc(result.problems, func(p problem) bool { return !p.warning })
	for _, c := range sound {
		if bad(c) {
			continue
		}
		done := success{kind: c.kind.name, fileName: c.fileName, name: c.name, id: stableID("0XX", d.orgID+c.fileName)}
		if planned := changes[c.app()]; planned != nil {
			if slices.ContainsFunc(planned.components, bad) || planned.app == nil {
				continue // the app's other half is missing
			}
			done.created = planned.before == nil
		}
		result.successes = append(result.successes, done)
	}
	if d.options.CheckOnly || (anyBad && d.options.RollbackOnError) {
		return result
	}
	s.apply(who, changes, result.successes, sound)
	return result
}

// apply puts the planned apps and switches in place.
func (s *Server) apply(who *account, changes map[string]*change, successes []success, components []*component) {
	applied := map[string]bool{}
	for _, done := range successes {
		applied[done.fileName] = true
	}
	for _, name := range sortedKeys(changes) {
		planned := changes[name]
		if len(planned.components) > 0 && applied[planned.components[0].fileName] {
			s.saveApp(planned.app, planned.before)
		}
	}
	for _, c := range components {
		if c.kind.perOrg && applied[c.fileName] {
			_ = s.UpdateOrg(who.org.MyDomain, func(o *Org) { o.takeSwitches(c) }) // the org is there: who belongs to it
		}
	}
}

// saveApp puts an app in the place of another, or beside the others, as an administrator's Save does.
func (s *Server) saveApp(app, before *App) {
	s.mu.Lock()
	if before != nil {
		delete(s.apps, before.ClientID)
	}
	s.apps[app.ClientID] = app
	s.mu.Unlock()
	s.saved(app.ClientID)
}

// mintSecret has the shape of Salesforce's: 64 hexadecimal digits (B).
func (s *Server) mintSecret() string {
	const digits = "0123456789ABCDEF"
	return strings.Map(func(r rune) rune { return rune(digits[strings.IndexRune(tokenAlphabet, r)&15]) }, s.mint(64))
}
