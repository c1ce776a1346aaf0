//go:build unix

package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/test/place"
)

// The test binary runs itself again as the process that is killed.
const childTask = "SFTOKEN_TEST_CRASH"

// task is what a child does: ask for a token of a grant, and die at a point.
type task struct {
	Place place.Place
	Alias string
	Point point
}

// point is a moment of a refresh.
type point string

// The points at which the child kills itself: after each of the engine's calls on the store, before the request and after
// the answer. What lies within such a call is anytime's.
const (
	leased   point = "lease taken"
	looked   point = "looked again"
	proved   point = "writable proved"
	marked   point = "mark saved"
	sending  point = "about to send"
	headed   point = "answer begins"
	answered point = "answer read"
	saving   point = "about to save"
	saved    point = "saved"
	released point = "lease released"
)

// The points at which the login server has it killed.
const (
	received point = "request received"       // nothing has happened there
	effected point = "done, nothing answered" // the refresh token is spent
	halfway  point = "half of the answer sent"
	anytime  point = "any time" // within some milliseconds of the request: in the middle of a write, too
)

var points = []point{
	leased, looked, proved, marked, sending, received, effected, halfway, headed, answered, saving, saved, released, anytime,
}

func TestMain(m *testing.M) {
	text, isChild := os.LookupEnv(childTask)
	if !isChild {
		os.Exit(m.Run())
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		panic(err)
	}
	if err := t.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (k task) command(ctx context.Context) *exec.Cmd {
	text, err := json.Marshal(k)
	if err != nil {
		panic(err)
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+string(text))
	return cmd
}

func (k task) run(ctx context.Context) error {
	s, err := k.Place.Open(ctx)
	if err != nil {
		return err
	}
	engine := refresh.New(refresh.Options{
		Store: &mortal{s, k.Point}, HTTP: &http.Client{Transport: mortalTransport{http.DefaultTransport, k.Point}}, Deadline: 20 * time.Second,
	})
	if _, err = engine.Token(ctx, k.Alias); err != nil {
		return err
	}
	return engine.Close(ctx)
}

// at ends the process as a power cut would, with no chance to tidy up.
func (p point) at(now point) {
	if p == now {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// mortal is a store whose process dies at a point.
type mortal struct {
	store.Store
	point point
}

func (s *mortal) Lease(ctx context.Context, alias string) (store.Lease, error) {
	l, err := s.Store.Lease(ctx, alias)
	s.point.at(leased)
	return &mortalLease{l, s.point}, err
}

type mortalLease struct {
	store.Lease
	point point
}

func (l *mortalLease) Load(ctx context.Context) (*store.Grant, error) {
	g, err := l.Lease.Load(ctx)
	l.point.at(looked)
	return g, err
}

func (l *mortalLease) Probe(ctx context.Context) error {
	err := l.Lease.Probe(ctx)
	l.point.at(proved)
	return err
}

func (l *mortalLease) Save(ctx context.Context, g *store.Grant) error {
	isMark := g.Spending != nil
	if !isMark {
		l.point.at(saving)
	}
	err := l.Lease.Save(ctx, g)
	if isMark {
		l.point.at(marked)
	} else {
		l.point.at(saved)
	}
	return err
}

func (l *mortalLease) Release() error {
	err := l.Lease.Release()
	l.point.at(released)
	return err
}

type mortalTransport struct {
	http.RoundTripper
	point point
}

func (t mortalTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "/token") {
		return t.RoundTripper.RoundTrip(req)
	}
	t.point.at(sending)
	res, err := t.RoundTripper.RoundTrip(req)
	t.point.at(headed)
	if res != nil {
		res.Body = &mortalBody{res.Body, t.point}
	}
	return res, err
}

type mortalBody struct {
	io.ReadCloser
	point point
}

func (b *mortalBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.point.at(answered)
	}
	return n, err
}
