package store_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/store"
)

// listed is a store that can only list.
type listed struct {
	store.Store
	grants []*store.Grant
	err    error // yielded after the first grant
}

func (s listed) List(context.Context) iter.Seq2[*store.Grant, error] {
	return func(yield func(*store.Grant, error) bool) {
		for i, g := range s.grants {
			if i == 1 && s.err != nil && !yield(nil, s.err) {
				return
			}
			if !yield(g, nil) {
				return
			}
		}
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	idle := func(alias string, days int, state store.State) *store.Grant {
		return &store.Grant{Alias: alias, State: state, RefreshedAt: now.AddDate(0, 0, -days)}
	}
	grants := []*store.Grant{
		idle("b", 25, store.Live), idle("a", 25, store.Uncertain), idle("today", 0, store.Live), idle("dead", 40, store.Dead),
		idle("limit", 20, store.Live), idle("old", 29, store.Live),
		{Alias: "never"},
	}
	damaged := &store.Error{Op: "get", Alias: "torn", Kind: store.ErrDamaged}
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"all readable":       {nil, []string{"never", "old", "a", "b"}},
		"one is damaged":     {damaged, []string{"torn", "never", "old", "a", "b"}},
		"the store breaks":   {context.Canceled, []string{""}},
		"error of the store": {&store.Error{Op: "list grants", Err: errors.New("gone")}, []string{""}},
	} {
		var got []string
		for alias, err := range store.Idle(t.Context(), listed{grants: grants, err: test.err}, now.AddDate(0, 0, -20)) {
			if failed := alias == "torn" || alias == ""; failed != (err != nil) {
				t.Errorf("%s: %q came with error %v", name, alias, err)
			}
			got = append(got, alias)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for range store.Idle(t.Context(), listed{grants: grants}, now) { // whoever stops early is not called again
		break
	}
}

type indexed struct{ listed }

func (indexed) Idle(context.Context, time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("from the index", nil) }
}

func TestIdleUsesTheStoresOwn(t *testing.T) {
	t.Parallel()
	var got []string
	for alias := range store.Idle(t.Context(), indexed{}, time.Now()) {
		got = append(got, alias)
	}
	if !slices.Equal(got, []string{"from the index"}) {
		t.Errorf("Idle listed %q", got)
	}
}
