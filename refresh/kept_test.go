package refresh_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
)

// Kept tells what Token would do, and neither does it nor asks Salesforce.
func TestKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change       func(*store.Grant)
		access       bool
		fresh, login bool
	}{
		"lives":                {expires(time.Hour), true, true, false},
		"due":                  {expires(10 * time.Second), true, false, false},
		"over":                 {expires(-time.Second), false, false, false},
		"dead, and it lives":   {func(g *store.Grant) { expires(time.Hour)(g); g.State, g.Reason = store.Dead, "x: y" }, true, true, false},
		"dead, and it is over": {func(g *store.Grant) { expires(-time.Second)(g); g.State, g.Reason = store.Dead, "x: y" }, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				w := newWorld(t, i, grant(c.change), nil)
				access, fresh, err := w.engine.Kept(t.Context(), alias)
				_, dead := errors.AsType[*refresh.DeadError](err)
				if (access != nil) != c.access || fresh != c.fresh || dead != c.login || err != nil && !dead {
					t.Errorf("got %v, %v, %v", access != nil, fresh, err)
				}
				if n := i.requests(); n != 0 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}
