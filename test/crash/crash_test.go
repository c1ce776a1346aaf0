//go:build unix

// Package crash kills processes in the middle of a refresh, at every step, over every store, and holds what the next
// process makes of it against what the login server knows. `make test` runs it in full, `go test -short` in part.
package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/test/place"
)

// Issue 3, proof 1. After each crash the store holds the newest refresh token that was issued, or says that the one it has
// may be spent. The next process then goes on with a living grant, or says that it is dead when it is. A spent token is
// never presented where introspection would have told, and at most once where it is not to be had.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	repeats := 25
	if testing.Short() {
		repeats = 2
	}
	for _, kind := range place.Kinds {
		for _, rotation := range []bool{true, false} {
			name := kind + ", " + map[bool]string{true: "rotation on", false: "rotation off"}[rotation]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				shared := place.New(t, kind)
				shared.LeaseTerm = time.Second
				// A lease that outlives its holder is waited for, so that such runs go side by side.
				lanes := map[string]int{"postgres": 10}[kind] + 1
				counts := map[point]*count{}
				for _, p := range points {
					counts[p] = new(count)
				}
				next := make(chan int)
				var group sync.WaitGroup
				for range lanes {
					w := &sweep{t: t, place: shared, upstream: newUpstream(t, rotation), counts: counts}
					group.Go(func() {
						for n := range next {
							w.run(n)
						}
					})
				}
				for n := range repeats * len(points) {
					if t.Failed() {
						break
					}
					next <- n
				}
				close(next)
				group.Wait()
				if !t.Failed() {
					print(t, name, counts)
				}
			})
		}
	}
}

// sweep is the runs over one store in one mode.
type sweep struct {
	t        *testing.T
	place    place.Place
	upstream *upstream
	counts   map[point]*count
}

// count is what became of the runs that died at one point.
type count struct {
	mu                              sync.Mutex
	runs, untouched, kept, doubtful int // in the store after the crash
	served, live, dead              int // what the next process made of it
	requests                        int // token requests of the next process
}

// run is one crash and what comes after it.
func (w *sweep) run(n int) {
	p, mute := points[n%len(points)], n/len(points)%2 == 1
	living := n / len(points) % 4 / 2 * 30 // seconds that the access token still has; it is due for a refresh either way
	alias := fmt.Sprintf("run-%d", n)
	fail := func(format string, args ...any) {
		w.t.Errorf("%s, killed at %q, introspection %t, access token lives %ds: "+format, append([]any{alias, p, !mute, living}, args...)...)
	}
	s, err := w.place.Open(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	before := w.upstream.login(alias, time.Duration(living)*time.Second)
	if err := place.Change(w.t.Context(), s, alias, func(g *store.Grant) { *g = *before }); err != nil {
		w.t.Fatal(err)
	}

	w.crash(task{w.place, alias, p}, mute)
	if w.t.Failed() {
		return
	}
	c := w.counts[p]
	c.mu.Lock() // lanes are seldom at the same point
	defer c.mu.Unlock()
	c.runs++
	newest, requests, _ := w.upstream.facts()
	g, err := s.Get(w.t.Context(), alias)
	if err != nil {
		fail("the store after the crash: %v", err)
		return
	}
	doubt := g.State == store.Uncertain || g.Spending != nil && g.Spending.Fingerprint == g.RefreshToken.Fingerprint()
	switch {
	case doubt:
		c.doubtful++
	case g.State != store.Live || g.RefreshToken.Reveal() != newest:
		fail("silently stale: state %v, newest token: %t", g.State, g.RefreshToken.Reveal() == newest)
	case requests > 0:
		c.kept++
	default:
		c.untouched++
	}

	err = w.goOn(alias, c)
	newest, after, reused := w.upstream.facts()
	c.requests += after - requests
	if g, getErr := s.Get(w.t.Context(), alias); getErr != nil {
		fail("the store in the end: %v", getErr)
	} else {
		w.judge(g, err, newest, c, fail)
	}
	if most := map[bool]int{true: 1, false: 0}[mute]; reused > most {
		fail("a spent refresh token was presented %d times", reused)
	}
}

// crash runs the task until it is dead.
func (w *sweep) crash(k task, mute bool) {
	cmd := k.command(w.t.Context())
	var complaints strings.Builder
	cmd.Stderr = &complaints
	started, gone := make(chan struct{}), make(chan struct{})
	w.upstream.plan(k.Point, mute, func() {
		<-started // the child may be faster than we are
		_ = cmd.Process.Kill()
		<-gone
	})
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	close(gone)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
		return
	}
	if k.Point != anytime || err != nil { // "any time" may be after the end
		w.t.Errorf("%s was to die at %q: %v\n%s", k.Alias, k.Point, err, complaints.String())
	}
}

// goOn is the next process: an engine and a store of its own. If it is served a living access token, time passes until that
// is dead, and it asks again.
func (w *sweep) goOn(alias string, c *count) error {
	ctx := w.t.Context()
	s, err := w.place.Open(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	ask := func() (*refresh.Access, error) {
		engine := refresh.New(refresh.Options{Store: s, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
		defer engine.Close(context.WithoutCancel(ctx))
		return engine.Token(ctx, alias)
	}
	access, err := ask()
	if err != nil || access.Warning == nil {
		return err
	}
	c.served++
	expire := func(g *store.Grant) { g.Expiry.At = time.Now().Add(-time.Second) }
	if err := place.Change(ctx, s, alias, expire); err != nil {
		w.t.Fatal(err)
	}
	_, err = ask()
	return err
}

// judge holds the end against the login server.
func (w *sweep) judge(g *store.Grant, err error, newest string, c *count, fail func(string, ...any)) {
	isNewest := g.RefreshToken.Reveal() == newest
	switch {
	case err == nil && g.State == store.Live && g.Spending == nil && isNewest && w.upstream.active(newest):
		c.live++
	case errors.Is(err, sftoken.ErrLoginRequired) && g.State == store.Dead && !isNewest:
		c.dead++
	default:
		fail("in the end: state %v, newest token: %t, answer: %v", g.State, isNewest, err)
	}
}

// print shows what came of it. None was wrong, or the test has failed.
func print(t *testing.T, name string, counts map[point]*count) {
	var b strings.Builder
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%s\truns\tuntouched\tsaved\tin doubt\told token served\tlive\ttruly dead\tsilently stale\trequests after\t\n", name)
	sum := new(count)
	line := func(what string, c *count) {
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t0\t%d\t\n", what, c.runs, c.untouched, c.kept, c.doubtful, c.served, c.live, c.dead, c.requests)
	}
	for _, p := range points {
		c := counts[p]
		line(string(p), c)
		sum.runs, sum.untouched, sum.kept, sum.doubtful = sum.runs+c.runs, sum.untouched+c.untouched, sum.kept+c.kept, sum.doubtful+c.doubtful
		sum.served, sum.live, sum.dead, sum.requests = sum.served+c.served, sum.live+c.live, sum.dead+c.dead, sum.requests+c.requests
	}
	line("all", sum)
	_ = out.Flush()
	t.Logf("\n%s", b.String())
}
