package doctor

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/rest"
	"github.com/sftoken/sftoken/store"
)

// patience bounds each request. Doctor is asked by people who wait.
const patience = 10 * time.Second

// examination is one run: the subject and what the checks have learnt for those after them.
type examination struct {
	*Subject
	client *sftoken.Client
	http   *http.Client // follows no redirects
	answer *recorder
	org    *rest.Client

	mu        sync.Mutex
	nameless  bool         // the login host's name leads nowhere
	connected bool         // the login host answered
	taken     bool         // the API took the access token
	grant     *store.Grant // as it is now: Subject.Refresh may have changed it
}

// Result is what a run has found.
type Result struct {
	Findings []Finding // in the order of Checks
	Took     time.Duration
}

// Run runs every check that has what it needs. done, if not nil, is told of each check when it is through; it is not called
// twice at a time.
func Run(ctx context.Context, s *Subject, done func(Check)) *Result {
	begun := time.Now()
	x := examine(s)
	defer x.http.CloseIdleConnections()
	checks := Checks()
	all := make([][]Finding, len(checks))
	for need := Nothing; need <= API; need++ {
		if x.has(need) {
			x.stage(ctx, checks, all, need, done)
		}
	}
	result := &Result{}
	for i, findings := range all {
		for _, f := range findings {
			f.Check = checks[i].ID
			result.Findings = append(result.Findings, f)
		}
	}
	result.Took = time.Since(begun)
	return result
}

// stage runs the checks with one need at once, and waits for them.
func (x *examination) stage(ctx context.Context, checks []Check, all [][]Finding, need Need, done func(Check)) {
	var wait sync.WaitGroup
	var told sync.Mutex
	for i, check := range checks {
		if check.Needs != need {
			continue
		}
		wait.Go(func() {
			ctx, cancel := ctx, func() {}
			if check.ID != "refresh" { // which has its own limit, and must not be left halfway
				ctx, cancel = context.WithTimeout(ctx, patience)
			}
			defer cancel()
			all[i] = check.look(ctx, x)
			if told.Lock(); done != nil {
				done(check)
			}
			told.Unlock()
		})
	}
	wait.Wait()
}

func examine(s *Subject) *examination {
	answer := &recorder{next: cmp.Or(s.Transport, NewTransport())}
	x := &examination{Subject: s, answer: answer, grant: s.Grant}
	x.http = &http.Client{
		Transport: answer, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	x.client = &sftoken.Client{App: s.App, Hosts: s.Hosts, HTTP: x.http}
	return x
}

// has reports whether the checks with a need have what they need.
func (x *examination) has(need Need) bool {
	switch need {
	case Host:
		return !x.App.Host.IsZero() && !x.nameless
	case App:
		return x.connected
	case Grant:
		return x.grant != nil
	case Token:
		return x.connected && x.grant != nil && !x.grant.AccessToken.IsZero() && x.grant.InstanceURL != ""
	case API:
		return x.taken
	}
	return true
}

// now is the grant as it is now.
func (x *examination) now() *store.Grant {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.grant
}
