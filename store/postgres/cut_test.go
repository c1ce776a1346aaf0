package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

// scissors stand before a database and cut connections.
type scissors struct {
	net.Listener
	cuts atomic.Int32 // how many saves still to cut off after the database has answered, and before anybody hears of it
	all  sync.WaitGroup
}

func cutter(t *testing.T, port int) *scissors {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	do(t, err)
	s := &scissors{Listener: l}
	s.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				_ = client.Close()
				continue
			}
			var doomed atomic.Bool
			s.all.Go(func() { s.forward(server, client, &doomed, true) })
			s.all.Go(func() { s.forward(client, server, &doomed, false) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.all.Wait()
	})
	return s
}

func (s *scissors) forward(to, from net.Conn, doomed *atomic.Bool, question bool) {
	defer to.Close()
	defer from.Close()
	for buffer := make([]byte, 64<<10); ; {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if question && bytes.Contains(buffer[:n], []byte("INSERT INTO sftoken_grants AS g")) && s.cuts.Add(-1) >= 0 {
			doomed.Store(true)
		}
		if !question && doomed.Load() && bytes.HasSuffix(buffer[:n], []byte{'Z', 0, 0, 0, 5, 'I'}) {
			return // the database has committed and is ready for the next query
		}
		if _, err := io.Copy(to, bytes.NewReader(buffer[:n])); err != nil {
			return
		}
	}
}

// brokers 5.3 no. 5: the connection is cut between the database's commit and its answer. The save is repeated at once; when
// that is cut off too, it fails, and whoever repeats it is not told that the grant was changed by somebody else.
func TestConnectionCutAfterCommit(t *testing.T) {
	t.Parallel()
	o := options(t)
	port := server(t).Port
	knife := cutter(t, port)
	direct := open(t, o)
	o.DSN = strings.Replace(o.DSN, fmt.Sprint(port), fmt.Sprint(knife.Addr().(*net.TCPAddr).Port), 1)
	s := open(t, o)
	t.Cleanup(func() { knife.cuts.Store(0) })

	l := lease(t, s, "prod")
	g := storetest.Grant("prod")
	for _, tt := range []struct {
		cuts   int32
		fails  bool
		stored uint64 // generation in the database afterwards
	}{
		{0, false, 1},
		{1, false, 3}, // 2 was cut off
		{2, true, 5},
		{0, false, 6}, // over 3, 4 or 5
		{2, true, 8},
		{2, true, 10},
		{1, false, 12},
	} {
		g.RefreshToken = sftoken.NewSecret(fmt.Sprint("until ", tt.stored))
		before := g.Generation
		knife.cuts.Store(tt.cuts)
		err := l.Save(t.Context(), g)
		if tt.fails != (err != nil) || tt.fails && (!errors.Is(err, store.ErrUnavailable) || g.Generation != before) {
			t.Errorf("Save with %d cuts: %v in generation %d", tt.cuts, err, g.Generation)
		}
		got, err := direct.Get(t.Context(), "prod")
		do(t, err)
		if got.Generation != tt.stored || !got.RefreshToken.Equal(g.RefreshToken) || !tt.fails && got.Generation != g.Generation {
			t.Errorf("after Save with %d cuts the store has generation %d, want %d with the token just saved", tt.cuts, got.Generation, tt.stored)
		}
	}
}

// A connection that the server closed while nobody used it is no failure.
func TestConnectionsAreRenewed(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))
	for range 3 {
		server(t).Exec(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+databaseOf(o)+"'")
		_, err := s.Get(t.Context(), "prod")
		do(t, err)
		l := lease(t, s, "prod")
		g, err := l.Load(t.Context())
		do(t, err)
		server(t).Exec(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+databaseOf(o)+"'")
		do(t, l.Save(t.Context(), g), l.Release())
	}
}
