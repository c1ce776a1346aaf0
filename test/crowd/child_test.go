package crowd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/test/place"
)

// The test binary runs itself again as the other processes of the crowd.
const childTask = "SFTOKEN_TEST_CROWD"

// task is one process's part of the crowd: so many engines over stores of their own, so many callers among them.
type task struct {
	Place            place.Place
	Alias            string
	Engines, Callers int
}

// tally is what a process's callers got.
type tally struct {
	Tokens map[string]int // by fingerprint
	Dead   int            // log in again
	Other  map[string]int // by text
}

func TestMain(m *testing.M) {
	text, isChild := os.LookupEnv(childTask)
	if !isChild {
		os.Exit(m.Run())
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		panic(err)
	}
	if err := t.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run gets everybody ready, waits for the word, and tells what they got.
func (k task) run(ctx context.Context) error {
	var engines []*refresh.Engine
	for range k.Engines {
		s, err := k.Place.Open(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		engine := refresh.New(refresh.Options{Store: s})
		defer engine.Close(ctx)
		engines = append(engines, engine)
	}
	out := tally{Tokens: map[string]int{}, Other: map[string]int{}}
	var mu sync.Mutex
	word := make(chan struct{})
	var group sync.WaitGroup
	for n := range k.Callers {
		group.Go(func() {
			<-word
			access, err := engines[n%len(engines)].Token(ctx, k.Alias)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				out.Tokens[access.Token.Fingerprint()]++
			case errors.Is(err, sftoken.ErrLoginRequired):
				out.Dead++
			default:
				out.Other[err.Error()]++
			}
		})
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	close(word)
	group.Wait()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// process is a child that waits for the word.
type process struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func (k task) start(t testing.TB) *process {
	t.Helper()
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), childTask+"="+string(text)), os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := p.out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("a process said %q, %v", line, err)
	}
	return p
}

func (p *process) end(t testing.TB) (out tally) {
	t.Helper()
	if err := json.NewDecoder(p.out).Decode(&out); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}
