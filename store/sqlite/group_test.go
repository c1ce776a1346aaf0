package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
)

// Saves that share a transaction do not share their failures.
func TestGroupFailsApart(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), keys.Generate())
	insert := func(alias string) func(context.Context, *sql.Tx) error {
		return func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO grants (alias, generation, state, refreshed_at, key_id, sealed) VALUES (?, 1, 0, 0, '', x'00')`, alias)
			return err
		}
	}
	lost := func(context.Context, *sql.Tx) error { return &store.Error{Kind: store.ErrLeaseLost} }
	broken := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`)
		return err
	}
	errs := s.Together(insert("a"), lost, insert("b"))
	if errs[0] != nil || !errors.Is(errs[1], store.ErrLeaseLost) || errs[2] != nil {
		t.Errorf("with a lost lease among them: %v", errs)
	}
	errs = s.Together(insert("c"), broken, insert("d"))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("with a broken statement among them: %v", errs)
	}
	aliases, err := s.Aliases(t.Context())
	do(t, err)
	if len(aliases) != 4 {
		t.Errorf("the database has %q, want a, b, c and d", aliases)
	}
}
