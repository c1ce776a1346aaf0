package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// round is what happens at once: some callers of some processes, while the issuer misbehaves and a process may end.
type round struct {
	Calls   []call
	Faults  []fault
	Crashes map[int]string // process → step
	Pause   time.Duration  // afterwards
}

type call struct {
	Process int
	Kind    string
	Leaves  time.Duration // 0: never
}

const processes = 3

func drawRound(t *rapid.T) round {
	draw := func(name string, values ...time.Duration) time.Duration {
		return rapid.SampledFrom(values).Draw(t, name)
	}
	r := round{
		Faults:  rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(faults)-1), func(n int) fault { return fault(n) }), 0, 3).Draw(t, "faults"),
		Crashes: map[int]string{},
		Pause:   draw("pause", 0, time.Second, time.Minute, time.Hour, 3*time.Hour),
	}
	for range rapid.IntRange(1, 5).Draw(t, "calls") {
		r.Calls = append(r.Calls, call{
			Process: rapid.IntRange(0, processes-1).Draw(t, "process"),
			Kind:    rapid.SampledFrom([]string{"token", "token", "refresh", "reject"}).Draw(t, "kind"),
			Leaves:  draw("leaves", 0, 0, time.Millisecond, 10*time.Second),
		})
	}
	for p := range processes {
		if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
			r.Crashes[p] = rapid.SampledFrom(refresh.Steps).Draw(t, "step")
		}
	}
	return r
}

// Issue 3, proofs 1 and 4: whatever clients, faults and crashes do, at rest the store holds the newest refresh token that
// was issued, or says that the grant is uncertain or dead. Uncertain is resolved without killing a living grant. A token
// that was spent is presented again only where introspection could not prevent it. Nobody gets an access token that is not
// saved.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		i := newIssuer()
		i.rotates = rapid.Bool().Draw(rt, "rotates")
		i.introspect = rapid.IntRange(introspects, losesIntrospection).Draw(rt, "introspection")
		i.delay = rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, 30 * time.Second}).Draw(rt, "delay")
		history := rapid.Bool().Draw(rt, "has been refreshed before")
		rounds := make([]round, rapid.IntRange(1, 5).Draw(rt, "rounds"))
		for n := range rounds {
			rounds[n] = drawRound(rt)
		}
		var outcome string
		var err error
		synctest.Test(t, func(t *testing.T) { outcome, err = play(t, i, history, rounds) })
		if err != nil {
			rt.Fatal(err)
		}
		outcomes[outcome]++
	})
	t.Logf("outcomes: %v", outcomes)
}

// keeping is a store that remembers every access token that was ever saved.
type keeping struct {
	store.Store
	mu    sync.Mutex
	saved map[string]bool
}

func (s *keeping) Lease(ctx context.Context, alias string) (store.Lease, error) {
	lease, err := s.Store.Lease(ctx, alias)
	return &keepingLease{lease, s}, err
}

type keepingLease struct {
	store.Lease
	s *keeping
}

func (l *keepingLease) Save(ctx context.Context, g *store.Grant) error {
	err := l.Lease.Save(ctx, g)
	if err == nil {
		l.s.mu.Lock()
		l.s.saved[g.AccessToken.Reveal()] = true
		l.s.mu.Unlock()
	}
	return err
}

func (s *keeping) has(token sftoken.Secret) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved[token.Reveal()]
}

func play(t *testing.T, i *issuer, history bool, rounds []round) (outcome string, err error) {
	kept := &keeping{Store: memory.New(), saved: map[string]bool{}}
	save(t, kept, grant(func(g *store.Grant) {
		g.Rotates = i.rotates
		if history {
			g.CreatedAt = g.RefreshedAt.Add(-time.Hour)
		}
	}))
	options := refresh.Options{Store: kept, HTTP: i.client(), SessionTimeout: 2 * time.Hour, Deadline: 20 * time.Second}
	engines := make([]*refresh.Engine, processes)
	for p := range engines {
		engines[p] = refresh.New(options)
	}
	for n, r := range rounds {
		i.mu.Lock()
		i.next = r.Faults
		i.mu.Unlock()
		for p, step := range r.Crashes {
			engines[p].OnStep(func(s string) {
				if s == step {
					runtime.Goexit()
				}
			})
		}
		errs := make(chan error, len(r.Calls))
		var group sync.WaitGroup
		for _, c := range r.Calls {
			group.Go(func() { errs <- c.make(engines[c.Process], kept) })
		}
		group.Wait()
		for p := range engines { // at rest; and those that crashed are started again
			engines[p].Rest()
			if _, crashed := r.Crashes[p]; crashed {
				engines[p] = refresh.New(options)
			}
		}
		close(errs)
		for err := range errs {
			if err != nil {
				return "", fmt.Errorf("round %d: %w", n, err)
			}
		}
		if err := honest(t, i, kept); err != nil {
			return "", fmt.Errorf("round %d: %w", n, err)
		}
		time.Sleep(r.Pause)
	}
	return settle(t, i, kept, options)
}

func (c call) make(e *refresh.Engine, kept *keeping) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.Leaves > 0 {
		time.AfterFunc(c.Leaves, cancel)
	}
	access, err := e.Token(ctx, alias)
	if err == nil && c.Kind == "refresh" {
		access, err = e.Refresh(ctx, alias)
	}
	if err == nil && c.Kind == "reject" {
		access, err = e.Reject(ctx, alias, access.Token)
	}
	switch {
	case err != nil && access != nil:
		return fmt.Errorf("%s: both a token and %w", c.Kind, err)
	case err == nil && !kept.has(access.Token):
		return fmt.Errorf("%s: a token that was never saved", c.Kind)
	}
	return nil
}

// honest holds the store against the issuer.
func honest(t *testing.T, i *issuer, s store.Store) error {
	g := stored(t, s)
	i.mu.Lock()
	defer i.mu.Unlock()
	blocked := g.Reason == "app_blocked: this app is blocked by admin" // dead while an administrator says so
	newest := g.RefreshToken.Reveal() == i.current && !i.killed
	marked := g.Spending != nil && g.Spending.Fingerprint == g.RefreshToken.Fingerprint()
	switch {
	case i.reused > 0 && i.introspect == introspects:
		return errors.New("a dead refresh token was presented although introspection would have told")
	case i.reused > 1:
		return fmt.Errorf("a dead refresh token was presented %d times", i.reused)
	case g.State == store.Live && !marked && !newest:
		return fmt.Errorf("silently stale: stored %q, issued %q", g.RefreshToken.Reveal(), i.current)
	case g.State == store.Dead && newest && !blocked && (i.introspect == introspects || !mayRotate(g)):
		return fmt.Errorf("a living grant was buried: %s", g.Reason)
	}
	return nil
}

// mayRotate is false of a grant that was refreshed before and kept its refresh token.
func mayRotate(g *store.Grant) bool { return g.Rotates || !g.RefreshedAt.After(g.CreatedAt) }

// settle lets everything work again and says how the grant ended.
func settle(t *testing.T, i *issuer, s store.Store, options refresh.Options) (string, error) {
	i.mu.Lock()
	i.next, i.always = nil, none
	if i.introspect == losesIntrospection {
		i.introspect = refusesIntrospection
	}
	if i.delay > options.Deadline {
		i.delay = 0
	}
	i.mu.Unlock()
	time.Sleep(24 * time.Hour)
	e := refresh.New(options)
	defer e.Close(context.Background())
	_, err := e.Token(t.Context(), alias)
	if broken := honest(t, i, s); broken != nil {
		return "", fmt.Errorf("in the end: %w", broken)
	}
	switch {
	case err == nil:
		return "live", nil
	case errors.Is(err, sftoken.ErrBlocked):
		return "blocked", nil
	case errors.Is(err, sftoken.ErrLoginRequired):
		if stored(t, s).RefreshToken.Reveal() == i.current && !i.killed {
			return "given up after two lost answers", nil
		}
		return "truly dead", nil
	}
	return "", fmt.Errorf("in the end: %w", err)
}
