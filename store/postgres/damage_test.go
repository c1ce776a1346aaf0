package postgres_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/storetest"
)

// brokers 5.3 no. 9 and 10: what is damaged, swapped or sealed with another key is refused, that row only, and nothing is
// written over it.
func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sql string
		want      error
	}{
		{"swapped", `UPDATE sftoken_grants g SET sealed = o.sealed FROM sftoken_grants o
			WHERE (g.alias, o.alias) IN (('a', 'b'), ('b', 'a'))`, store.ErrDamaged},
		{"copied", `UPDATE sftoken_grants SET sealed = (SELECT sealed FROM sftoken_grants WHERE alias = 'c') WHERE alias IN ('a', 'b')`, store.ErrDamaged},
		{"older", `UPDATE sftoken_grants SET generation = 2 WHERE alias IN ('a', 'b')`, store.ErrDamaged},
		{"changed", `UPDATE sftoken_grants SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE alias IN ('a', 'b')`, store.ErrDamaged},
		{"cut off", `UPDATE sftoken_grants SET sealed = substring(sealed FOR 30) WHERE alias IN ('a', 'b')`, store.ErrDamaged},
		{"empty", `UPDATE sftoken_grants SET sealed = '' WHERE alias IN ('a', 'b')`, store.ErrDamaged},
		{"newer", `UPDATE sftoken_grants SET sealed = set_byte(sealed, 4, 9) WHERE alias IN ('a', 'b')`, store.ErrNewerFormat},
		{"other key", `UPDATE sftoken_grants SET sealed = set_byte(sealed, 5, get_byte(sealed, 5) # 1) WHERE alias IN ('a', 'b')`, store.ErrKeyLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			s := open(t, o)
			for _, alias := range []string{"a", "b", "c"} {
				put(t, s, storetest.Grant(alias))
			}
			server(t).Exec(t, databaseOf(o), tt.sql)
			refused(t, s, "a", tt.want)
			refused(t, s, "b", tt.want)
			var listed []string
			for g, err := range s.List(t.Context()) {
				if e, ok := errors.AsType[*store.Error](err); ok && errors.Is(err, tt.want) {
					listed = append(listed, "bad "+e.Alias)
				} else if err == nil {
					listed = append(listed, g.Alias)
				}
			}
			if want := []string{"bad a", "bad b", "c"}; !slices.Equal(listed, want) {
				t.Errorf("List yields %q, want %q", listed, want)
			}
		})
	}
}

// refused checks that a grant can only be deleted.
func refused(t *testing.T, s *postgres.Store, alias string, want error) {
	t.Helper()
	l := lease(t, s, alias)
	_, getErr := s.Get(t.Context(), alias)
	_, loadErr := l.Load(t.Context())
	for what, err := range map[string]error{"Get": getErr, "Load": loadErr, "Probe": l.Probe(t.Context())} {
		if e, ok := errors.AsType[*store.Error](err); !ok || !errors.Is(err, want) || e.Alias != alias {
			t.Errorf("%s %s: %v, want %v", what, alias, err, want)
		}
	}
	if err := l.Save(t.Context(), storetest.Grant(alias)); err == nil {
		t.Errorf("Save wrote over %s, which cannot be read", alias)
	}
	do(t, l.Release())
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	o := options(t)
	put(t, open(t, o), storetest.Grant("prod"))
	o.Key = keys.Generate()
	s := open(t, o)
	refused(t, s, "prod", store.ErrKeyLost)
	put(t, s, storetest.Grant("mine")) // the others are not its business
	l := lease(t, s, "prod")
	do(t, l.Delete(t.Context()))
}

// store.Encrypted: rekey goes by this.
func TestKeyIDs(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	g := storetest.Grant("prod")
	put(t, s, g)
	former := o.Key.ID()
	o.Key = keys.Generate()
	now := open(t, o)
	fresh := storetest.Grant("prod")
	do(t, now.Spool(t.Context(), fresh))
	got, err := now.KeyIDs(t.Context(), "prod")
	do(t, err)
	slices.Sort(got)
	want := []string{former, o.Key.ID()}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("KeyIDs = %q, want those of row and spool %q", got, want)
	}
	if got, err := now.KeyIDs(t.Context(), "nobody"); err != nil || len(got) != 0 {
		t.Errorf("KeyIDs of nobody = %q, %v", got, err)
	}
}
