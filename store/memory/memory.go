// Package memory is a store that forgets: grants live in the process only. For tests and for the demo's throw-away runs.
//
// It encrypts nothing, since it writes nothing, and leases exclude the goroutines of this process only.
package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/sftoken/sftoken/store"
)

// Store keeps grants in memory. Make it with New.
type Store struct {
	mu     sync.Mutex
	grants map[string]*store.Grant
	leases map[string]chan struct{} // one token each: who put it in holds the lease
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{grants: map[string]*store.Grant{}, leases: map[string]chan struct{}{}}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, alias string) (*store.Grant, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "get", Alias: alias, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[alias]
	if !ok {
		return nil, &store.Error{Op: "get", Alias: alias, Kind: store.ErrNotFound}
	}
	return g.Clone(), nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context) iter.Seq2[*store.Grant, error] {
	return store.ListByAlias(ctx, s)
}

// Aliases implements store.Store.
func (s *Store) Aliases(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &store.Error{Op: "list grants", Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.grants)), nil
}

// Lease implements store.Store.
func (s *Store) Lease(ctx context.Context, alias string) (store.Lease, error) {
	if err := store.ValidAlias(alias); err != nil {
		return nil, err
	}
	s.mu.Lock()
	turn, ok := s.leases[alias]
	if !ok {
		turn = make(chan struct{}, 1)
		s.leases[alias] = turn
	}
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, store.WaitError(alias, err)
	}
	select {
	case turn <- struct{}{}:
		return &lease{s: s, alias: alias, turn: turn}, nil
	case <-ctx.Done():
		return nil, store.WaitError(alias, ctx.Err())
	}
}

// Close implements store.Store.
func (s *Store) Close() error { return nil }

// String implements store.Store.
func (s *Store) String() string { return "memory of this process" }
