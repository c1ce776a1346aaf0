package transfer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/transfer"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/file"
	"github.com/sftoken/sftoken/store/memory"
	"github.com/sftoken/sftoken/store/sqlite"
	"github.com/sftoken/sftoken/store/storetest"
)

var made = time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)

func do(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// login is a grant whose app rotates, in the state that it had after so many refreshes.
func login(alias string, refreshes int, how ...func(*store.Grant)) *store.Grant {
	g := storetest.Grant(alias)
	g.State, g.Reason, g.Spending, g.Rotates = store.Live, "", nil, true
	g.RefreshToken = sftoken.NewSecret("refresh token " + strconv.Itoa(refreshes))
	g.AccessToken = sftoken.NewSecret("access token " + strconv.Itoa(refreshes))
	g.CreatedAt = made.Add(-time.Hour)
	g.RefreshedAt = made.Add(time.Duration(refreshes) * time.Minute)
	g.Generation = uint64(refreshes)
	for _, change := range how {
		change(g)
	}
	return g
}

func dead(g *store.Grant) {
	g.State, g.Reason = store.Dead, "invalid_grant: expired access/refresh token"
}
func ofAnother(g *store.Grant) { g.UserID = "005000000000002AAA" }
func steady(g *store.Grant)    { g.Rotates = false } // and was refreshed: its token stays
func marked(g *store.Grant) {
	g.Spending = &store.Spending{Fingerprint: g.RefreshToken.Fingerprint(), Since: made, Owner: "x"}
}

// put saves a grant so often that it has its generation.
func put(t testing.TB, s store.Store, g *store.Grant) {
	t.Helper()
	l, err := s.Lease(t.Context(), g.Alias)
	do(t, err)
	defer l.Release()
	saved := g.Clone()
	saved.Generation = 0
	for range max(g.Generation, 1) {
		do(t, l.Save(t.Context(), saved))
	}
}

// brokers.md 5.3, item 20: an old snapshot takes nothing newer away, and what it brings is not used blindly.
func TestRestore(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		there, coming *store.Grant // there may be nil
		trust, force  bool
		want          transfer.Verdict
		token         string // in the end
		state         store.State
	}{
		"into nothing":                    {nil, login("x", 3), false, false, transfer.Added, "refresh token 3", store.Uncertain},
		"into nothing, unused since":      {nil, login("x", 3), true, false, transfer.Added, "refresh token 3", store.Live},
		"one that does not rotate":        {nil, login("x", 3, steady), false, false, transfer.Added, "refresh token 3", store.Live},
		"a dead one into nothing":         {nil, login("x", 3, dead), false, false, transfer.Added, "refresh token 3", store.Dead},
		"in the middle of a refresh":      {nil, login("x", 3, marked), false, false, transfer.Added, "refresh token 3", store.Uncertain},
		"the same":                        {login("x", 3), login("x", 3), false, false, transfer.Same, "refresh token 3", store.Live},
		"over a newer one":                {login("x", 5), login("x", 3), false, false, transfer.Kept, "refresh token 5", store.Live},
		"over a newer one by force":       {login("x", 5), login("x", 3), false, true, transfer.Replaced, "refresh token 3", store.Uncertain},
		"over an older one":               {login("x", 2), login("x", 3), false, false, transfer.Replaced, "refresh token 3", store.Uncertain},
		"over a dead one":                 {login("x", 5, dead), login("x", 3), false, false, transfer.Replaced, "refresh token 3", store.Uncertain},
		"over itself, found dead":         {login("x", 3, dead), login("x", 3), false, false, transfer.Same, "refresh token 3", store.Dead},
		"over another user's":             {login("x", 2, ofAnother), login("x", 3), false, false, transfer.Kept, "refresh token 2", store.Live},
		"a dead one over a living one":    {login("x", 2, ofAnother), login("x", 3, dead), false, false, transfer.Kept, "refresh token 2", store.Live},
		"a login made anew, generation 1": {login("x", 1, func(g *store.Grant) { g.RefreshedAt = made.Add(time.Hour) }), login("x", 3), false, false, transfer.Kept, "refresh token 1", store.Live},
		"after a restore, now trusted":    {login("x", 3, func(g *store.Grant) { g.State, g.Reason = store.Uncertain, store.Restored }), login("x", 3), true, true, transfer.Replaced, "refresh token 3", store.Live},
	} {
		s := memory.New()
		if row.there != nil {
			put(t, s, row.there)
		}
		r := transfer.Restore(t.Context(), s, row.coming, made, row.trust, transfer.Options{Force: row.force})
		if r.Verdict != row.want || r.Err != nil {
			t.Errorf("%s: %s, %v; want %s", name, r.Verdict, r.Err, row.want)
			continue
		}
		g, err := s.Get(t.Context(), "x")
		do(t, err)
		if g.RefreshToken.Reveal() != row.token || g.State != row.state {
			t.Errorf("%s: %q %v, want %q %v", name, g.RefreshToken.Reveal(), g.State, row.token, row.state)
		}
		if written := r.Verdict == transfer.Added || r.Verdict == transfer.Replaced; written && g.State == store.Uncertain &&
			(g.Reason != store.Restored+" of 2026-11-19T12:00:00Z" || g.Spending != nil) {
			t.Errorf("%s: reason %q, mark %v", name, g.Reason, g.Spending)
		}
	}
}

// A grant that cannot be read is nobody's to replace, but by force.
func TestOverAnUnreadableOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := file.Open(t.Context(), file.Options{Dir: dir, Key: keys.Generate()})
	do(t, err)
	put(t, s, login("x", 1))
	path := filepath.Join(dir, "grants", "x.grant")
	do(t, os.Truncate(path, 30))
	r := transfer.Restore(t.Context(), s, login("x", 3), made, false, transfer.Options{})
	if r.Verdict != transfer.Failed || !errors.Is(r.Err, store.ErrDamaged) {
		t.Errorf("%s, %v; want failed as damaged", r.Verdict, r.Err)
	}
	r = transfer.Restore(t.Context(), s, login("x", 3), made, false, transfer.Options{Force: true})
	if r.Verdict != transfer.Added || r.Err != nil {
		t.Errorf("by force: %s, %v", r.Verdict, r.Err)
	}
}

func verdicts(results map[transfer.Verdict]int, r transfer.Result) {
	results[r.Verdict]++
}

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := memory.New(), newFiles(t)
	aliases := []string{"a", "b", "c", "deleted"}
	for i, alias := range aliases[:3] {
		put(t, from, login(alias, i+2, marked))
	}
	// Interrupted after one, and run again.
	for range transfer.Copy(t.Context(), from, to, aliases, transfer.Options{}) {
		break
	}
	results := map[transfer.Verdict]int{}
	for r := range transfer.Copy(t.Context(), from, to, aliases, transfer.Options{}) {
		verdicts(results, r)
	}
	if want := map[transfer.Verdict]int{transfer.Same: 1, transfer.Added: 2}; !maps.Equal(results, want) {
		t.Errorf("results %v, want %v", results, want)
	}
	for _, alias := range aliases[:3] {
		want, err := from.Get(t.Context(), alias)
		do(t, err)
		got, err := to.Get(t.Context(), alias)
		do(t, err)
		got.Generation = want.Generation
		if diff := storetest.Diff(want, got); diff != "" {
			t.Errorf("%s changed on the way (-want +got):\n%s", alias, diff)
		}
	}
}

// Two copies against each other do not wait for each other for ever.
func TestCopyAgainstEachOther(t *testing.T) {
	t.Parallel()
	a, b := newFiles(t), newFiles(t)
	aliases := make([]string, 20)
	for i := range aliases {
		aliases[i] = "login-" + strconv.Itoa(i)
		put(t, a, login(aliases[i], 2))
		put(t, b, login(aliases[i], 3))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan int)
	for _, pair := range [][2]store.Store{{a, b}, {b, a}} {
		go func() {
			n := 0
			for r := range transfer.Copy(ctx, pair[0], pair[1], aliases, transfer.Options{}) {
				if r.Err == nil {
					n++
				}
			}
			done <- n
		}()
	}
	if n := <-done + <-done; n != 2*len(aliases) {
		t.Errorf("%d were copied, want %d", n, 2*len(aliases))
	}
}

func newFiles(t testing.TB) store.Store {
	t.Helper()
	s, err := file.Open(t.Context(), file.Options{Dir: filepath.Join(t.TempDir(), "data"), Key: keys.Generate()})
	do(t, err)
	return s
}

// The test binary runs itself again as the process that is killed.
const childDir, childTask = "SFTOKEN_TEST_TRANSFER", "SFTOKEN_TEST_TASK"

const many = 24

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	err := work(context.Background(), dir, os.Getenv(childTask), func(r transfer.Result) error {
		fmt.Println(r.Alias, r.Verdict)
		return r.Err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func stores(ctx context.Context, dir string) (from, to store.Store, err error) {
	set, _, err := keys.Create(ctx, keys.Options{Dir: dir, Place: keys.File})
	if err != nil {
		return nil, nil, err
	}
	from, err1 := file.Open(ctx, file.Options{Dir: dir, Key: set})
	to, err2 := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "x.db"), Key: set})
	return from, to, errors.Join(err1, err2)
}

func work(ctx context.Context, dir, task string, each func(transfer.Result) error) error {
	from, to, err := stores(ctx, dir)
	if err != nil {
		return err
	}
	defer to.Close()
	aliases, err := from.Aliases(ctx)
	if err != nil {
		return err
	}
	if task == "copy" {
		for r := range transfer.Copy(ctx, from, to, aliases, transfer.Options{}) {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
	for g, err := range from.List(ctx) {
		if err != nil {
			return err
		}
		if err := each(transfer.Restore(ctx, to, g, made, false, transfer.Options{})); err != nil {
			return err
		}
	}
	return nil
}

// Killed (SIGKILL) at many moments and run again, a restore and a copy lose nothing and do nothing twice.
func TestKilledAndRunAgain(t *testing.T) {
	t.Parallel()
	for _, task := range []string{"restore", "copy"} {
		for line := 0; line <= many; line += 3 {
			t.Run(task+"/"+strconv.Itoa(line), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "data")
				from, to, err := stores(t.Context(), dir)
				do(t, err, to.Close())
				for i := range many {
					put(t, from, login("login-"+strconv.Itoa(i), 1+i%3))
				}
				kill(t, dir, task, line)
				results := map[transfer.Verdict]int{}
				do(t, work(t.Context(), dir, task, func(r transfer.Result) error { verdicts(results, r); return r.Err }))
				if results[transfer.Added]+results[transfer.Same] != many || results[transfer.Same] < line {
					t.Errorf("run again: %v, killed after %d", results, line)
				}
				_, to, err = stores(t.Context(), dir)
				do(t, err)
				defer to.Close()
				for i := range many {
					g, err := to.Get(t.Context(), "login-"+strconv.Itoa(i))
					do(t, err)
					if want := "refresh token " + strconv.Itoa(1+i%3); g.RefreshToken.Reveal() != want || g.Generation != 1 {
						t.Errorf("%s: %q in generation %d, want %q saved once", g.Alias, g.RefreshToken.Reveal(), g.Generation, want)
					}
				}
			})
		}
	}
}

func kill(t *testing.T, dir, task string, lines int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childTask+"="+task)
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
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("it failed: %s", stderr.String())
	}
}
