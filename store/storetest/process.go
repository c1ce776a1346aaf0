package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Processes tests a store that several processes of one machine share. The test binary runs itself again as the others:
//
//	var processes = storetest.Processes{Open: openOrMake}
//
//	func TestMain(m *testing.M) { processes.Main(m) }
//
//	func TestProcesses(t *testing.T) {
//		processes.Run(t, func(t *testing.T) string { return filepath.Join(t.TempDir(), "data") })
//	}
type Processes struct {
	// Open opens the store at a place, and makes what is missing there, the key too.
	Open func(ctx context.Context, place string) (store.Store, error)
	// AfterKills, if not nil, looks at the place of a store whose processes were killed, while its grant is leased again.
	AfterKills func(t *testing.T, place string, s store.Store)
}

const (
	childTask  = "SFTOKEN_TEST_CHILD"
	childPlace = "SFTOKEN_TEST_PLACE"
	increments = 300
	shared     = "prod" // the grant that all of them change
)

// Main is the TestMain of a package that uses Run.
func (p Processes) Main(m *testing.M) {
	tasks := map[string]func(context.Context, store.Store) error{"increment": incrementMany, "save": saveForEver}
	task, ok := tasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := p.child(context.Background(), task); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (p Processes) child(ctx context.Context, task func(context.Context, store.Store) error) error {
	s, err := p.Open(ctx, os.Getenv(childPlace))
	if err != nil {
		return err
	}
	return errors.Join(task(ctx, s), s.Close())
}

// Run runs the tests, each at a fresh place.
func (p Processes) Run(t *testing.T, place func(t *testing.T) string) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, string){
		"processes lose nothing":          p.loseNothing,
		"killed while saving":             p.killedWhileSaving,
		"a killed holder frees its lease": p.killedHolder,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place(t))
		})
	}
}

func childCommand(ctx context.Context, task, place string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childPlace+"="+place)
	return cmd
}

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
	l, err := s.Lease(ctx, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	g, err := l.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		g, err = &store.Grant{Alias: shared}, nil
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

// loseNothing has 6 processes change the grant 300 times each, which also race to make store, key and grant.
func (p Processes) loseNothing(t *testing.T, place string) {
	const processes = 6
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			if out, err := childCommand(t.Context(), "increment", place).CombinedOutput(); err != nil {
				t.Errorf("process: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	g := p.saved(t, place)
	if want := strconv.Itoa(processes * increments); g.RefreshToken.Reveal() != want || g.Generation != processes*increments {
		t.Errorf("%s increments in generation %d, want %s", g.RefreshToken.Reveal(), g.Generation, want)
	}
}

// saved is the grant as a process that comes now finds it.
func (p Processes) saved(t *testing.T, place string) *store.Grant {
	t.Helper()
	s, err := p.Open(t.Context(), place)
	must(t, err)
	g, err := s.Get(t.Context(), shared)
	must(t, err)
	must(t, s.Close())
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
			if spooler, ok := s.(store.Spooler); ok && g.Generation%3 == 0 {
				keep = spooler.Spool
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

// killedWhileSaving (B-18) kills a process again and again while it saves, the first times while it makes the store.
// Whatever the moment, the next one finds a whole grant that is at least as new as the last one acknowledged, and goes on.
func (p Processes) killedWhileSaving(t *testing.T, place string) {
	kills := 100
	if testing.Short() {
		kills = 15
	}
	for i := range 10 {
		killAtStart(t, place, i)
	}
	ahead := 0
	for range kills {
		acknowledged := runAndKill(t, place)
		switch g := p.saved(t, place); {
		case g.Generation < acknowledged:
			t.Fatalf("generation %d was acknowledged, the store has %d", acknowledged, g.Generation)
		case g.RefreshToken.Reveal() != strconv.FormatUint(g.Generation, 10):
			t.Fatalf("generation %d holds the token of %s", g.Generation, g.RefreshToken.Reveal())
		case g.Generation > acknowledged:
			ahead++
		}
	}
	t.Logf("%d kills in %d generations; %d times the kill fell between the save and its acknowledgement",
		kills, p.saved(t, place).Generation, ahead)
	s, err := p.Open(t.Context(), place)
	must(t, err)
	defer s.Close()
	l, err := s.Lease(t.Context(), shared)
	must(t, err)
	defer l.Release()
	if p.AfterKills != nil {
		p.AfterKills(t, place, s)
	}
}

// killAtStart kills a process in the first milliseconds, most of which go into making the store.
func killAtStart(t *testing.T, place string, nth int) {
	t.Helper()
	cmd := childCommand(t.Context(), "save", place)
	must(t, cmd.Start())
	<-time.After(time.Duration(10+3*nth) * time.Millisecond)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// runAndKill starts a saving process, kills it at a random moment and returns the last generation it told.
func runAndKill(t *testing.T, place string) (acknowledged uint64) {
	t.Helper()
	cmd := childCommand(t.Context(), "save", place)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := rand.IntN(8); lines.Scan(); n-- {
		acknowledged, err = strconv.ParseUint(lines.Text(), 10, 64)
		must(t, err)
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

// killedHolder: a lease that its process did not release is free as soon as the process is dead.
func (p Processes) killedHolder(t *testing.T, place string) {
	cmd := childCommand(t.Context(), "save", place)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	bufio.NewScanner(out).Scan()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	s, err := p.Open(t.Context(), place)
	must(t, err)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	l, err := s.Lease(ctx, shared)
	if err != nil {
		t.Fatalf("Lease after its holder was killed: %v", err)
	}
	must(t, l.Release())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
