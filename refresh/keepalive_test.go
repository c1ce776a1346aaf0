package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// days returns a grant that was refreshed last so many days ago.
func days(alias string, n int, change func(*store.Grant)) *store.Grant {
	return grant(func(g *store.Grant) {
		g.Alias, g.RefreshedAt, g.CreatedAt = alias, time.Now().AddDate(0, 0, -n), time.Now().AddDate(0, 0, -90)
		if change != nil {
			change(g)
		}
	})
}

// kept runs k once and returns "alias: outcome" of each result, sorted.
func kept(t *testing.T, k *refresh.KeepAlive, aliases ...string) (told []string) {
	t.Helper()
	k.OnResult = func(r refresh.Result) {
		told = append(told, r.Alias+": "+string(r.Outcome))
		if failed := r.Outcome == refresh.Failed || r.Outcome == refresh.PutOff; failed != (r.Err != nil) {
			t.Errorf("%s: %s with error %v", r.Alias, r.Outcome, r.Err)
		}
		if r.Done != len(told) || r.Of < r.Done {
			t.Errorf("%s is number %d of %d after %d results", r.Alias, r.Done, r.Of, len(told))
		}
	}
	if err := k.Run(t.Context(), aliases...); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	return told
}

// The 30-day rule: what was used in the last 20 days is left alone, what is dead or cannot be refreshed too. One failure
// stops nobody else.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		within time.Duration
		limit  time.Duration
		names  []string
		want   []string
	}{
		"all":            {want: []string{"bare: no refresh token", "blocked: failed", "old: refreshed", "unsure: refreshed"}},
		"shorter policy": {limit: 6 * 24 * time.Hour, want: []string{"bare: no refresh token", "blocked: failed", "new: refreshed", "old: refreshed", "unsure: refreshed"}},
		"last moment":    {within: 4 * 24 * time.Hour, want: []string{"bare: no refresh token", "blocked: failed", "old: refreshed"}},
		"named":          {names: []string{"new", "old", "dead", "none"}, want: []string{"dead: failed", "new: not due", "none: failed", "old: refreshed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, newIssuer(), nil, nil)
				for _, g := range []*store.Grant{
					days("new", 5, nil), days("old", 27, nil), days("unsure", 21, func(g *store.Grant) { g.State = store.Uncertain }),
					days("dead", 40, func(g *store.Grant) { g.State, g.Reason = store.Dead, "invalid_grant: expired" }),
					days("bare", 28, func(g *store.Grant) { g.RefreshToken = sftoken.Secret{} }),
					days("blocked", 28, func(g *store.Grant) { g.RefreshToken = sftoken.NewSecret("of another app") }),
				} {
					save(t, w.store, g)
				}
				k := &refresh.KeepAlive{Engine: w.engine, Within: test.within, Limit: test.limit}
				if diff := cmp.Diff(test.want, kept(t, k, test.names...)); diff != "" {
					t.Errorf("results (-want +got):\n%s", diff)
				}
				if again := kept(t, k); slices.ContainsFunc(again, func(s string) bool { return strings.HasSuffix(s, "refreshed") }) && test.names == nil {
					t.Errorf("refreshed again at once: %q", again)
				}
			})
		})
	}
}

// meter counts requests at a time and in a second, by host.
type meter struct {
	base http.RoundTripper
	mu   sync.Mutex
	now  map[string]int
	most map[string]int
	at   map[string][]time.Time
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/introspect") {
		return m.base.RoundTrip(req)
	}
	host := req.URL.Host
	m.mu.Lock()
	m.now[host]++
	m.most[host] = max(m.most[host], m.now[host])
	m.at[host] = append(m.at[host], time.Now())
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.now[host]--
		m.mu.Unlock()
	}()
	return m.base.RoundTrip(req)
}

// List of 5.3, no. 18: many grants due at once are spread out, and one login host does not hold up another.
func TestKeepAliveSpreads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.delay = 2 * time.Second
		m := &meter{base: i, now: map[string]int{}, most: map[string]int{}, at: map[string][]time.Time{}}
		w := newWorld(t, i, nil, func(o *refresh.Options) { o.HTTP = &http.Client{Transport: m} })
		other, err := sftoken.ParseHost("https://other.my.salesforce.com")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			save(t, w.store, days(fmt.Sprint("g", n), 25, nil))
		}
		save(t, w.store, days("other", 21, func(g *store.Grant) { g.App.Host = other }))
		start := time.Now()
		results := kept(t, &refresh.KeepAlive{Engine: w.engine})
		if len(results) != 101 {
			t.Errorf("%d results", len(results))
		}
		const busy = "acme.my.salesforce.com"
		if m.most[busy] > 4 {
			t.Errorf("%d at a time", m.most[busy])
		}
		for n, at := range m.at[busy] {
			if n >= 7 && at.Sub(m.at[busy][n-7]) < time.Second-time.Second/5 {
				t.Errorf("request %d is the eighth within %v", n, at.Sub(m.at[busy][n-7]))
			}
		}
		if waited := m.at[other.String()[len("https://"):]][0].Sub(start); waited > time.Second {
			t.Errorf("the other host waited %v", waited)
		}
	})
}

// A login host that loses its answers would leave one grant after the other in doubt: the rest is put off.
func TestKeepAliveLeavesAFailingHostAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.always, i.introspect = lostBefore, losesIntrospection
		w := newWorld(t, i, nil, nil)
		for n := range 50 {
			save(t, w.store, days(fmt.Sprint("g", n), 25, nil))
		}
		failed := 0
		for _, r := range kept(t, &refresh.KeepAlive{Engine: w.engine}) {
			if strings.HasSuffix(r, ": failed") {
				failed++
			} else if !strings.HasSuffix(r, ": put off") {
				t.Error(r)
			}
		}
		if failed < 3 || failed > 6 {
			t.Errorf("%d grants were tried", failed)
		}
	})
}

// Told to stop, a service starts nothing new, finishes what is under way, and ends without an error.
func TestKeepAliveServe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		w := newWorld(t, i, nil, nil)
		for n := range 30 {
			save(t, w.store, days(fmt.Sprint("g", n), n, nil))
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := map[refresh.Outcome]int{}
		k := &refresh.KeepAlive{Engine: w.engine, OnResult: func(r refresh.Result) { results[r.Outcome]++ }}
		var err error
		var served sync.WaitGroup
		served.Go(func() { err = k.Serve(ctx) })
		time.Sleep(time.Minute)
		w.wantRequests(9)                        // those of 21 to 29 days
		time.Sleep(5*24*time.Hour + 2*time.Hour) // looks may be 66 minutes apart
		w.wantRequests(15)                       // and of 15 to 20
		i.delay = time.Minute
		time.Sleep(22 * time.Hour)
		cancel()
		served.Wait()
		if err != nil || results[refresh.Kept] != len(i.presented) || results[refresh.Failed] > 0 {
			t.Errorf("Serve: %v; %v after %d requests", err, results, len(i.presented))
		}
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run with an ended context: %v", err)
		}
	})
}
