package flow

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// The engine keeps a grant without a refresh token going: a session that the org has ended costs one run of the flow, however
// many notice, and once the app is blocked there is no further request.
func TestFlowRunsAgain(t *testing.T) {
	t.Parallel()
	for name, flow := range map[string]sftoken.Flow{"JWT bearer": sftoken.FlowJWTBearer, "client credentials": sftoken.FlowClientCredentials} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			if _, err := server.Emulator().Approve(emulator.ClientIDConfidential, emulator.Username, "api", "refresh_token"); err != nil {
				t.Fatal(err)
			}
			c, s := withKey(client(t, server, "/acme"), own()), memory.New()
			lease, err := s.Lease(t.Context(), "server")
			if err != nil {
				t.Fatal(err)
			}
			grant := &store.Grant{Alias: "server", App: c.App, Flow: flow, Subject: emulator.Username, CreatedAt: time.Now()}
			if err := errors.Join(lease.Save(t.Context(), grant), lease.Release()); err != nil {
				t.Fatal(err)
			}
			engine := refresh.New(refresh.Options{Store: s, HTTP: server.Client()})
			defer engine.Close(t.Context())

			first, err := engine.Token(t.Context(), "server") // there was none yet
			if err != nil {
				t.Fatal(err)
			}
			server.Emulator().ExpireSessions()
			before := server.Emulator().TokenRequests()
			api := &http.Client{Transport: &refresh.Transport{Engine: engine, Alias: "server", Base: server.Client().Transport}}
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					res, err := api.Get("/services/data/v66.0/limits")
					if err != nil {
						t.Error(err)
						return
					}
					defer res.Body.Close()
					if res.StatusCode == http.StatusUnauthorized {
						t.Errorf("the API says %s", res.Status)
					}
				})
			}
			group.Wait()
			if n := server.Emulator().TokenRequests() - before; n != 1 {
				t.Errorf("%d token requests for one session that ended, want 1", n)
			}
			if next, err := engine.Token(t.Context(), "server"); err != nil || next.Token.Equal(first.Token) {
				t.Errorf("Token = %v, %v; want another than before", next, err)
			}

			change(t, server, func(app *emulator.App) { app.Blocked = true })
			if _, err := engine.Refresh(t.Context(), "server"); !errors.Is(err, sftoken.ErrBlocked) {
				t.Errorf("blocked: %v", err)
			}
			server.Emulator().ExpireSessions()
			before = server.Emulator().TokenRequests()
			for range 5 {
				_, _ = engine.Token(t.Context(), "server")
			}
			if n := server.Emulator().TokenRequests() - before; n != 0 {
				t.Errorf("%d token requests for a dead grant", n)
			}
		})
	}
}
