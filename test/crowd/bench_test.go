package crowd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
	"github.com/sftoken/sftoken/test/place"
)

const upstream = 300 * time.Millisecond

// BenchmarkStorm measures how long callers wait when many ask for expired tokens at once and Salesforce takes 300 ms. Aims:
// 500 callers on one grant within 350 ms at the 99th percentile, 1,024 callers over 256 grants within 450 ms. (OpenBao's
// plugin takes 650 and 1,600 to 2,000 ms, Nango 2,800 ms for the first: measured on two cores as well.)
func BenchmarkStorm(b *testing.B) {
	for _, kind := range append([]string{"memory"}, place.Kinds...) { // memory: what is left without a disk
		for _, c := range []struct {
			callers, grants int
			aim             time.Duration
		}{{500, 1, 350 * time.Millisecond}, {1024, users, 450 * time.Millisecond}} {
			b.Run(fmt.Sprintf("%s/%d callers on %d", kind, c.callers, c.grants), func(b *testing.B) {
				measure(b, kind, c.callers, c.grants, c.aim)
			})
		}
	}
}

func open(b *testing.B, kind string) store.Store {
	b.Helper()
	if kind == "memory" {
		return memory.New()
	}
	at := place.New(b, kind)
	if kind == "postgres" {
		at.DSN += "&default_query_exec_mode=cache_statement" // as for a broker that is connected straight to its database
	}
	s, err := at.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func measure(b *testing.B, kind string, callers, grants int, aim time.Duration) {
	server := rotating(b, upstream)
	s := open(b, kind)
	for n := range grants {
		keep(b, s, place.Login(b, server, grantName(n), user(n)))
	}
	var waits []time.Duration
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		for n := range grants {
			expire := func(g *store.Grant) { g.Expiry.At = time.Now().Add(-time.Second) }
			if err := place.Change(b.Context(), s, grantName(n), expire); err != nil {
				b.Fatal(err)
			}
		}
		engine := refresh.New(refresh.Options{Store: s})
		server.Emulator().ClearRequests()
		b.StartTimer()
		waits = append(waits, storm(b, engine, callers, grants)...)
		b.StopTimer()
		if err := engine.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		if n := server.Emulator().TokenRequests(); n != grants {
			b.Errorf("%d token requests for %d grants", n, grants)
		}
		rounds++
		b.StartTimer()
	}
	slices.Sort(waits)
	at := func(share float64) time.Duration {
		return waits[int(share*float64(len(waits)-1))].Round(time.Millisecond)
	}
	b.ReportMetric(float64(at(0.99).Milliseconds()), "p99-ms")
	b.ReportMetric(float64(at(1).Milliseconds()), "max-ms")
	b.ReportMetric(1, "requests/grant")
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\n%s: %d callers, %d grants, %d rounds, upstream %v\tmedian %v\tp99 %v\tlast %v\taim %v\n",
		kind, callers, grants, rounds, upstream, at(0.5), at(0.99), at(1), aim)
	_ = out.Flush()
}
