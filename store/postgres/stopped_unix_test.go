//go:build unix

package postgres_test

import (
	"syscall"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store/storetest"
)

// B-18, brokers 5.3 no. 4: a holder that was stopped for longer than its term wakes up and saves nothing.
func TestStoppedHolderIsFenced(t *testing.T) {
	t.Parallel()
	o, keyDir := shareable(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))
	p := holder(t, o, keyDir)
	p.save(t, "saved")

	do(t, p.Process.Signal(syscall.SIGSTOP))
	l := lease(t, s, "prod") // when the term is over
	g, err := l.Load(t.Context())
	do(t, err)
	g.RefreshToken = sftoken.NewSecret("of the second")
	do(t, l.Save(t.Context(), g))
	do(t, p.Process.Signal(syscall.SIGCONT))

	p.save(t, "lost")
	got, err := s.Get(t.Context(), "prod")
	do(t, err)
	if diff := storetest.Diff(g, got); diff != "" {
		t.Errorf("the former holder's save reached the store (-want +got):\n%s", diff)
	}
	do(t, l.Save(t.Context(), g)) // and did not harm the present one's lease
}

// A lease that ran out while its holder was stopped, but that nobody took, is still good: nobody can have spent the token.
func TestStoppedHolderThatNobodyMissed(t *testing.T) {
	t.Parallel()
	o, keyDir := shareable(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))
	p := holder(t, o, keyDir)
	do(t, p.Process.Signal(syscall.SIGSTOP))
	waitFor(t, func() bool {
		return server(t).Exec(t, databaseOf(o), "SELECT expires_at < clock_timestamp() FROM sftoken_leases") == "t"
	})
	do(t, p.Process.Signal(syscall.SIGCONT))
	p.save(t, "saved")
}
