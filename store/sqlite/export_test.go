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
func (s *Store) Fill(ctx context.Context, n int, grant func(i int) *store.Grant) error {
	_, err := s.writer.ExecContext(ctx, "BEGIN IMMEDIATE")
	for i := 0; i < n && err == nil; i++ {
		err = s.put(ctx, grant(i), 0)
	}
	if err != nil {
		return err
	}
	_, err = s.writer.ExecContext(ctx, "COMMIT")
	return err
}
