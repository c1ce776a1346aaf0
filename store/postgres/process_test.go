package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/postgres"
	"github.com/sftoken/sftoken/store/storetest"
)

// The test binary runs itself again as the other processes.
const (
	childTask = "SFTOKEN_TEST_CHILD"
	childDSN  = "SFTOKEN_TEST_DSN"
	childKeys = "SFTOKEN_TEST_KEYS"
)

const shortTerm = time.Second

// child opens the store and, unless its task is "open", takes the lease of prod, says "leased", and saves whenever it reads
// a line, until the lines end.
func child(ctx context.Context, task string) error {
	key, _, err := keys.Open(ctx, keys.Options{Dir: os.Getenv(childKeys)})
	if err != nil {
		return err
	}
	s, err := postgres.Open(ctx, postgres.Options{DSN: os.Getenv(childDSN), Key: key, LeaseTerm: shortTerm})
	if err != nil {
		return err
	}
	defer s.Close()
	if task == "open" {
		return nil
	}
	l, err := s.Lease(ctx, "prod")
	if err != nil {
		return err
	}
	defer l.Release()
	g, err := l.Load(ctx)
	if err != nil {
		return err
	}
	fmt.Println("leased")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		g.RefreshToken = sftoken.NewSecret("of the child")
		switch err := l.Save(ctx, g); {
		case errors.Is(err, store.ErrLeaseLost):
			fmt.Println("lost")
		case err != nil:
			return err
		default:
			fmt.Println("saved")
		}
	}
	return nil
}

// process is a child that holds the lease of prod.
type process struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

// shareable are options whose key another process can open.
func shareable(t *testing.T) (o postgres.Options, keyDir string) {
	t.Helper()
	o, keyDir = options(t), t.TempDir()
	do(t, os.Chmod(keyDir, 0o700))
	var err error
	o.Key, _, err = keys.Create(t.Context(), keys.Options{Dir: keyDir, Place: keys.File})
	do(t, err)
	o.LeaseTerm = shortTerm
	return o, keyDir
}

func command(ctx context.Context, task, dsn, keyDir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childDSN+"="+dsn, childKeys+"="+keyDir)
	return cmd
}

func holder(t *testing.T, o postgres.Options, keyDir string) *process {
	t.Helper()
	p := &process{Cmd: command(t.Context(), "hold", o.DSN, keyDir)}
	in, err := p.StdinPipe()
	do(t, err)
	out, err := p.StdoutPipe()
	do(t, err)
	p.Stderr = os.Stderr
	p.in, p.out = in, bufio.NewScanner(out)
	do(t, p.Start())
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	p.says(t, "leased")
	return p
}

func (p *process) says(t *testing.T, want string) {
	t.Helper()
	if !p.out.Scan() || p.out.Text() != want {
		t.Fatalf("the other process says %q, want %q", p.out.Text(), want)
	}
}

func (p *process) save(t *testing.T, want string) {
	t.Helper()
	_, err := io.WriteString(p.in, "save\n")
	do(t, err)
	p.says(t, want)
}

// A killed holder's lease is free when its term is over, and not before.
func TestKilledHolder(t *testing.T) {
	t.Parallel()
	o, keyDir := shareable(t)
	s := open(t, o)
	put(t, s, storetest.Grant("prod"))
	p := holder(t, o, keyDir)
	do(t, p.Process.Kill())
	_ = p.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), shortTerm/4) // it was renewed at most a third of the term ago
	defer cancel()
	_, err := s.Lease(ctx, "prod")
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d@", p.Process.Pid)) {
		t.Errorf("Lease while the term of a killed holder lasts: %v, want ErrLocked with its process", err)
	}
	began := time.Now()
	lease(t, s, "prod")
	if took := time.Since(began); took > 10*shortTerm {
		t.Errorf("the lease of a killed holder was free after %v, its term is %v", took, shortTerm)
	}
}

// brokers 5.3 no. 33: eight processes start on an empty database.
func TestProcessesStartAtOnce(t *testing.T) {
	t.Parallel()
	o, keyDir := shareable(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if out, err := command(t.Context(), "open", o.DSN, keyDir).CombinedOutput(); err != nil {
				t.Errorf("process: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	if got := server(t).Exec(t, databaseOf(o), "SELECT version_id FROM sftoken_schema ORDER BY id"); got != "0\n1" {
		t.Errorf("migrations applied: %q, want each once", got)
	}
	put(t, open(t, o), storetest.Grant("prod"))
}
