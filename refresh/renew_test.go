package refresh_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// privateKey is made once: that takes as long as all tests of this file together.
var privateKey = sync.OnceValue(func() sftoken.Secret {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return sftoken.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
})

func byJWTBearer(g *store.Grant) {
	g.Flow, g.Subject, g.RefreshToken = sftoken.FlowJWTBearer, "amelia@acme.example", sftoken.Secret{}
	g.App.ClientSecret, g.App.PrivateKey = sftoken.Secret{}, privateKey()
}

func byClientCredentials(g *store.Grant) {
	g.Flow, g.RefreshToken = sftoken.FlowClientCredentials, sftoken.Secret{}
}

// newMinter is an issuer that asks for no refresh token.
func newMinter() *issuer {
	i := newIssuer()
	i.current = ""
	return i
}

// runAgain are the flows that are renewed by running them again.
var runAgain = []struct {
	name      string
	login     func(*store.Grant)
	grantType string
}{
	{"JWT bearer", byJWTBearer, jwtBearer},
	{"client credentials", byClientCredentials, "client_credentials"},
}

func TestFlowRunsAgain(t *testing.T) {
	t.Parallel()
	privateKey()
	for _, flow := range runAgain {
		t.Run(flow.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newMinter()
				i.delay = time.Second
				w := newWorld(t, i, grant(flow.login), nil)
				crowd(100, func() { // one flight for all
					if got := w.token(); got != "00D!access-1" {
						t.Errorf("token %s", got)
					}
				})
				w.wantRequests(1)
				if want := []string{flow.grantType}; !slices.Equal(i.grantTypes, want) {
					t.Errorf("grant types %v, want %v", i.grantTypes, want)
				}
				g := stored(t, w.store)
				if g.State != store.Live || g.Spending != nil || g.AccessToken.Reveal() != "00D!access-1" || g.Rotates || g.Generation != 2 {
					t.Errorf("stored: %+v; want one save, live and without a mark", g)
				}
				if _, err := w.engine.Refresh(t.Context(), alias); err != nil {
					t.Errorf("Refresh: %v", err)
				}
				w.wantRequests(2)
				if got := w.told(); got != "refreshed refreshed" {
					t.Errorf("events %q", got)
				}
			})
		})
	}
}

// Two engines on one store, as two processes: the second looks again under the lease and finds the first one's token.
func TestFlowRunsAgainOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newMinter()
		i.delay = time.Second
		w := newWorld(t, i, grant(byClientCredentials), nil)
		other := w.newEngine(nil)
		var group sync.WaitGroup
		for _, engine := range []*refresh.Engine{w.engine, other} {
			group.Go(func() {
				if access, err := engine.Token(t.Context(), alias); err != nil || access.Token.Reveal() != "00D!access-1" {
					t.Errorf("Token = %v, %v", access, err)
				}
			})
		}
		group.Wait()
		w.wantRequests(1)
	})
}

// Nothing is spent, so an answer that was lost leaves no doubt: nobody is asked about anything, and after the pause the
// flow runs again.
func TestFlowRunsAgainAfterLostAnswer(t *testing.T) {
	t.Parallel()
	privateKey()
	for _, flow := range runAgain {
		for _, f := range []fault{connect, lostBefore, lostAfter, cutAfter, answer502, answer502After, answer503} {
			synctest.Test(t, func(t *testing.T) {
				i := newMinter()
				i.next = []fault{f}
				w := newWorld(t, i, grant(flow.login), nil)
				if _, err := w.engine.Token(t.Context(), alias); err == nil || errors.Is(err, sftoken.ErrLoginRequired) {
					t.Errorf("%s, fault %d: %v; want an error that passes", flow.name, f, err)
				}
				if g := stored(t, w.store); g.State != store.Live || g.Spending != nil {
					t.Errorf("%s, fault %d: stored %v, spending %v", flow.name, f, g.State, g.Spending)
				}
				before := i.requests()
				if _, err := w.engine.Token(t.Context(), alias); err == nil || i.requests() != before {
					t.Errorf("%s, fault %d: asked again at once", flow.name, f)
				}
				time.Sleep(2 * time.Second)
				w.token()
				w.wantRequests(before + 1)
				if i.asked != 0 {
					t.Errorf("%s, fault %d: asked about a refresh token", flow.name, f)
				}
			})
		}
	}
}

// The lease was lost while Salesforce was answering. Without a refresh token to tell by, it is the login that tells whether
// the grant is still the one that asked.
func TestFlowRunsAgainAfterLeaseLost(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		meanwhile func(*store.Grant)
		want      string
	}{
		{"nobody came", func(*store.Grant) {}, "00D!access-1"},
		{"somebody ran it too", func(g *store.Grant) { g.AccessToken = sftoken.NewSecret("00D!theirs") }, "00D!access-1"},
		{"somebody logged in with another secret", func(g *store.Grant) {
			g.AccessToken, g.App.ClientSecret = sftoken.NewSecret("00D!theirs"), sftoken.NewSecret("another")
		}, "00D!theirs"},
		{"somebody logged in with another flow", func(g *store.Grant) {
			g.AccessToken, g.Flow = sftoken.NewSecret("00D!theirs"), sftoken.FlowUsernamePassword
		}, "00D!theirs"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &losing{Store: memory.New()}
			w := newWorld(t, newMinter(), nil, func(o *refresh.Options) { o.Store = s })
			save(t, s.Store, grant(byClientCredentials))
			w.engine.OnStep(func(step string) {
				if step != "answered" {
					return
				}
				s.last.Release() // the store took it away
				g := stored(t, s.Store)
				row.meanwhile(g)
				save(t, s.Store, g)
			})
			access, err := w.engine.Token(t.Context(), alias)
			if err != nil || access.Token.Reveal() != row.want || stored(t, s.Store).AccessToken.Reveal() != row.want {
				t.Errorf("%s: Token = %v, %v; stored %s; want %s", row.name, access, err, stored(t, s.Store).AccessToken.Reveal(), row.want)
			}
		})
	}
}

// A living token is served while its early renewal fails.
func TestFlowRunsAgainEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newMinter()
		i.always = answer503
		w := newWorld(t, i, grant(func(g *store.Grant) { byClientCredentials(g); expires(30 * time.Second)(g) }), nil)
		access, err := w.engine.Token(t.Context(), alias)
		if err != nil || access.Token.Reveal() != "00D!access-0" || access.Warning == nil {
			t.Errorf("Token = %+v, %v; want the old one with a warning", access, err)
		}
	})
}

// A doubt that the grant has from elsewhere, such as a backup, is none for a flow that spends nothing.
func TestFlowRunsAgainWithoutDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newMinter()
		w := newWorld(t, i, grant(func(g *store.Grant) {
			byClientCredentials(g)
			g.State, g.Reason = store.Uncertain, store.Restored
		}), nil)
		w.token()
		if g := stored(t, w.store); g.State != store.Live || i.asked != 0 {
			t.Errorf("stored %v, asked %d times", g.State, i.asked)
		}
	})
}

// A refusal for good is remembered: no further request, until somebody asks for one in so many words.
func TestFlowRunsAgainBlocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newMinter()
		i.always = answerBlocked
		w := newWorld(t, i, grant(byClientCredentials), nil)
		for range 10 {
			w.fails(sftoken.ErrBlocked)
		}
		w.wantRequests(1)
		i.always = none
		if _, err := w.engine.Refresh(t.Context(), alias); err != nil {
			t.Errorf("Refresh once the administrator has relented: %v", err)
		}
	})
}

func TestFlowRunsAgainForARejectedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newMinter(), grant(func(g *store.Grant) { byClientCredentials(g); g.Expiry = store.Expiry{} }), nil)
		crowd(20, func() {
			access, err := w.engine.Reject(t.Context(), alias, sftoken.NewSecret("00D!access-0"))
			if err != nil || access.Token.Reveal() != "00D!access-1" {
				t.Errorf("Reject = %v, %v", access, err)
			}
		})
		w.wantRequests(1)
		var policy *refresh.RejectedError
		if _, err := w.engine.Reject(t.Context(), alias, sftoken.NewSecret("00D!access-1")); !errors.As(err, &policy) {
			t.Errorf("Reject of the fresh one: %v, want *RejectedError", err)
		}
		w.wantRequests(1)
	})
}

func TestHybridRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		w := newWorld(t, i, grant(func(g *store.Grant) { g.Flow = sftoken.FlowHybrid }), nil)
		w.token()
		if g := stored(t, w.store); !slices.Equal(i.grantTypes, []string{"hybrid_refresh"}) || g.RefreshToken.Reveal() != "refresh-1" {
			t.Errorf("grant types %v, refresh token %s", i.grantTypes, g.RefreshToken.Reveal())
		}
	})
}

// What cannot be renewed needs a login, and says which of all reasons it is.
func TestNotRenewable(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(*store.Grant){
		"the username-password flow never gives one": func(g *store.Grant) { g.Flow = sftoken.FlowUsernamePassword },
		"the saml-bearer flow never gives one":       func(g *store.Grant) { g.Flow = sftoken.FlowSAMLBearer },
		"did not ask for the refresh_token scope":    func(g *store.Grant) { g.Flow = sftoken.FlowDevice },
		"the jwt-bearer flow cannot be run again":    func(g *store.Grant) { g.Flow = sftoken.FlowJWTBearer },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, newIssuer(), grant(func(g *store.Grant) { change(g); g.RefreshToken = sftoken.Secret{} }), nil)
			if err := w.fails(sftoken.ErrLoginRequired); !strings.Contains(err.Error(), reason) {
				t.Errorf("%v; want %q in it", err, reason)
			}
			w.wantRequests(0)
		})
	}
}
