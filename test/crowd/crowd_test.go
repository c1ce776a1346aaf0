// Package crowd has thousands of callers in several processes ask for the same token at once, and counts at the login
// server what that costs. Its benchmarks measure how long the callers wait.
package crowd

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/test/place"
)

const (
	processes = 8
	engines   = 3 // in each
	alias     = "prod"
)

// rotating starts an emulator whose token endpoint takes its time, with rotation on: a second request would kill the grant.
func rotating(t testing.TB, delay time.Duration) *emulatortest.Server {
	t.Helper()
	config := emulator.DefaultConfig()
	for n := range users {
		config.Orgs[0].Users = append(config.Orgs[0].Users, emulator.User{
			ID: fmt.Sprintf("005EMU00001%04d", n), Username: user(n), Password: emulator.Password, LastName: "Crowd",
		})
	}
	server := emulatortest.Start(t, emulator.Options{Config: config})
	if err := server.Emulator().UpdateApp(emulator.ClientIDConfidential, func(app *emulator.App) { app.Rotation = true }); err != nil {
		t.Fatal(err)
	}
	server.Emulator().Fail(emulator.Fault{Endpoint: emulator.Token, GrantType: "refresh_token", Times: -1, Delay: delay})
	return server
}

func keep(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	if err := place.Change(t.Context(), s, g.Alias, func(in *store.Grant) { *in = *g }); err != nil {
		t.Fatal(err)
	}
}

// crowd has all callers of all processes ask at once, and adds up what they got.
func crowd(t *testing.T, p place.Place, callers int) tally {
	t.Helper()
	var all []*process
	for range processes {
		all = append(all, task{p, alias, engines, callers / processes}.start(t))
	}
	for _, process := range all {
		if _, err := process.in.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
	}
	sum := tally{Tokens: map[string]int{}, Other: map[string]int{}}
	for _, process := range all {
		got := process.end(t)
		sum.Dead += got.Dead
		add(sum.Tokens, got.Tokens)
		add(sum.Other, got.Other)
	}
	return sum
}

func add(to, from map[string]int) {
	for key, n := range maps.All(from) {
		to[key] += n
	}
}

func callers() int {
	if testing.Short() {
		return 800
	}
	return 10_000
}

// Issue 3, proof 2: 10,000 goroutines in 8 processes with 3 engines each, on one store, ask for one expired token. The
// login server counts one request, and everybody has the same token.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for _, kind := range place.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := rotating(t, 300*time.Millisecond)
			p := place.New(t, kind)
			s, err := p.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			keep(t, s, place.Login(t, server, alias, emulator.Username))
			server.Emulator().ClearRequests()
			got := crowd(t, p, callers())
			if n := server.Emulator().TokenRequests(); n != 1 {
				t.Errorf("the emulator counts %d token requests", n)
			}
			if len(got.Tokens) != 1 || len(got.Other) > 0 || got.Dead > 0 {
				t.Errorf("callers got %+v", got)
			}
			for _, n := range got.Tokens {
				if n != callers() {
					t.Errorf("%d of %d callers got the token", n, callers())
				}
			}
		})
	}
}

// List of 5.3, no. 17: a grant that is found dead costs one request, for any number of callers of any process, then and
// later.
func TestDeadCrowd(t *testing.T) {
	t.Parallel()
	for _, kind := range place.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := rotating(t, 100*time.Millisecond)
			p := place.New(t, kind)
			s, err := p.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			g := place.Login(t, server, alias, emulator.Username)
			keep(t, s, g)
			client := sftoken.Client{App: g.App}
			if err := client.Revoke(t.Context(), g.RefreshToken); err != nil {
				t.Fatal(err)
			}
			server.Emulator().ClearRequests()
			for range 2 {
				if got := crowd(t, p, callers()); got.Dead != callers() {
					t.Errorf("callers got %+v", got)
				}
			}
			if n := len(server.Emulator().Requests()); n != 1 {
				t.Errorf("the emulator counts %d requests", n)
			}
		})
	}
}

// users is how many grants the storms have: one user each, since a user has five approvals of an app at most.
const users = 256

func user(n int) string { return fmt.Sprintf("crowd%d@acme.example", n) }

// storm has callers ask for the tokens of grants, in turn, and returns how long each waited.
func storm(b *testing.B, engine *refresh.Engine, callers, grants int) []time.Duration {
	b.Helper()
	waits := make([]time.Duration, callers)
	word := make(chan struct{})
	var start time.Time
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			<-word
			_, err := engine.Token(b.Context(), grantName(n%grants))
			if waits[n] = time.Since(start); err != nil && !errors.Is(err, sftoken.ErrLoginRequired) {
				b.Error(err)
			}
		})
	}
	start = time.Now()
	close(word)
	group.Wait()
	return waits
}

func grantName(n int) string { return fmt.Sprint("grant-", n) }
