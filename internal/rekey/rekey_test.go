package rekey_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/apps"
	"github.com/sftoken/sftoken/internal/rekey"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

// The test binary runs itself again as the process that is killed.
const childDir = "SFTOKEN_TEST_REKEY"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	fmt.Println("begin")
	r, err := run(context.Background(), dir, func(s rekey.Step) { fmt.Println("step", s.Alias) })
	if err = errors.Join(append(r.Failed, err)...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, onStep func(rekey.Step)) (*rekey.Report, error) {
	o := keys.Options{Dir: dir, Place: keys.File}
	set, _, err := keys.Open(ctx, o)
	if err != nil {
		return &rekey.Report{}, err
	}
	all, err := open(ctx, dir, set)
	if err != nil {
		return &rekey.Report{}, err
	}
	defer closeAll(all)
	r, err := rekey.Run(ctx, set, rekey.Options{
		Keys: o, Stores: all, Retire: true, OnStep: onStep,
		Others: map[string]func(context.Context) error{"apps": apps.Open(dir, set).Reseal},
	})
	if r == nil {
		r = &rekey.Report{}
	}
	return r, err
}

func open(ctx context.Context, dir string, set *keys.Set) ([]store.Store, error) {
	files, err := file.Open(ctx, file.Options{Dir: dir, Key: set})
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "x.db"), Key: set})
	return []store.Store{files, db}, err
}

func closeAll(all []store.Store) {
	for _, s := range all {
		_ = s.Close()
	}
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

const grants = 12

func alias(i int) string { return "login-" + strconv.Itoa(i) }

// setUp makes a data directory with a store of files and a database, an app, and an answer kept aside.
func setUp(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	set, _, err := keys.Create(t.Context(), keys.Options{Dir: dir, Place: keys.File})
	do(t, err)
	all, err := open(t.Context(), dir, set)
	do(t, err)
	defer closeAll(all)
	for _, s := range all {
		for i := range grants {
			do(t, change(t.Context(), s, alias(i), func(g *store.Grant) { g.RefreshToken = sftoken.NewSecret("1") }))
		}
	}
	g, err := all[0].Get(t.Context(), alias(3))
	do(t, err)
	g.RefreshToken = sftoken.NewSecret("aside")
	do(t, all[0].(store.Spooler).Spool(t.Context(), g))
	do(t, apps.Open(dir, set).Remember(t.Context(), apps.App{App: sftoken.App{ClientID: "an app"}}))
	return dir
}

// change is what a refresh does, as far as the store sees it.
func change(ctx context.Context, s store.Store, alias string, how func(*store.Grant)) (err error) {
	l, err := s.Lease(ctx, alias)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	g, err := l.Load(ctx)
	if errors.Is(err, store.ErrNotFound) {
		g, err = storetest.Grant(alias), nil
	}
	if err != nil {
		return err
	}
	how(g)
	return l.Save(ctx, g)
}

// check opens everything with keys read afresh, of which there is one.
func check(t *testing.T, dir string, want func(s int, alias string) string) {
	t.Helper()
	set, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	if left := append(set.Older(), set.Retired()...); len(left) > 0 {
		t.Errorf("keys %v are left", left)
	}
	all, err := open(t.Context(), dir, set)
	do(t, err)
	defer closeAll(all)
	for n, s := range all {
		for i := range grants {
			g, err := s.Get(t.Context(), alias(i))
			if err != nil {
				t.Errorf("%v: %v", s, err)
				continue
			}
			if got := g.RefreshToken.Reveal(); got != want(n, alias(i)) {
				t.Errorf("%v: %s has refresh token %q, want %q", s, alias(i), got, want(n, alias(i)))
			}
			ids, err := s.(store.Encrypted).KeyIDs(t.Context(), alias(i))
			if err != nil || len(ids) != 1 || ids[0] != set.ID() {
				t.Errorf("%v: %s is encrypted with %v, %v; want %s", s, alias(i), ids, err, set.ID())
			}
		}
	}
	if list, err := apps.Open(dir, set).List(); err != nil || len(list) != 1 {
		t.Errorf("apps: %v, %v", list, err)
	}
}

func asSetUp(s int, name string) string {
	if s == 0 && name == alias(3) {
		return "aside"
	}
	return "1"
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := setUp(t)
	before, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	steps := 0
	r, err := run(t.Context(), dir, func(rekey.Step) { steps++ })
	do(t, err)
	do(t, r.Failed...)
	if r.Resumed || r.Key == before.ID() || r.Sealed+r.Before != 2*grants || steps != 2*grants || len(r.Retired) != 1 || r.Retired[0] != before.ID() {
		t.Errorf("report %+v after %d steps", r, steps)
	}
	check(t, dir, asSetUp)
	for _, path := range []string{"key", "spool/login-3.spool"} {
		if _, err := os.Stat(filepath.Join(dir, path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
}

// brokers.md 5.3, item 10: killed (SIGKILL) at many moments and run again, nothing is lost and all opens. Each round is a
// rekey of its own; its kill falls after another line of what the child tells.
func TestKilledAndRunAgain(t *testing.T) {
	t.Parallel()
	dir := setUp(t)
	killed := 0
	for line := range 2*grants + 2 {
		if kill(t, dir, line) {
			killed++
		}
		// What a crash has left can be read by everybody at once.
		set, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
		do(t, err)
		all, err := open(t.Context(), dir, set)
		do(t, err)
		for _, s := range all {
			for _, err := range s.List(t.Context()) {
				if err != nil {
					t.Errorf("killed at line %d: %v", line, err)
				}
			}
		}
		closeAll(all)
		if line%2 == 1 { // every other one is killed twice
			continue
		}
		r, err := run(t.Context(), dir, nil)
		do(t, errors.Join(append(r.Failed, err)...))
		check(t, dir, asSetUp)
	}
	if killed < grants {
		t.Errorf("only %d runs were killed before they ended", killed)
	}
}

// kill starts a rekey and kills it once it has told so many lines. It reports whether it was in time.
func kill(t *testing.T, dir string, lines int) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	do(t, err, cmd.Start())
	told := bufio.NewScanner(out)
	for range lines {
		told.Scan()
	}
	_ = cmd.Process.Kill()
	for told.Scan() {
	}
	err = cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("the rekey failed: %s", stderr.String())
	}
	return err != nil
}

// Refreshes go on meanwhile, with keys that were read before the new one was made: none fails, none is lost.
func TestUsedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := setUp(t)
	set, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	all, err := open(t.Context(), dir, set)
	do(t, err)
	defer closeAll(all)
	stop := make(chan struct{})
	last := make([]int, len(all)*grants)
	var users sync.WaitGroup
	for n, s := range all {
		users.Go(func() {
			for round := 2; ; round++ {
				for i := range grants {
					select {
					case <-stop:
						return
					default:
					}
					token := sftoken.NewSecret(strconv.Itoa(round))
					if err := change(t.Context(), s, alias(i), func(g *store.Grant) { g.RefreshToken = token }); err != nil {
						t.Errorf("a refresh: %v", err)
						return
					}
					last[n*grants+i] = round
					if _, err := s.Get(t.Context(), alias((i+5)%grants)); err != nil {
						t.Errorf("a read: %v", err)
						return
					}
				}
			}
		})
	}
	for range 5 {
		r, err := run(t.Context(), dir, nil)
		if err = errors.Join(append(r.Failed, err)...); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	users.Wait()
	check(t, dir, func(s int, name string) string {
		for i := range grants {
			if name == alias(i) && last[s*grants+i] > 0 {
				return strconv.Itoa(last[s*grants+i])
			}
		}
		return asSetUp(s, name)
	})
}

// A process that began before the rekey and has read nothing since seals a new login: not with the key that is gone.
func TestNewLoginOfAnOldProcess(t *testing.T) {
	t.Parallel()
	dir := setUp(t)
	old, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
	do(t, err)
	stores, err := open(t.Context(), dir, old)
	do(t, err)
	defer closeAll(stores)
	for round, s := range stores {
		r, err := run(t.Context(), dir, nil)
		do(t, errors.Join(append(r.Failed, err)...))
		name := "new-" + strconv.Itoa(round)
		do(t, change(t.Context(), s, name, func(*store.Grant) {}))
		fresh, _, err := keys.Open(t.Context(), keys.Options{Dir: dir})
		do(t, err)
		again, err := open(t.Context(), dir, fresh)
		do(t, err)
		if _, err := again[round].Get(t.Context(), name); err != nil {
			t.Errorf("%v: %v", s, err)
		}
		closeAll(again)
	}
	check(t, dir, asSetUp)
}

// A grant that cannot be read keeps its key.
func TestUnreadableKeepsTheKey(t *testing.T) {
	t.Parallel()
	dir := setUp(t)
	path := filepath.Join(dir, "grants", alias(5)+".grant")
	sound, err := os.ReadFile(path)
	do(t, err)
	broken := append([]byte(nil), sound...)
	broken[len(broken)-1] ^= 1
	do(t, os.WriteFile(path, broken, 0o600))
	r, err := run(t.Context(), dir, nil)
	do(t, err)
	if len(r.Failed) != 1 || !errors.Is(r.Failed[0], store.ErrDamaged) || len(r.Retired) != 0 || len(r.Older) != 1 {
		t.Fatalf("report %+v", r)
	}
	do(t, os.WriteFile(path, sound, 0o600))
	r, err = run(t.Context(), dir, nil)
	do(t, err)
	if !r.Resumed || r.Sealed != 1 || len(r.Retired) != 1 {
		t.Errorf("report %+v", r)
	}
	check(t, dir, asSetUp)
}
