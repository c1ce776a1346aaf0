//go:build unix

// Package bench sets `sftoken token` beside the Salesforce CLI and beside an empty Go program: the same answer, measured in
// turns on one machine. `make bench` runs it.
package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/internal/useragent"
	"github.com/sftoken/sftoken/test/need"
)

// contender is a command that is measured.
type contender struct {
	name    string
	command []string
	rounds  int // how often it runs in each turn: the fast ones vary more
	walls   []time.Duration
	peaks   []int64
}

func (c *contender) wall() time.Duration { return median(c.walls) }
func (c *contender) peak() int64         { return median(c.peaks) }

func median[T time.Duration | int64](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// desk is the folder, home and environment in which all commands run.
type desk struct {
	b   *testing.B
	dir string
	env []string
}

// BenchmarkBesideSalesforceCLI measures a cached access token on standard output. Aims: 100 times faster than the
// Salesforce CLI, at most 4 times an empty Go program, under 20 MiB.
func BenchmarkBesideSalesforceCLI(b *testing.B) {
	sf := need.Salesforce(b)
	s := emulatortest.Start(b)
	d := &desk{b: b, dir: b.TempDir()}
	d.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "LANG=en_US.UTF-8",
		"SF_USE_GENERIC_UNIX_KEYCHAIN=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true",
		"SF_DISABLE_TELEMETRY=true", "SF_DISABLE_LOG_FILE=true",
	}
	sftoken, empty, meter := d.build("./cmd/sftoken"), d.build("./test/bench/empty"), d.build("./test/bench/meter")
	token := d.login(sftoken, s)
	d.env = append(d.env, "SF_ACCESS_TOKEN="+token)
	d.run("", append(sf, "org", "login", "access-token", "--instance-url", s.URL, "--no-prompt", "--alias", "acme")...)

	all := []*contender{
		{name: "empty Go program", command: []string{empty}, rounds: 10},
		{name: "sftoken token acme", command: []string{sftoken, "token", "acme"}, rounds: 10},
		{name: "sf org auth show-access-token -o acme --json", command: append(sf, "org", "auth", "show-access-token", "-o", "acme", "--json"), rounds: 1},
	}
	const turns = 7
	for range turns {
		for _, c := range all {
			for range c.rounds {
				var measured struct {
					Wall time.Duration
					Peak int64
				}
				out := d.run("", append([]string{meter}, c.command...)...)
				if err := json.Unmarshal(out, &measured); err != nil {
					b.Fatal(err)
				}
				c.walls, c.peaks = append(c.walls, measured.Wall), append(c.peaks, measured.Peak)
			}
		}
	}

	none, ours, theirs := all[0], all[1], all[2]
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "\n\trun\tmedian wall\tpeak memory\t\n")
	for _, c := range all {
		fmt.Fprintf(out, "%s\t%d times\t%.1f ms\t%.1f MiB\t\n", c.name, len(c.walls), milliseconds(c.wall()), mebibytes(c.peak()))
	}
	_ = out.Flush()
	faster, dearer := float64(theirs.wall())/float64(ours.wall()), float64(ours.wall())/float64(none.wall())
	fmt.Printf("\nsftoken is %.0f times faster than sf (aim: 100), takes %.1f times an empty program (aim: 4 at most)\n", faster, dearer)
	fmt.Printf("and %.1f MiB (aim: under 20), sf %.0f times as much. Again: make bench\n\n", mebibytes(ours.peak()), float64(theirs.peak())/float64(ours.peak()))
	b.ReportMetric(faster, "sf/sftoken")
	b.ReportMetric(dearer, "sftoken/empty")
	b.ReportMetric(mebibytes(ours.peak()), "MiB")
	b.ReportMetric(0, "ns/op") // this run's own time says nothing
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
func mebibytes(n int64) float64            { return float64(n) / (1 << 20) }

// build builds a program as it is released.
func (d *desk) build(path string) string {
	d.b.Helper()
	out := filepath.Join(d.dir, filepath.Base(path))
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, path)
	build.Dir, build.Env = need.Root(d.b), append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		d.b.Fatalf("build %s: %v\n%s", path, err, said)
	}
	return out
}

// run runs a command that must succeed and returns what it prints.
func (d *desk) run(stdin string, command ...string) []byte {
	d.b.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir, c.Env, c.Stdin = d.dir, d.env, strings.NewReader(stdin)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		d.b.Fatalf("%s: %v\n%s", filepath.Base(command[0]), err, stderr.String())
	}
	return out
}

// login logs sftoken in and returns the token that it then has.
func (d *desk) login(sftoken string, s *emulatortest.Server) string {
	d.b.Helper()
	var started struct{ ID, URL string }
	out := d.run("", sftoken, "login", "start", "acme", "--json", "--host", s.URL, "--client-id", emulator.ClientIDPublic, "--redirect-uri", s.URL+"/services/oauth2/success")
	if err := json.Unmarshal(out, &started); err != nil {
		d.b.Fatal(err)
	}
	person := useragent.Agent{Username: emulator.Username, Password: emulator.Password}
	page, err := person.Visit(d.b.Context(), started.URL)
	if err != nil {
		d.b.Fatal(err)
	}
	d.run(page.URL, sftoken, "login", "finish", started.ID)
	return strings.TrimSpace(string(d.run("", sftoken, "token", "acme")))
}
