// Package pgtest runs PostgreSQL clusters of its own for tests: each in a temporary directory, on a loopback port, with
// fsync on, gone when the test ends. They can be killed, restarted, replicated, promoted and put behind PgBouncer.
//
// For tests only. The programs come from need.Postgres and need.PgBouncer; where they are missing tests are skipped.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sftoken/sftoken/test/need"
)

// User is the superuser of each cluster, who needs no password. Guest needs GuestPassword and may only connect.
const (
	User          = "sftoken"
	Guest         = "guest"
	GuestPassword = "CANARY-guest-password"
)

const patience = 30 * time.Second

// Server is a cluster that runs, or was stopped.
type Server struct {
	Port int

	bin, home, dir string // dir is the data directory in home
	process        *exec.Cmd
	databases      atomic.Int64
}

// Start makes a cluster and starts it.
func Start(t testing.TB) *Server {
	t.Helper()
	s := home(t)
	s.run(t, "cp", "-R", template(t), s.dir)
	s.Run(t)
	s.Exec(t, "postgres", "CREATE ROLE "+Guest+" LOGIN PASSWORD '"+GuestPassword+"'")
	return s
}

func home(t testing.TB) *Server {
	t.Helper()
	bin := need.Postgres(t)
	dir, err := os.MkdirTemp("", "pgtest") // t.TempDir is in a directory that only its owner can enter
	if err != nil {
		t.Fatal(err)
	}
	own(t, dir)
	s := &Server{Port: FreePort(t), bin: bin, home: dir, dir: filepath.Join(dir, "data")}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			if log, err := os.ReadFile(s.log()); err == nil {
				t.Logf("PostgreSQL on port %d said:\n%s", s.Port, log[max(0, len(log)-4096):])
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Server) log() string { return filepath.Join(s.home, "log") }

var prepared struct {
	sync.Mutex
	dir string
}

// template makes the cluster of which the others are copies, once: initdb takes seconds. It is removed by Clean.
func template(t testing.TB) string {
	t.Helper()
	prepared.Lock()
	defer prepared.Unlock()
	if prepared.dir != "" {
		return filepath.Join(prepared.dir, "data")
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	own(t, dir)
	s := &Server{bin: need.Postgres(t), home: dir, dir: filepath.Join(dir, "data")}
	s.run(t, s.program("initdb"), "-D", s.dir, "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	access := "host all " + Guest + " 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n" +
		"local all all trust\n"
	if err := os.WriteFile(filepath.Join(s.dir, "pg_hba.conf"), []byte(access), 0o600); err != nil {
		t.Fatal(err)
	}
	prepared.dir = dir
	return s.dir
}

// Clean removes what the clusters of this process had in common. Call it from TestMain.
func Clean() {
	prepared.Lock()
	defer prepared.Unlock()
	if prepared.dir != "" {
		_ = os.RemoveAll(prepared.dir)
		prepared.dir = ""
	}
}

func (s *Server) program(name string) string { return filepath.Join(s.bin, name) }

// Run starts the cluster again after Kill, on the same port, and waits until it answers.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.program("postgres"), "-D", s.dir)
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.Port), "unix_socket_directories=" + s.home,
		"fsync=on", "wal_level=replica", "max_connections=100", "shared_buffers=32MB", "restart_after_crash=off",
		"max_wal_senders=4", "wal_keep_size=64MB", "autovacuum_naptime=10min",
	} {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.home
	unprivileged(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd
	s.wait(t, func() bool {
		return exec.Command(s.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", User, "-d", "postgres").Run() == nil
	})
}

// wait asks until ok.
func (s *Server) wait(t testing.TB, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("PostgreSQL on port %d is not there after %v", s.Port, patience)
		}
	}
}

// Kill stops the cluster as a power cut would, with no chance to write anything. It does nothing to one that is stopped.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGQUIT) // immediate shutdown; SIGKILL would leave its shared memory
	_ = s.process.Wait()
	s.process = nil
}

// Standby starts a streaming replica.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	replica := home(t)
	replica.run(t, s.program("pg_basebackup"), "-D", replica.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", User,
		"-R", "-X", "stream", "-c", "fast", "--no-sync")
	replica.Run(t)
	return replica
}

// Promote makes a replica the primary.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.run(t, s.program("pg_ctl"), "promote", "-D", s.dir, "-w")
}

// Exec runs SQL in a database and returns what it prints, unadorned.
func (s *Server) Exec(t testing.TB, database, sql string) string {
	t.Helper()
	out := s.run(t, s.program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1",
		"-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", User, "-d", database, "-c", sql)
	return string(bytes.TrimSpace(out))
}

// NewDatabase makes an empty database and returns its name.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return name
}

// DSN is the connection string of a database.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", User, s.Port, database)
}

func (s *Server) run(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = s.home
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	unprivileged(t, cmd)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, complaints.Bytes())
	}
	return out.Bytes()
}

// FreePort returns a loopback port that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
