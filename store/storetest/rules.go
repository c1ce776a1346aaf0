package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Aliases differ by case, and have characters that mean something to a file system or to SQL.
var names = []string{"prod", "Prod", "PROD", "amelia@acme.example", "a_b", "a.b", "con", "nul.txt", "本番", "é", "x.grant", "x.lock", "0", strings.Repeat("長", 21)}

func empty(t *testing.T, s store.Store) {
	if got, err := s.Aliases(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Aliases = %q, %v; want none", got, err)
	}
	for g, err := range s.List(t.Context()) {
		t.Errorf("List yields %v, %v; want nothing", g, err)
	}
	_, err := s.Get(t.Context(), "prod")
	wantError(t, "Get", err, store.ErrNotFound)
	if !strings.Contains(fmt.Sprint(err), "prod") {
		t.Errorf("Get: error %q does not name the grant", err)
	}
	l := lease(t, s, "prod")
	_, err = l.Load(t.Context())
	wantError(t, "Load", err, store.ErrNotFound)
	if s.String() == "" {
		t.Error("String says nothing about where the grants are")
	}
}

func saveAndGet(t *testing.T, s store.Store) {
	l := lease(t, s, "prod")
	want := Grant("prod")
	if err := l.Save(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	loaded, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := Diff(want, loaded); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
	if diff := Diff(want, get(t, s, "prod")); diff != "" {
		t.Errorf("Get while the lease is held (-want +got):\n%s", diff)
	}
}

func listSorted(t *testing.T, s store.Store) {
	for _, alias := range []string{"b", "c", "a"} {
		put(t, s, Grant(alias))
	}
	var got []string
	for g, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g.Alias)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	for range s.List(t.Context()) {
		break // must not go on after its caller has left
	}
}

func aliases(t *testing.T, s store.Store) {
	for i, alias := range names {
		g := Grant(alias)
		g.Reason = fmt.Sprint(i)
		put(t, s, g)
	}
	got, err := s.Aliases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(names)), got); diff != "" {
		t.Errorf("Aliases (-want +got):\n%s", diff)
	}
	for i, alias := range names {
		if g := get(t, s, alias); g.Alias != alias || g.Reason != fmt.Sprint(i) {
			t.Errorf("Get(%q) = grant %q number %s, want number %d", alias, g.Alias, g.Reason, i)
		}
	}
}

func invalidAliases(t *testing.T, s store.Store) {
	for _, alias := range []string{"", "../up", "a/b", `a\b`, "-x", ".x", "a b", "a\x00b", "a\n", "\xff", "a:b", strings.Repeat("x", store.MaxAlias+1)} {
		_, getErr := s.Get(t.Context(), alias)
		_, leaseErr := s.Lease(t.Context(), alias)
		for what, err := range map[string]error{"Get": getErr, "Lease": leaseErr} {
			if _, ok := errors.AsType[*store.AliasError](err); !ok {
				t.Errorf("%s(%q): error %v, want an *AliasError", what, alias, err)
			}
		}
	}
}

func generation(t *testing.T, s store.Store) {
	l := lease(t, s, "prod")
	g := Grant("prod")
	for want := range uint64(3) {
		if err := l.Save(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if g.Generation != want+1 {
			t.Errorf("generation after save %d = %d", want+1, g.Generation)
		}
	}
	release(t, l)
	if got := get(t, s, "prod").Generation; got != 3 {
		t.Errorf("stored generation = %d, want 3", got)
	}
}

func staleSave(t *testing.T, s store.Store) {
	put(t, s, Grant("prod"))
	old := get(t, s, "prod")
	newer := get(t, s, "prod")
	newer.RefreshToken = sftoken.NewSecret("the newer one")
	put(t, s, newer)

	l := lease(t, s, "prod")
	wantError(t, "Save of what was loaded before another save", l.Save(t.Context(), old), store.ErrStale)
	wantError(t, "Save of a new grant over one that was not loaded", l.Save(t.Context(), Grant("prod")), store.ErrStale)
	ahead := newer.Clone()
	ahead.Generation += 5
	wantError(t, "Save of a generation that never was", l.Save(t.Context(), ahead), store.ErrStale)
	if old.Generation != 1 {
		t.Errorf("a refused save changed the generation to %d", old.Generation)
	}
	if diff := Diff(newer, get(t, s, "prod")); diff != "" {
		t.Errorf("a refused save changed the store (-want +got):\n%s", diff)
	}
}

func wrongAlias(t *testing.T, s store.Store) {
	l := lease(t, s, "prod")
	if err := l.Save(t.Context(), Grant("other")); err == nil {
		t.Error("a lease on prod saved the grant other")
	}
	_, err := s.Get(t.Context(), "other")
	wantError(t, "Get", err, store.ErrNotFound)
}

func deletion(t *testing.T, s store.Store) {
	put(t, s, Grant("prod"))
	put(t, s, Grant("stays"))
	l := lease(t, s, "prod")
	for range 2 { // twice: what is gone is gone
		if err := l.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.Load(t.Context())
	wantError(t, "Load after Delete", err, store.ErrNotFound)
	_, err = s.Get(t.Context(), "prod")
	wantError(t, "Get after Delete", err, store.ErrNotFound)
	if got, _ := s.Aliases(t.Context()); !slices.Equal(got, []string{"stays"}) {
		t.Errorf("Aliases after Delete = %q", got)
	}
}

func recreate(t *testing.T, s store.Store) {
	old := Grant("prod")
	put(t, s, old)
	l := lease(t, s, "prod")
	if err := l.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Save of a grant that was deleted", l.Save(t.Context(), old), store.ErrStale)
	fresh := Grant("prod")
	if err := l.Save(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if diff := Diff(fresh, get(t, s, "prod")); diff != "" {
		t.Errorf("after delete and re-create (-want +got):\n%s", diff)
	}
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, Grant("prod"))
	l := lease(t, s, "prod")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := s.Get(ctx, "prod")
	_, aliasesErr := s.Aliases(ctx)
	_, loadErr := l.Load(ctx)
	g := get(t, s, "prod")
	for what, err := range map[string]error{
		"Get": getErr, "Aliases": aliasesErr, "Load": loadErr,
		"Probe": l.Probe(ctx), "Save": l.Save(ctx, g), "Delete": l.Delete(ctx),
	} {
		wantError(t, what, err, context.Canceled)
	}
	var listErr error
	for _, err := range s.List(ctx) {
		listErr = err
	}
	wantError(t, "List", listErr, context.Canceled)
	if got := get(t, s, "prod"); got.Generation != 1 {
		t.Errorf("a cancelled save changed the store to generation %d", got.Generation)
	}
}

func isolation(t *testing.T, s store.Store) {
	spoil := func(g *store.Grant) {
		g.Scopes[0], g.App.Scopes[0], g.AllowHosts[0] = "spoilt", "spoilt", "spoilt"
		g.Spending.Owner, g.Reason = "spoilt", "spoilt"
	}
	saved := Grant("prod")
	put(t, s, saved)
	want := saved.Clone()
	spoil(saved)
	spoil(get(t, s, "prod"))
	l := lease(t, s, "prod")
	loaded, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spoil(loaded)
	for g, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		spoil(g)
	}
	if diff := Diff(want, get(t, s, "prod")); diff != "" {
		t.Errorf("a caller's change reached the store (-want +got):\n%s", diff)
	}
}

func secrets(t *testing.T, s store.Store) {
	put(t, s, Grant("prod"))
	l := lease(t, s, "prod")
	wrong := Grant("prod")
	err := l.Save(t.Context(), wrong)
	for _, v := range []any{s, l, err, get(t, s, "prod")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "CANARY") {
				t.Errorf("printing a %T with %s shows a secret", v, verb)
			}
		}
	}
}
