package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/wire"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
)

// alias is the grant's name in the demo's store.
const alias = "demo"

// clientID names the demo's app. Like an app that Salesforce's security review asks for, it has a secret, demands PKCE and
// rotates refresh tokens.
const clientID = "3MVG9.Emulator.Demo.000000000000000000000000000000000000000000000000000000000000000"

// stage is where the demo plays: an emulator on loopback, a temporary store, and recorders on both sides of the wire.
type stage struct {
	address  string
	emulator *http.Server
	serving  sync.WaitGroup
	dir      string
	store    store.Store
	client   *sftoken.Client
	recorder *wire.Recorder // what sftoken sends
	told     int            // how many of the recorder's exchanges were told

	mu    sync.Mutex
	pages []wire.Exchange // what the emulator received, from a browser too
}

func newStage(ctx context.Context, o Options) (_ *stage, err error) {
	s := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	config := emulator.DefaultConfig()
	app := emulator.App{
		ClientID: clientID, ClientSecret: consumerSecret(), Label: "sftoken demo",
		Scopes: []string{"api", "web", "refresh_token", "openid", "id"}, AnyLoopbackPort: true, PKCERequired: true, Rotation: true,
	}
	config.Apps = append(config.Apps, app)
	if err := s.serve(ctx, config, o.wrap); err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	host, err := sftoken.ParseHost(s.address)
	if err != nil {
		return nil, err
	}
	port := o.Port
	if port == 0 {
		if port, err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	s.recorder = &wire.Recorder{Base: &http.Transport{DisableKeepAlives: true}}
	s.client = &sftoken.Client{
		App: sftoken.App{
			ClientID: clientID, ClientSecret: sftoken.NewSecret(app.ClientSecret), Host: host,
			RedirectURI: fmt.Sprintf("http://localhost:%d/OauthRedirect", port),
		},
		HTTP: &http.Client{Transport: s.recorder, Timeout: time.Minute},
	}
	return s, nil
}

func (s *stage) serve(ctx context.Context, config *emulator.Config, wrap func(http.Handler) http.Handler) error {
	server, err := emulator.New(emulator.Options{Config: config, Steady: true})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start emulator: %w", err)
	}
	s.address = "http://" + listener.Addr().String()
	handler := wire.Handler(server, s.keepPage)
	if wrap != nil {
		handler = wrap(handler)
	}
	s.emulator = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	s.serving.Go(func() { _ = s.emulator.Serve(listener) }) // ends with ErrServerClosed
	return nil
}

// openStore makes a store as a first login does, with its key in a file, so that the demo asks no keyring for anything.
func (s *stage) openStore(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "sftoken-demo-"); err != nil {
		return fmt.Errorf("make temporary store: %w", err)
	}
	dir := filepath.Join(s.dir, "data")
	key, _, err := keys.Create(ctx, keys.Options{Dir: dir, Place: keys.File})
	if err != nil {
		return err
	}
	s.store, err = file.Open(ctx, file.Options{Dir: dir, Key: key})
	return err
}

func (s *stage) keepPage(x wire.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages = append(s.pages, x)
}

// visited returns the last exchange of the browser with the emulator that is what is asked for, if there was one.
func (s *stage) visited(is func(wire.Exchange) bool) []wire.Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, page := range slices.Backward(s.pages) {
		if is(page) {
			return []wire.Exchange{page}
		}
	}
	return nil
}

// sent returns the exchanges of sftoken that were not told yet.
func (s *stage) sent() []wire.Exchange {
	all := s.recorder.Exchanges()
	fresh := all[s.told:]
	s.told = len(all)
	return fresh
}

// close ends the emulator and removes the store.
func (s *stage) close() error {
	var errs []error
	if s.emulator != nil {
		errs = append(errs, s.emulator.Close())
		s.serving.Wait()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// freePort finds a port that is free on both of localhost's addresses, as far as one can know beforehand.
func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// consumerSecret makes one in the shape of Salesforce's: 64 upper-case hexadecimal digits.
func consumerSecret() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return fmt.Sprintf("%X", random)
}
