package proxy_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// Issue 5 proof 3: a body of 1 GiB goes through in both directions, whole, and the heap does not grow with it.
func TestConstantMemory(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	const most = 16 << 20
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, pattern(size))
			return
		}
		fmt.Fprint(w, digest(r.Body))
	})
	address := start(t, o)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	highest := watchHeap(t)

	want := digest(pattern(size))
	res := send(t, "PUT", address+"/services/data/v66.0/jobs/ingest/750/batches", size)
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != want {
		t.Errorf("the org got another body: %v %s, want %s", err, got, want)
	}
	res = send(t, "GET", address+"/services/data/v66.0/jobs/query/750/results", 0)
	defer res.Body.Close()
	if got := digest(res.Body); got != want {
		t.Errorf("the caller got another body: %s, want %s", got, want)
	}
	if grown := int64(highest()) - int64(before.HeapAlloc); grown > most {
		t.Errorf("the heap grew by %d MiB for bodies of %d MiB", grown>>20, size>>20)
	} else {
		t.Logf("the heap grew by %.1f MiB at most for bodies of %d MiB", float64(grown)/(1<<20), size>>20)
	}
}

// send sends size bytes, and says so beforehand.
func send(t *testing.T, method, address string, size int64) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, pattern(size))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = size
	r.Header.Set("Authorization", "Bearer "+capability)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// watchHeap looks at the heap until highest is called.
func watchHeap(t *testing.T) (highest func() uint64) {
	ctx, stop := context.WithCancel(t.Context())
	var most uint64
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	})
	return func() uint64 {
		stop()
		watching.Wait()
		return most
	}
}

// pattern gives size bytes that no two blocks have in common.
func pattern(size int64) io.Reader { return io.LimitReader(new(counter), size) }

type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte((c.n + uint64(i)) * 0x9e3779b97f4a7c15 >> 56)
	}
	c.n += uint64(len(p))
	return len(p), nil
}

func digest(r io.Reader) string {
	h := sha256.New()
	_, _ = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil))
}

// Issue 5 proof 3: a thousand requests at once when the session has expired cause one token request, and all succeed, with
// their bodies.
func TestThousandAcrossAnExpiry(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	address := start(t, loggedIn(t, server))
	const callers = 1000
	if res, body := ask(t, "GET", address+"/services/data/v66.0/limits", nil); res.StatusCode != 200 {
		t.Fatalf("before the expiry: %d %s", res.StatusCode, body)
	}
	server.Emulator().ExpireSessions()
	server.Emulator().ClearRequests()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 200, MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()
	var done sync.WaitGroup
	var failed atomic.Int64
	begin := make(chan struct{})
	for range callers {
		done.Go(func() {
			<-begin
			r, err := http.NewRequestWithContext(t.Context(), "GET", address+"/services/data/v66.0/query?q=SELECT+Id+FROM+Organization", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+capability)
			res, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 || !strings.Contains(string(text), `"done":true`) {
				failed.Add(1)
			}
		})
	}
	close(begin)
	done.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed", n, callers)
	}
	if n := server.Emulator().TokenRequests(); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// loggedIn is the transport of a login at the emulator.
func loggedIn(t *testing.T, server *emulatortest.Server) http.RoundTripper {
	t.Helper()
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &sftoken.Client{App: sftoken.App{ClientID: emulator.ClientIDPublic, Host: host, RedirectURI: sftoken.DefaultRedirectURI}}
	login, err := client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	callback, err := server.NewBrowser(emulator.Username).Visit(login.URL)
	if err != nil {
		t.Fatal(err)
	}
	code, err := login.Accept(callback.Query())
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.Exchange(t.Context(), login, code)
	if err != nil {
		t.Fatal(err)
	}
	kept := memory.New()
	lease, err := kept.Lease(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if err := lease.Save(t.Context(), &store.Grant{
		Alias: "prod", App: client.App, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken,
		InstanceURL: token.InstanceURL, CreatedAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	engine := refresh.New(refresh.Options{Store: kept})
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	base := &http.Transport{MaxIdleConnsPerHost: 100, MaxConnsPerHost: 200}
	t.Cleanup(base.CloseIdleConnections)
	return &refresh.Transport{Engine: engine, Alias: "prod", Base: base}
}

// BenchmarkProxy compares with a bare httputil.ReverseProxy in the same run, request by request in turn, so that what else
// the machine does meets both. The share of-bare is what is left of its throughput.
func BenchmarkProxy(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"4KiB", 4 << 10}, {"16MiB", 16 << 20}} {
		b.Run(c.name, func(b *testing.B) { compare(b, c.size) })
	}
}

func compare(b *testing.B, size int) {
	answer := make([]byte, size)
	o := newOrg(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	target, err := url.Parse(o.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := func() *http.Transport { return &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100} }
	bare := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport(),
	})
	defer bare.Close()
	kept := memory.New()
	host, err := sftoken.ParseHost(o.URL)
	if err != nil {
		b.Fatal(err)
	}
	lease, err := kept.Lease(b.Context(), "prod")
	if err != nil {
		b.Fatal(err)
	}
	if err := lease.Save(b.Context(), &store.Grant{
		Alias: "prod", App: sftoken.App{ClientID: "x", Host: host}, AccessToken: sftoken.NewSecret("00D!x"), InstanceURL: o.URL, CreatedAt: time.Now(),
	}); err != nil {
		b.Fatal(err)
	}
	lease.Release()
	engine := refresh.New(refresh.Options{Store: kept})
	defer engine.Close(context.Background())
	ours := start(b, &refresh.Transport{Engine: engine, Alias: "prod", Base: transport()})

	var spent [2]time.Duration
	b.SetBytes(int64(size))
	for b.Loop() {
		for i, address := range []string{bare.URL, ours} {
			began := time.Now()
			fetch(b, address+"/services/data", size)
			spent[i] += time.Since(began)
		}
	}
	b.ReportMetric(spent[0].Seconds()/spent[1].Seconds(), "of-bare")
}

func fetch(b *testing.B, address string, size int) {
	r, err := http.NewRequestWithContext(b.Context(), "GET", address, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+capability)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(size) {
		b.Fatalf("got %d of %d bytes: %v", n, size, err)
	}
}
