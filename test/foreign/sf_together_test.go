package foreign

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store/sf"
	"github.com/sftoken/sftoken/test/need"
)

// A start of the Salesforce CLI takes a second of a processor, so that the default is what CI has time for:
//
//	cd test/foreign && go test -run TestSharedLogin -sf-refreshes 250 -timeout 60m
var sfRefreshes = flag.Int("sf-refreshes", 16, "how often the Salesforce CLI refreshes the login that it shares with sftoken")

// The Salesforce CLI and sftoken refresh one rotating login, first in turn, then at the same time. The emulator ends the
// whole login when a spent refresh token comes again, so that one slip of either shows.
func TestSharedLogin(t *testing.T) {
	t.Parallel()
	c, s := newCLI(t), emulatortest.Start(t)
	platformCLI(t, s, true)
	c.login(t, s, "acme")
	sidecar, key := filepath.Join(t.TempDir(), "sidecar"), keys.Generate()
	shared := &shared{server: s, cli: c, spent: map[string]bool{}}
	for range 3 { // each as a process of its own would have it
		shared.engines = append(shared.engines, shared.engine(t, sidecar, key))
	}
	shared.inTurn(t, *sfRefreshes/2)
	shared.atOnce(t, *sfRefreshes)
	shared.tally(t)
	if err := shared.display(t.Context()); err != nil {
		t.Errorf("in the end: sf: %v", err)
	}
	if err := shared.refresh(t.Context(), 0); err != nil {
		t.Errorf("in the end: sftoken: %v", err)
	}
}

// What each makes the other reads, in both versions of the CLI and of its encryption: sftoken refreshes a login of the CLI's,
// the CLI one that sftoken has refreshed. The app does not rotate, which the old CLI could not follow.
func TestSharedFiles(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func(testing.TB) []string{"2.150": need.Salesforce, "2.146": need.OldSalesforce} {
		for crypto, env := range map[string]string{"v1": "SF_CRYPTO_V2=false", "v2": "SF_CRYPTO_V2=true"} {
			if name == "2.150" && crypto == "v1" {
				continue // TestSharedLogin
			}
			t.Run(name+" "+crypto, func(t *testing.T) {
				t.Parallel()
				c, s := newCLIOf(t, command(t), env), emulatortest.Start(t)
				platformCLI(t, s, false)
				c.login(t, s, "acme")
				l := &shared{server: s, cli: c, spent: map[string]bool{}}
				l.engines = append(l.engines, l.engine(t, filepath.Join(t.TempDir(), "sidecar"), keys.Generate()))
				l.inTurn(t, 1)
				l.server.Emulator().ClearRequests()
				var shown struct{ AccessToken string }
				if err := c.run(t.Context(), &shown, "org", "auth", "show-access-token", "--target-org", "acme"); err != nil {
					t.Fatal(err)
				}
				if got := status(t, s.Client(), s.URL, shown.AccessToken); got != http.StatusOK || counted(s, "refresh_token", http.StatusOK) != 0 {
					t.Errorf("the CLI does not show the token that sftoken got: the API answers %d", got)
				}
			})
		}
	}
}

// shared is a login of the Salesforce CLI, and the engines of sftoken that use it too.
type shared struct {
	server  *emulatortest.Server
	cli     *cli
	engines []*refresh.Engine

	read                     int // requests of the journal
	bySF, bySftoken, refused int
	spent                    map[string]bool // refresh tokens, by their fingerprints
}

func (l *shared) engine(t *testing.T, sidecar string, key *keys.Set) *refresh.Engine {
	t.Helper()
	s, err := sf.Open(t.Context(), sf.Options{Dir: filepath.Join(l.cli.dir, ".sfdx"), Sidecar: sidecar, Key: key, KeyFile: true})
	if err != nil {
		t.Fatal(err)
	}
	engine := refresh.New(refresh.Options{Store: s})
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return engine
}

// display has the CLI use the login. It refreshes it if its access token has died.
func (l *shared) display(ctx context.Context) error {
	var org struct{ Username, ConnectedStatus string }
	err := l.cli.run(ctx, &org, "org", "display", "--target-org", "acme")
	if err == nil && (org.Username != emulator.Username || org.ConnectedStatus != "Connected") {
		err = fmt.Errorf("org display says %+v", org)
	}
	return err
}

// refresh has one of sftoken's engines refresh the login.
func (l *shared) refresh(ctx context.Context, i int) error {
	access, err := l.engines[i].Refresh(ctx, "acme")
	if err == nil && access.Warning != nil {
		err = access.Warning
	}
	return err
}

// count reads on in the emulator's journal, which forgets what is older than some thousand requests.
func (l *shared) count() (bySF, bySftoken, refused int) {
	for _, r := range l.server.Emulator().Requests() {
		if r.Number <= l.read {
			continue
		}
		l.read = r.Number
		switch {
		case r.Endpoint != emulator.Token || r.GrantType != "refresh_token":
			continue
		case r.Status != http.StatusOK:
			l.refused++
			continue
		case strings.HasPrefix(r.Header.Get("User-Agent"), "sftoken"):
			l.bySftoken++
		default:
			l.bySF++
		}
		l.spent[r.Form.Get("refresh_token")] = true
	}
	return l.bySF, l.bySftoken, l.refused
}

func (l *shared) inTurn(t *testing.T, rounds int) {
	t.Helper()
	for round := 1; round <= rounds; round++ {
		l.server.Emulator().ExpireSessions()
		if err := l.display(t.Context()); err != nil {
			t.Fatalf("round %d: sf: %v", round, err)
		}
		if err := l.refresh(t.Context(), round%len(l.engines)); err != nil {
			t.Fatalf("round %d: sftoken: %v", round, err)
		}
		if bySF, bySftoken, refused := l.count(); bySF != round || bySftoken != round || refused != 0 {
			t.Fatalf("round %d: the CLI refreshed %d times, sftoken %d times, %d were refused", round, bySF, bySftoken, refused)
		}
	}
}

// atOnce goes on until the CLI has refreshed that often: two of its commands at a time, while sftoken's engines refresh all
// the time and the access tokens die again and again.
func (l *shared) atOnce(t *testing.T, refreshes int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	every := func(pause time.Duration, do func() error) {
		background.Go(func() {
			for ctx.Err() == nil {
				if err := do(); err != nil && ctx.Err() == nil {
					t.Errorf("at once: sftoken: %v", err)
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	for i := range l.engines {
		every(time.Second, func() error { return l.refresh(ctx, i) })
	}
	every(300*time.Millisecond, func() error { l.server.Emulator().ExpireSessions(); return nil })
	for enough := false; !enough && !t.Failed(); {
		var commands sync.WaitGroup
		for range 2 {
			commands.Go(func() {
				if err := l.display(ctx); err != nil {
					t.Errorf("at once: sf: %v", err)
				}
			})
		}
		commands.Wait()
		bySF, _, refused := l.count()
		enough = bySF >= refreshes || refused > 0
	}
	cancel()
	background.Wait()
}

// tally lets the emulator say that every refresh worked and no refresh token was sent twice.
func (l *shared) tally(t *testing.T) {
	t.Helper()
	bySF, bySftoken, refused := l.count()
	if len(l.spent) != bySF+bySftoken || refused != 0 {
		t.Errorf("%d refreshes spent %d different refresh tokens, %d were refused", bySF+bySftoken, len(l.spent), refused)
	}
	t.Logf("one login was refreshed %d times by sf and %d times by sftoken; %d were refused", bySF, bySftoken, refused)
}
