package file_test

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
	"github.com/sftoken/sftoken/store/file"
)

// The test binary runs itself again as the other processes.
const (
	childTask = "SFTOKEN_TEST_CHILD"
	childDir  = "SFTOKEN_TEST_DIR"
)

func TestMain(m *testing.M) {
	tasks := map[string]func(context.Context, store.Store) error{"increment": incrementMany, "save": saveForEver}
	task, ok := tasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(context.Background(), os.Getenv(childDir), task); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context, dir string, task func(context.Context, store.Store) error) error {
	key, _, err := keys.Create(ctx, keys.Options{Dir: dir, Place: keys.File})
	if err != nil {
		return err
	}
	s, err := file.Open(ctx, file.Options{Dir: dir, Key: key})
	if err != nil {
		return err
	}
	return task(ctx, s)
}

func childCommand(ctx context.Context, task, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childDir+"="+dir)
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

// 6 processes × 300 increments, which also race to create directory, key and grant.
func TestProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	const processes = 6
	dir := filepath.Join(t.TempDir(), "data")
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			if out, err := childCommand(t.Context(), "increment", dir).CombinedOutput(); err != nil {
				t.Errorf("process: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	g := reopen(t, dir)
	if want := strconv.Itoa(processes * increments); g.RefreshToken.Reveal() != want || g.Generation != processes*increments {
		t.Errorf("%s increments in generation %d, want %s", g.RefreshToken.Reveal(), g.Generation, want)
	}
}

func reopen(t *testing.T, dir string) *store.Grant {
	t.Helper()
	key, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	g, err := open(t, dir, key).Get(t.Context(), "prod")
	do(t, err)
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

// B-18: a process is killed again and again while it saves. Whatever the moment, the next one finds a whole grant that is
// at least as new as the last one acknowledged, and goes on.
func TestKilledWhileSaving(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 15
	}
	dir := filepath.Join(t.TempDir(), "data")
	ahead := 0
	for range kills {
		acknowledged := runAndKill(t, dir)
		switch g := reopen(t, dir); {
		case g.Generation < acknowledged:
			t.Fatalf("generation %d was acknowledged, the store has %d", acknowledged, g.Generation)
		case g.RefreshToken.Reveal() != strconv.FormatUint(g.Generation, 10):
			t.Fatalf("generation %d holds the token of %s", g.Generation, g.RefreshToken.Reveal())
		case g.Generation > acknowledged:
			ahead++
		}
	}
	g := reopen(t, dir)
	t.Logf("%d kills in %d generations; %d times the kill fell between the save and its acknowledgement", kills, g.Generation, ahead)

	key, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	s := open(t, dir, key)
	lease(t, s, "prod")
	for _, sub := range []string{"grants", "spool"} {
		entries, _ := os.ReadDir(filepath.Join(dir, sub))
		for _, e := range entries {
			if e.Name() != "prod.grant" {
				t.Errorf("after the next lease %s/%s is left", sub, e.Name())
			}
		}
	}
}

// runAndKill starts a saving process, kills it at a random moment and returns the last generation it told.
func runAndKill(t *testing.T, dir string) (acknowledged uint64) {
	t.Helper()
	cmd := childCommand(t.Context(), "save", dir)
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
