package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/storetest"
)

// fill makes n grants g0, g1 … quickly: rows that hold no grant that could be opened.
func fill(t testing.TB, o postgres.Options, n int) {
	t.Helper()
	server(t).Exec(t, databaseOf(o), fmt.Sprintf(`INSERT INTO sftoken_grants
		SELECT 'g' || i, 1, i %% 3, timestamptz '2026-01-01' + (i * 7919 %% %[1]d) * interval '1 s', '', decode(repeat('61', 900), 'hex')
		FROM generate_series(0, %[1]d - 1) i; ANALYZE sftoken_grants`, n))
}

// More grants than fit one page, some of them spooled only: each comes once, in order.
func TestListGoesOn(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	fill(t, o, 1200)
	for _, alias := range []string{"A", "g5", "g77a", "z"} {
		g := storetest.Grant(alias)
		if alias == "g5" {
			l := lease(t, s, alias)
			do(t, l.Delete(t.Context()), l.Release())
			put(t, s, g)
		}
		do(t, s.Spool(t.Context(), g))
	}
	want, err := s.Aliases(t.Context())
	do(t, err)
	if len(want) != 1203 || !slices.IsSorted(want) {
		t.Fatalf("Aliases gives %d, want 1203 in order", len(want))
	}
	var got []string
	readable := 0
	for g, err := range s.List(t.Context()) {
		if err != nil {
			got = append(got, err.(*store.Error).Alias)
			continue
		}
		got = append(got, g.Alias)
		readable++
	}
	if !slices.Equal(got, want) || readable != 4 {
		t.Errorf("List yields %d grants, %d of them readable, want those of Aliases with 4", len(got), readable)
	}
}

// Idle by the index is what store.Idle finds in a list.
func TestIdle(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for i := range 8 {
		g := storetest.Grant(fmt.Sprintf("a%d", i))
		g.State = store.State(i % 3)
		g.RefreshedAt = at.Add(time.Duration(i*5%8) * time.Hour)
		if i == 3 {
			g.RefreshedAt = time.Time{}
		}
		put(t, s, g)
	}
	idle := func(s store.Store) (found []string) {
		for alias, err := range store.Idle(t.Context(), s, at.Add(6*time.Hour)) {
			do(t, err)
			found = append(found, alias)
		}
		return found
	}
	if got, want := idle(s), idle(listOnly{s}); !slices.Equal(got, want) || len(got) < 3 {
		t.Errorf("Idle gives %q, want %q", got, want)
	}

	fill(t, o, 1500)
	count := 0
	for _, err := range s.Idle(t.Context(), at) {
		do(t, err)
		count++
	}
	if count != 1001 { // two thirds are not dead; and a3, which was never refreshed
		t.Errorf("Idle over pages gives %d, want 1001", count)
	}
}

// listOnly is a store that is no store.IdleLister.
type listOnly struct{ store.Store }

func TestIdleEnds(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	count := 0
	for alias, err := range s.Idle(ctx, time.Now()) {
		if alias != "" || err == nil {
			t.Errorf("Idle with a cancelled context yields %q, %v", alias, err)
		}
		count++
	}
	if count != 1 {
		t.Errorf("Idle with a cancelled context yields %d times", count)
	}
}
