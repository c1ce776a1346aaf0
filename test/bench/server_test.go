//go:build unix

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/test/need"
)

// rival is a token server that runs in a process of its own.
type rival struct {
	name    string
	command []string
	url     string
	body    string
	process *os.Process
	started time.Duration // until it was ready

	rates     []int64 // answers a second, one a turn
	latencies []time.Duration
}

// BenchmarkTokenServers asks each server for tokens with 64 clients, in turns on one machine, which the clients share. Aims of
// the emulator: 0.6 of a bare net/http handler, 5 times oidc-provider, 20 times oauth2-mock-server.
func BenchmarkTokenServers(b *testing.B) {
	node := need.Node(b)
	d := &desk{b: b, dir: b.TempDir(), env: os.Environ()}
	here := filepath.Join(need.Root(b), "test", "bench")
	all := []*rival{
		{name: "bare net/http handler", command: []string{d.build("./test/bench/bare")}},
		{name: "sftoken emulator, refresh", command: []string{d.build("./cmd/sftoken"), "emulator", "--json", "--addr", "127.0.0.1:0", "--manage", "127.0.0.1:0"}},
		{name: "oidc-provider, client credentials", command: []string{node, filepath.Join(here, "oidc-provider.mjs"), need.Package(b, "oidc-provider")}},
		{name: "oauth2-mock-server, client credentials", command: []string{node, filepath.Join(here, "oauth2-mock-server.mjs"), need.Package(b, "oauth2-mock-server")}},
	}
	for _, r := range all {
		r.start(b)
	}
	const turns = 5
	for range turns {
		for _, r := range all {
			r.load(b)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "\n\tready after\ttokens/s\tmedian\t99 %%\tmemory after\t\n")
	for _, r := range all {
		slices.Sort(r.latencies)
		fmt.Fprintf(out, "%s\t%.0f ms\t%d\t%.2f ms\t%.2f ms\t%.0f MiB\t\n", r.name, milliseconds(r.started), median(r.rates),
			milliseconds(r.latencies[len(r.latencies)/2]), milliseconds(r.latencies[len(r.latencies)*99/100]), resident(b, r.process.Pid))
	}
	_ = out.Flush()
	rate := func(i int) float64 { return float64(median(all[i].rates)) }
	fmt.Printf("\nThe emulator answers %.2f of the bare handler (aim: 0.6), %.1f times oidc-provider (aim: 5), %.1f times oauth2-mock-server (aim: 20)\n\n",
		rate(1)/rate(0), rate(1)/rate(2), rate(1)/rate(3))
	b.ReportMetric(rate(1)/rate(0), "of-bare")
	b.ReportMetric(rate(1)/rate(2), "x-oidc-provider")
	b.ReportMetric(rate(1)/rate(3), "x-oauth2-mock-server")
	b.ReportMetric(0, "ns/op") // this run's own time says nothing
}

// start runs the server until the benchmark ends. Its first line says where it is.
func (r *rival) start(b *testing.B) {
	b.Helper()
	command := exec.Command(r.command[0], r.command[1:]...)
	command.Stderr = io.Discard
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	r.process = command.Process
	b.Cleanup(func() {
		_ = command.Process.Kill() // then Wait says so
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		b.Fatalf("%s says nothing: %v", r.name, err)
	}
	r.started = time.Since(began)
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
	var ready struct {
		URL, Body string
		Manage    string `json:"manage_url"`
	}
	if err := json.Unmarshal(line, &ready); err != nil {
		b.Fatal(err)
	}
	r.url, r.body = ready.URL, ready.Body
	if ready.Manage != "" {
		r.url, r.body = ready.URL+"/services/oauth2/token", refreshBody(b, ready.Manage)
	}
}

// refreshBody is a token request for a grant of its own.
func refreshBody(b *testing.B, manage string) string {
	b.Helper()
	asked := fmt.Sprintf(`{"client_id":%q,"username":%q,"scopes":["api","refresh_token"]}`, emulator.ClientIDPublic, emulator.Username)
	response, err := http.Post(manage+"/grants", "application/json", strings.NewReader(asked))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var tokens emulator.Tokens
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
		b.Fatal(err)
	}
	return "grant_type=refresh_token&client_id=" + emulator.ClientIDPublic + "&refresh_token=" + tokens.RefreshToken
}

// load asks with 64 clients for a second and a half, of which the last second counts.
func (r *rival) load(b *testing.B) {
	b.Helper()
	const clients, warm, measured = 64, 500 * time.Millisecond, time.Second
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	from := time.Now().Add(warm)
	until := from.Add(measured)
	var answers, failures atomic.Int64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			var own []time.Duration
			for began := time.Now(); began.Before(until); began = time.Now() {
				if !ask(client, r) {
					failures.Add(1)
				}
				if began.After(from) {
					answers.Add(1)
					own = append(own, time.Since(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			r.latencies = append(r.latencies, own...)
		})
	}
	group.Wait()
	if n := failures.Load(); n > 0 {
		b.Fatalf("%s: %d requests failed", r.name, n)
	}
	r.rates = append(r.rates, int64(float64(answers.Load())/measured.Seconds()))
}

func ask(client *http.Client, r *rival) bool {
	response, err := client.Post(r.url, "application/x-www-form-urlencoded", strings.NewReader(r.body))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

var residentSize = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is a process's memory in MiB, 0 where the system does not tell it so.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := residentSize.FindSubmatch(bytes.TrimSpace(status))
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseFloat(string(found[1]), 64) // digits
	return kilobytes / 1024
}
