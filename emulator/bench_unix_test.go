//go:build unix

package emulator_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBesideBareHandler runs a refresh and the bare handler in turns and compares what they cost the processor, the garbage
// collector's share too: other programs on the machine change that least. Aim: 0.6 of its speed.
func BenchmarkBesideBareHandler(b *testing.B) {
	handler, body := refreshBody(b)
	var ours, theirs time.Duration
	spent := func(handler http.Handler) time.Duration {
		began := processorTime(b)
		for range 1000 {
			post(b, handler, body)
		}
		return processorTime(b) - began
	}
	for b.Loop() {
		ours += spent(handler)
		theirs += spent(bare())
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "of-bare")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
