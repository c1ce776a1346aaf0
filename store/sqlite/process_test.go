package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sqlite"
)

// The test binary runs itself again as the other processes.
const (
	childTask = "SFTOKEN_TEST_CHILD"
	childPath = "SFTOKEN_TEST_PATH"
)

func TestMain(m *testing.M) {
	tasks := map[string]func(context.Context, store.Store) error{"increment": incrementMany, "save": saveForEver}
	task, ok := tasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(context.Background(), os.Getenv(childPath), task); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context, path string, task func(context.Context, store.Store) error) error {
	key, _, err := keys.Create(ctx, keys.Options{Dir: filepath.Dir(path), Place: keys.File})
	if err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path, Key: key})
	if err != nil {
		return err
	}
	return errors.Join(task(ctx, s), s.Close())
}

func childCommand(ctx context.Context, task, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path)
	return cmd
}

const increments = 300

func incrementMany(ctx context.Context, s store.Store) error {
	for range increments {
		if err := change(ctx, s, func(l store.Lease, g *store.Grant) error { return l.Save(ctx, g) }); err != nil {
			return err
		}
	}
	return nil
}

// change takes the lease, sets the grant's refresh token to the number of its next generation, and saves it with keep.
func change(ctx context.Context, s store.Store, keep func(store.Lease, *store.Grant) error) (err error) {
	l, err := s.Lease(ctx, "prod")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	g, err := l.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		g, err = &store.Grant{Alias: "prod"}, nil
	}
	if err != nil {
		return err
	}
	n, _ := strconv.ParseUint(g.RefreshToken.Reveal(), 10, 64)
	if n != g.Generation {
		return fmt.Errorf("generation %d holds the token of %d", g.Generation, n)
	}
	g.RefreshToken = sftoken.NewSecret(strconv.FormatUint(n+1, 10))
	return keep(l, g)
}

// 6 processes × 300 increments, which also race to create directory, key, database, schema and grant.
func TestProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	const processes = 6
	path := place(t)
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			if out, err := childCommand(t.Context(), "increment", path).CombinedOutput(); err != nil {
				t.Errorf("process: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	g := reopen(t, path)
	if want := strconv.Itoa(processes * increments); g.RefreshToken.Reveal() != want || g.Generation != processes*increments {
		t.Errorf("%s increments in generation %d, want %s", g.RefreshToken.Reveal(), g.Generation, want)
	}
}

func reopen(t *testing.T, path string) *store.Grant {
	t.Helper()
	key, _, err := keys.Open(t.Context(), keys.Options{Dir: filepath.Dir(path)})
	do(t, err)
	s := open(t, path, key)
	g, err := s.Get(t.Context(), "prod")
	do(t, err, s.Close())
	return g
}

// saveForEver probes, saves and spools in turn, and tells each generation that was acknowledged.
func saveForEver(ctx context.Context, s store.Store) error {
	for {
		err := change(ctx, s, func(l store.Lease, g *store.Grant) error {
			if g.Generation%2 == 0 {
				if err := l.Probe(ctx); err != nil {
					return err
				}
			}
			keep := l.Save
			if g.Generation%3 == 0 {
				keep = s.(store.Spooler).Spool
			}
			if err := keep(ctx, g); err != nil {
				return err
			}
			_, err := fmt.Println(g.Generation)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// B-18: a process is killed again and again while it saves, the first times while it makes the database. Whatever the
// moment, the next one finds a whole grant that is at least as new as the last one acknowledged, and goes on at once.
func TestKilledWhileSaving(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 15
	}
	path := place(t)
	for i := range 10 {
		killAtStart(t, path, i)
	}
	ahead := 0
	for range kills {
		acknowledged := runAndKill(t, path)
		switch g := reopen(t, path); {
		case g.Generation < acknowledged:
			t.Fatalf("generation %d was acknowledged, the store has %d", acknowledged, g.Generation)
		case g.RefreshToken.Reveal() != strconv.FormatUint(g.Generation, 10):
			t.Fatalf("generation %d holds the token of %s", g.Generation, g.RefreshToken.Reveal())
		case g.Generation > acknowledged:
			ahead++
		}
	}
	g := reopen(t, path)
	t.Logf("%d kills in %d generations; %d times the kill fell between the save and its acknowledgement", kills, g.Generation, ahead)

	key, _, err := keys.Open(t.Context(), keys.Options{Dir: filepath.Dir(path)})
	do(t, err)
	s := open(t, path, key)
	lease(t, s, "prod")
	var verdict string
	do(t, s.Writer().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	if verdict != "ok" {
		t.Errorf("integrity_check: %s", verdict)
	}
	for sub, want := range map[string]int{"-locks": 2, "-spool": 0} { // of the grant and of the schema
		if entries, err := os.ReadDir(path + sub); err != nil || len(entries) != want {
			t.Errorf("after the next lease %s holds %v, %v; want %d files", sub, entries, err, want)
		}
	}
}

// killAtStart kills a process in the first milliseconds, most of which go into making key, database and schema.
func killAtStart(t *testing.T, path string, milliseconds int) {
	t.Helper()
	cmd := childCommand(t.Context(), "save", path)
	do(t, cmd.Start())
	<-time.After(time.Duration(10+3*milliseconds) * time.Millisecond)
	do(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// runAndKill starts a saving process, kills it at a random moment and returns the last generation it told.
func runAndKill(t *testing.T, path string) (acknowledged uint64) {
	t.Helper()
	cmd := childCommand(t.Context(), "save", path)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	do(t, err, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := rand.IntN(8); lines.Scan(); n-- {
		acknowledged, err = strconv.ParseUint(lines.Text(), 10, 64)
		do(t, err)
		if n == 0 {
			moment := time.NewTimer(time.Duration(rand.IntN(3000)) * time.Microsecond)
			go func() {
				<-moment.C
				_ = cmd.Process.Kill()
			}()
		}
	}
	if err := cmd.Wait(); err == nil || complaints.Len() > 0 {
		t.Fatalf("the process ended by itself: %v\n%s", err, complaints.String())
	}
	return acknowledged
}

// A lease that its process did not release is free as soon as the process is dead.
func TestKilledHolderFreesItsLease(t *testing.T) {
	t.Parallel()
	path := place(t)
	cmd := childCommand(t.Context(), "save", path)
	out, err := cmd.StdoutPipe()
	do(t, err, cmd.Start())
	bufio.NewScanner(out).Scan()
	do(t, cmd.Process.Kill())
	_ = cmd.Wait()
	key, _, err := keys.Open(t.Context(), keys.Options{Dir: filepath.Dir(path)})
	do(t, err)
	s := open(t, path, key)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	l, err := s.Lease(ctx, "prod")
	if err != nil {
		t.Fatalf("Lease after its holder was killed: %v", err)
	}
	do(t, l.Release())
}
