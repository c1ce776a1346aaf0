package refresh_test

import (
	"testing"
	"time"

	"github.com/sftoken/sftoken/refresh"
)

// The aim for a cached token is under 100 ns without allocation, on all cores at once.
func BenchmarkCached(b *testing.B) {
	w := newWorld(b, newIssuer(), grant(expires(24*time.Hour)), nil)
	ctx := b.Context()
	w.token()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.engine.Token(ctx, alias); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCachedParallel(b *testing.B) {
	w := newWorld(b, newIssuer(), grant(expires(24*time.Hour)), nil)
	ctx := b.Context()
	w.token()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := w.engine.Token(ctx, alias); err != nil {
				b.Error(err)
			}
		}
	})
}

// A refresh over memory, with an issuer that answers at once: what the engine itself costs.
func BenchmarkRefresh(b *testing.B) {
	i := newIssuer()
	i.rotates = true
	w := newWorld(b, i, grant(expires(24*time.Hour)), func(o *refresh.Options) {
		o.SessionTimeout, o.OnEvent = time.Hour, nil
	})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.engine.Refresh(ctx, alias); err != nil {
			b.Fatal(err)
		}
	}
}

// Step 1 says no allocation; this holds it in the suite.
func TestCachedTokenAllocatesNothing(t *testing.T) {
	w := newWorld(t, newIssuer(), grant(expires(24*time.Hour)), nil)
	w.token()
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { w.engine.Token(ctx, alias) }); n != 0 {
		t.Errorf("%v allocations for a cached token", n)
	}
}
