package refresh_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// shaky is a store that fails when told to.
type shaky struct {
	store.Store
	lease func() error
	probe func() error
	save  func(*store.Grant) error
	saves atomic.Int32
}

func (s *shaky) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if s.lease != nil {
		if err := s.lease(); err != nil {
			return nil, err
		}
	}
	lease, err := s.Store.Lease(ctx, alias)
	return &shakyLease{lease, s}, err
}

type shakyLease struct {
	store.Lease
	s *shaky
}

func (l *shakyLease) Probe(ctx context.Context) error {
	if l.s.probe != nil {
		if err := l.s.probe(); err != nil {
			return err
		}
	}
	return l.Lease.Probe(ctx)
}

func (l *shakyLease) Save(ctx context.Context, g *store.Grant) error {
	l.s.saves.Add(1)
	if l.s.save != nil {
		if err := l.s.save(g); err != nil {
			return err
		}
	}
	return l.Lease.Save(ctx, g)
}

// spooling adds store.Spooler.
type spooling struct {
	*shaky
	spooled  *store.Grant
	failures int
}

func (s *spooling) Spool(_ context.Context, g *store.Grant) error {
	if s.failures > 0 {
		s.failures--
		return errFull
	}
	g.Generation++
	s.spooled = g.Clone()
	return nil
}

var errFull = &store.Error{Op: "save", Alias: alias, Kind: store.ErrNoSpace}

func newShaky(t *testing.T, i *issuer) (*world, *shaky) {
	s := &shaky{Store: memory.New()}
	w := newWorld(t, i, nil, func(o *refresh.Options) { o.Store = s })
	save(t, s.Store, grant(nil))
	w.store = s.Store
	return w, s
}

// Step 5, list of 5.3 no. 7: what cannot be saved is not asked for.
func TestNothingIsSentWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	full := func() error { return errFull }
	for name, fail := range map[string]func(*shaky){
		"lease": func(s *shaky) { s.lease = full },
		"probe": func(s *shaky) { s.probe = full },
		"mark":  func(s *shaky) { s.save = func(*store.Grant) error { return errFull } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, s := newShaky(t, newIssuer())
				fail(s)
				w.fails(store.ErrNoSpace)
				w.wantRequests(0)
				s.lease, s.probe, s.save = nil, nil, nil
				if got := w.token(); got != "00D!access-1" {
					t.Errorf("token %q once there is space", got)
				}
			})
		})
	}
}

// A store that fails before an early refresh leaves the living token in use.
func TestStoreFailsBeforeEarlyRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shaky{Store: memory.New(), probe: func() error { return errFull }}
		w := newWorld(t, newIssuer(), nil, func(o *refresh.Options) { o.Store = s })
		save(t, s.Store, grant(expires(30*time.Second)))
		access, err := w.engine.Token(t.Context(), alias)
		if err != nil || !errors.Is(access.Warning, store.ErrNoSpace) || access.Token.Reveal() != "00D!access-0" {
			t.Fatalf("Token = %+v, %v", access, err)
		}
		w.wantRequests(0)
	})
}

// Step 6: the save after the answer is repeated until it holds, and nobody has the token before.
func TestSaveIsRepeated(t *testing.T) {
	t.Parallel()
	for _, failures := range []int32{1, 2, 10, 50} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer()
			i.rotates = true
			w, s := newShaky(t, i)
			var left atomic.Int32
			left.Store(failures)
			s.save = func(g *store.Grant) error {
				if g.Spending == nil && left.Add(-1) >= 0 {
					return errFull
				}
				return nil
			}
			if got := w.token(); got != "00D!access-1" || left.Load() != -1 {
				t.Errorf("token %q with %d failures left", got, left.Load()+1)
			}
			if g := stored(t, w.store); g.RefreshToken.Reveal() != "refresh-1" {
				t.Errorf("stored %+v", g)
			}
			w.wantRequests(1)
		})
	}
}

// Step 6: the save is detached. The caller has gone, and the flight's deadline has passed, when the disk has space again.
func TestSaveOutlivesCallerAndDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		w, s := newShaky(t, i)
		space := time.Now().Add(time.Hour)
		s.save = func(g *store.Grant) error {
			if g.Spending == nil && time.Now().Before(space) {
				return errFull
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if access, err := w.engine.Token(ctx, alias); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Token = %+v, %v before it was saved", access, err)
		}
		if told := w.told(); told != "refreshed rotated" {
			t.Errorf("events %q", told)
		}
		if g := stored(t, w.store); g.RefreshToken.Reveal() != "refresh-1" {
			t.Errorf("stored %+v", g)
		}
	})
}

// Step 6: when the store has failed for good, the answer is spooled, and counts as saved.
func TestSpool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		s := &spooling{shaky: &shaky{Store: memory.New()}}
		s.save = func(g *store.Grant) error {
			if g.Spending == nil {
				return errFull
			}
			return nil
		}
		w := newWorld(t, i, nil, func(o *refresh.Options) { o.Store = s })
		save(t, s.Store, grant(nil))
		if got := w.token(); got != "00D!access-1" {
			t.Errorf("token %q", got)
		}
		if s.spooled == nil || s.spooled.RefreshToken.Reveal() != "refresh-1" {
			t.Errorf("spooled %+v", s.spooled)
		}
		if told := w.told(); told != "refreshed rotated spooled" {
			t.Errorf("events %q", told)
		}
	})
}

// Neither store nor spool can be written: both are tried until one holds, and nobody has the token before.
func TestSpoolFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		s := &spooling{shaky: &shaky{Store: memory.New()}, failures: 20}
		s.save = func(g *store.Grant) error {
			if g.Spending == nil {
				return errFull
			}
			return nil
		}
		w := newWorld(t, i, nil, func(o *refresh.Options) { o.Store = s })
		save(t, s.Store, grant(nil))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if access, err := w.engine.Token(ctx, alias); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token = %+v, %v before it was kept anywhere", access, err)
		}
		if told := w.told(); told != "refreshed rotated spooled" || s.failures != 0 {
			t.Errorf("events %q with %d failures left", told, s.failures)
		}
		if s.spooled == nil || s.spooled.RefreshToken.Reveal() != "refresh-1" {
			t.Errorf("spooled %+v", s.spooled)
		}
		w.wantRequests(1)
	})
}

// The lease was lost while Salesforce was answering: it is taken again and the answer saved, unless somebody has replaced
// or deleted the grant meanwhile (list of 5.3, no. 19).
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile   func(context.Context, store.Lease, *store.Grant) error
		wantAccess  string
		wantRefresh string
		wantErr     error
	}{
		"nobody came": {
			meanwhile:  func(context.Context, store.Lease, *store.Grant) error { return nil },
			wantAccess: "00D!access-1", wantRefresh: "refresh-1",
		},
		"somebody touched it": {
			meanwhile:  func(ctx context.Context, l store.Lease, g *store.Grant) error { return l.Save(ctx, g) },
			wantAccess: "00D!access-1", wantRefresh: "refresh-1",
		},
		"somebody logged in": {
			meanwhile: func(ctx context.Context, l store.Lease, g *store.Grant) error {
				g.AccessToken, g.RefreshToken = sftoken.NewSecret("00D!theirs"), sftoken.NewSecret("theirs")
				return l.Save(ctx, g)
			},
			wantAccess: "00D!theirs", wantRefresh: "theirs",
		},
		"somebody logged out": {
			meanwhile: func(ctx context.Context, l store.Lease, _ *store.Grant) error { return l.Delete(ctx) },
			wantErr:   store.ErrNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.rotates = true
				s := &losing{Store: memory.New()}
				w := newWorld(t, i, nil, func(o *refresh.Options) { o.Store = s })
				save(t, s.Store, grant(nil))
				w.engine.OnStep(func(step string) {
					if step != "answered" {
						return
					}
					s.last.Release() // the store took it away
					lease, err := s.Store.Lease(context.Background(), alias)
					if err != nil {
						t.Error(err)
						return
					}
					defer lease.Release()
					g, err := lease.Load(context.Background())
					if err == nil {
						err = test.meanwhile(context.Background(), lease, g)
					}
					if err != nil {
						t.Error(err)
					}
				})
				access, err := w.engine.Token(t.Context(), alias)
				if !errors.Is(err, test.wantErr) {
					t.Fatalf("Token: %v, want %v", err, test.wantErr)
				}
				w.wantRequests(1)
				if err != nil {
					return
				}
				if access.Token.Reveal() != test.wantAccess {
					t.Errorf("token %q, want %q", access.Token.Reveal(), test.wantAccess)
				}
				if g := stored(t, s.Store); g.RefreshToken.Reveal() != test.wantRefresh || g.AccessToken.Reveal() != test.wantAccess {
					t.Errorf("stored %q, %q", g.RefreshToken.Reveal(), g.AccessToken.Reveal())
				}
			})
		})
	}
}

// losing remembers its last lease, so that a test can take it away.
type losing struct {
	store.Store
	last store.Lease
}

func (s *losing) Lease(ctx context.Context, alias string) (store.Lease, error) {
	lease, err := s.Store.Lease(ctx, alias)
	s.last = lease
	return lease, err
}

// B-02: at the moment the token is sent, the store says so; at the moment a caller has the answer, the store has it.
func TestOrderOfMarkSendSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.rotates = true
		w := newWorld(t, i, grant(nil), nil)
		var steps []string
		w.engine.OnStep(func(step string) {
			steps = append(steps, step)
			g := stored(t, w.store)
			marked := g.Spending != nil && g.Spending.Fingerprint == sftoken.NewSecret("refresh-0").Fingerprint()
			if want := step == "marked" || step == "answered"; marked != want {
				t.Errorf("%s: marked %t", step, marked)
			}
		})
		w.token()
		if len(steps) != len(refresh.Steps) {
			t.Errorf("steps %q", steps)
		}
	})
}
