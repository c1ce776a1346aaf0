package sqlite

import (
	"context"
	"database/sql"

	"github.com/sftoken/sftoken/store"
)

// The queries that have to be fast.
const (
	AliasQuery = aliasQuery
	PageQuery  = pageQuery
	IdleQuery  = idleQuery
)

// Put is the statement that writes.
func (s *Store) Put(ctx context.Context, g *store.Grant, old uint64) error { return s.put(ctx, g, old) }

// Writer is the connection that writes, for tests that write what the store would not.
func (s *Store) Writer() *sql.DB { return s.writer }

// Fill saves grants without leases, in one transaction.
func (s *Store) Fill(n int, grant func(i int) *store.Grant) error {
	group := make([]*pending, n)
	for i := range group {
		do, err := s.putting(grant(i), 0)
		if err != nil {
			return err
		}
		group[i] = &pending{ctx: context.Background(), do: do}
	}
	return s.transact(group)
}

// Together writes what they do as one group, and returns their errors.
func (s *Store) Together(writes ...func(ctx context.Context, tx *sql.Tx) error) []error {
	group := make([]*pending, len(writes))
	for i, do := range writes {
		group[i] = &pending{ctx: context.Background(), do: do, done: make(chan struct{})}
	}
	s.commit(group)
	errs := make([]error, len(group))
	for i, p := range group {
		<-p.done
		errs[i] = p.err
	}
	return errs
}
