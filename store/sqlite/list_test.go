package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// crowd fills a store with 1,000 grants of all states and ages, 40 of them with a spool that is newer, and 10 spools that
// were never saved.
func crowd(t *testing.T) *sqlite.Store {
	t.Helper()
	s := open(t, place(t), keys.Generate())
	grant := func(i int) *store.Grant {
		g := storetest.Grant(fmt.Sprintf("grant-%04d", i))
		g.State = store.State(i % 3)
		g.RefreshedAt = noon.Add(-time.Duration(i*7919%1000) * time.Hour)
		if i%17 == 0 {
			g.RefreshedAt = time.Time{}
		}
		g.Generation = 1
		return g
	}
	do(t, s.Fill(1000, grant))
	for i := range 40 {
		g := grant(i * 25)
		g.State = store.State(i % 3)
		if i%2 == 0 {
			g.RefreshedAt = noon
		}
		do(t, s.Spool(t.Context(), g))
	}
	for i := range 10 {
		g := grant(i)
		g.Alias = fmt.Sprintf("grant-%04d-new", i*111)
		do(t, s.Spool(t.Context(), g))
	}
	return s
}

// plain hides what a store can do beyond store.Store.
type plain struct{ store.Store }

func TestListIsGetOfEach(t *testing.T) {
	t.Parallel()
	s := crowd(t)
	var want, got []*store.Grant
	for g, err := range store.ListByAlias(t.Context(), s) {
		do(t, err)
		want = append(want, g)
	}
	for g, err := range s.List(t.Context()) {
		do(t, err)
		got = append(got, g)
	}
	if len(got) != 1010 {
		t.Errorf("List gives %d grants, want 1010", len(got))
	}
	if diff := cmp.Diff(describe(want), describe(got)); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func describe(grants []*store.Grant) (lines []string) {
	for _, g := range grants {
		lines = append(lines, fmt.Sprint(g.Alias, g.Generation, g.State, g.RefreshedAt))
	}
	return lines
}

func TestIdleIsThatOfAnyStore(t *testing.T) {
	t.Parallel()
	s := crowd(t)
	for _, days := range []int{-1, 0, 10, 20, 30, 50} {
		before := noon.AddDate(0, 0, -days)
		want := collect(t, store.Idle(t.Context(), plain{s}, before))
		got := collect(t, store.Idle(t.Context(), s, before))
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("idle for %d days, %d grants (-want +got):\n%s", days, len(want), diff)
		}
	}
	for range s.Idle(t.Context(), noon) {
		break // must not go on after its caller has left
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for alias, err := range s.Idle(ctx, noon) {
		if alias != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("Idle with a cancelled context yields %q, %v", alias, err)
		}
	}
}

func collect(t *testing.T, seq iter.Seq2[string, error]) (aliases []string) {
	t.Helper()
	for alias, err := range seq {
		do(t, err)
		aliases = append(aliases, alias)
	}
	return aliases
}

// A spool that cannot be read is told before the others, and its row does not stand in for it.
func TestIdleTellsOfDamagedSpools(t *testing.T) {
	t.Parallel()
	s, path := filled(t, "prod")
	save(t, s, storetest.Grant("damaged"))
	g, err := s.Get(t.Context(), "damaged")
	do(t, err, s.Spool(t.Context(), g), os.Truncate(path+"-spool/damaged.spool", 50))
	want := []string{"damaged damaged", "prod"}
	var got []string
	for alias, err := range s.Idle(t.Context(), noon.AddDate(1, 0, 0)) {
		if errors.Is(err, store.ErrDamaged) {
			alias += " damaged"
		} else if err != nil {
			t.Errorf("Idle: %v", err)
		}
		got = append(got, alias)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Idle = %q, want %q", got, want)
	}
}

// With a million grants the index has to answer alone.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	s, _ := filled(t, "prod")
	for query, index := range map[string]string{
		sqlite.AliasQuery: "COVERING INDEX sqlite_autoindex_grants_1",
		sqlite.IdleQuery:  "SEARCH grants USING COVERING INDEX grants_idle",
		sqlite.PageQuery:  "SEARCH grants USING INDEX sqlite_autoindex_grants_1",
	} {
		rows, err := s.Writer().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, slices.Repeat([]any{1}, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			do(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		do(t, rows.Close())
		if text := strings.Join(plan, "; "); !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%s\nruns as %q, want %q and no sorting", query, text, index)
		}
	}
}
