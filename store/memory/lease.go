package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/sftoken/sftoken/store"
)

type lease struct {
	s     *Store
	alias string

	mu   sync.Mutex
	turn chan struct{} // nil once released
}

// held locks the lease for one operation, or says why it cannot go on.
func (l *lease) held(ctx context.Context, op string) (unlock func(), err error) {
	l.mu.Lock()
	switch {
	case l.turn == nil:
		err = &store.Error{Op: op, Alias: l.alias, Kind: store.ErrLeaseLost, Detail: "the lease was released"}
	case ctx.Err() != nil:
		err = &store.Error{Op: op, Alias: l.alias, Err: ctx.Err()}
	default:
		return l.mu.Unlock, nil
	}
	l.mu.Unlock()
	return nil, err
}

func (l *lease) Load(ctx context.Context) (*store.Grant, error) {
	unlock, err := l.held(ctx, "load")
	if err != nil {
		return nil, err
	}
	defer unlock()
	return l.s.Get(ctx, l.alias)
}

func (l *lease) Probe(ctx context.Context) error {
	unlock, err := l.held(ctx, "probe")
	if err != nil {
		return err
	}
	unlock()
	return nil
}

func (l *lease) Save(ctx context.Context, g *store.Grant) error {
	unlock, err := l.held(ctx, "save")
	if err != nil {
		return err
	}
	defer unlock()
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	var stored uint64
	if old, ok := l.s.grants[l.alias]; ok {
		stored = old.Generation
	}
	if err := store.CheckSave(l.alias, g, stored); err != nil {
		return err
	}
	g.Generation++
	l.s.grants[l.alias] = g.Clone()
	return nil
}

func (l *lease) Delete(ctx context.Context) error {
	unlock, err := l.held(ctx, "delete")
	if err != nil {
		return err
	}
	defer unlock()
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	delete(l.s.grants, l.alias)
	return nil
}

func (l *lease) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turn != nil {
		<-l.turn
		l.turn = nil
	}
	return nil
}

// String keeps the grants out of logs.
func (l *lease) String() string { return fmt.Sprintf("lease on %s", l.alias) }
