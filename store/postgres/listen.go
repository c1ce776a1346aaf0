package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sftoken/sftoken/store"
)

const (
	quiet       = 30 * time.Second // without a notification the connection is tried
	listenAgain = time.Second      // after the connection was lost
)

// listener holds one session that listens, for all that wait in this process.
type listener struct {
	owner string // whose changes we know
	stop  context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	hearing  bool
	waiters  map[string][]chan struct{} // by alias, for its lease
	watchers map[*watcher]struct{}
}

// watcher gathers changes until its owner takes them.
type watcher struct {
	mu      sync.Mutex
	changed map[string]struct{}
	wake    chan struct{}
}

// Watch calls changed with the alias of each grant that another Store saved or deleted in this database, so that what is
// remembered of it can be dropped. With "" it says that changes may have been missed, so that everything must be dropped:
// when the listening begins, and when it begins again after the connection was lost. Watch calls from its own goroutine,
// and returns nil when ctx ends or the store is closed. Without Options.ListenDSN it fails with errors.ErrUnsupported.
func (s *Store) Watch(ctx context.Context, changed func(alias string)) error {
	if s.ears == nil {
		return &store.Error{Op: "watch", Path: s.where, Err: errors.ErrUnsupported, Mend: "give the store a connection for LISTEN"}
	}
	w := s.ears.watch()
	defer s.ears.unwatch(w)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ears.ended:
			return nil
		case <-w.wake:
		}
		for _, alias := range w.take() {
			changed(alias)
		}
	}
}

func newListener(config *pgx.ConnConfig, owner string) *listener {
	ctx, stop := context.WithCancel(context.Background())
	e := &listener{owner: owner, stop: stop, ended: make(chan struct{}), waiters: map[string][]chan struct{}{}, watchers: map[*watcher]struct{}{}}
	go e.run(ctx, config)
	return e
}

func (e *listener) close() {
	e.stop()
	<-e.ended
}

func (e *listener) run(ctx context.Context, config *pgx.ConnConfig) {
	defer close(e.ended)
	for ctx.Err() == nil {
		e.hear(ctx, config)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// hear listens until the connection breaks. Why it broke is no news: whatever uses the database says so.
func (e *listener) hear(ctx context.Context, config *pgx.ConnConfig) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return
	}
	defer func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(within)
	}()
	for _, channel := range []string{savedChannel, freedChannel} {
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			return
		}
	}
	e.tell("")
	for {
		within, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(within)
		cancel()
		switch {
		case err == nil:
			e.deliver(n)
		case !pgconn.Timeout(err) || ctx.Err() != nil:
			return
		default:
			within, cancel := context.WithTimeout(ctx, connectTimeout)
			err := conn.Ping(within)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

func (e *listener) deliver(n *pgconn.Notification) {
	owner, alias, ok := strings.Cut(n.Payload, " ")
	switch {
	case !ok || alias == "":
	case n.Channel == freedChannel:
		e.wake(alias)
	case owner != e.owner:
		e.tell(alias)
	}
}

// tell notes a change for each watcher. "" stands for all of them.
func (e *listener) tell(alias string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hearing = true
	for w := range e.watchers {
		w.note(alias)
	}
}

func (e *listener) watch() *watcher {
	w := &watcher{changed: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hearing {
		w.note("")
	}
	e.watchers[w] = struct{}{}
	return w
}

func (e *listener) unwatch(w *watcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.watchers, w)
}

func (w *watcher) note(alias string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed[alias] = struct{}{}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Collect(maps.Keys(w.changed))
	clear(w.changed)
	return all
}

// subscribe gives a channel on which the freeing of a lease is told, and forget, which ends that. Nobody listens if e is nil.
func (e *listener) subscribe(alias string) (freed <-chan struct{}, forget func()) {
	if e == nil {
		return nil, func() {}
	}
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiters[alias] = append(e.waiters[alias], c)
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		left := slices.DeleteFunc(e.waiters[alias], func(other chan struct{}) bool { return other == c })
		if e.waiters[alias] = left; len(left) == 0 {
			delete(e.waiters, alias)
		}
	}
}

func (e *listener) wake(alias string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.waiters[alias] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
