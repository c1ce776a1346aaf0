package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func refreshRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/services/oauth2/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func post(b *testing.B, handler http.Handler, body string) {
	w := &discard{header: http.Header{}, status: http.StatusOK}
	handler.ServeHTTP(w, refreshRequest(body))
	if w.status != http.StatusOK {
		b.Errorf("status %d", w.status)
	}
}

func refreshBody(b *testing.B) (*emulator.Server, string) {
	s := start(b)
	tokens := s.success(s.post("/services/oauth2/token",
		codeForm(emulator.ClientIDPublic, s.code(emulator.ClientIDPublic, "scope", "api refresh_token"))))
	return s.Emulator(), refreshForm(emulator.ClientIDPublic, tokens["refresh_token"]).Encode()
}

func BenchmarkRefresh(b *testing.B) {
	handler, body := refreshBody(b)
	for b.Loop() {
		post(b, handler, body)
	}
}

func BenchmarkRefreshParallel(b *testing.B) {
	handler, body := refreshBody(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			post(b, handler, body)
		}
	})
}

// bare is the yardstick: the same form parsed, a body of the same size written.
func bare() http.Handler {
	answer := []byte(strings.Repeat("x", 600))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || r.Form.Get("grant_type") != "refresh_token" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write(answer)
	})
}

// BenchmarkGrantsInMemory fills an emulator with a million grants, each with a living access token, and reports what one takes
// and how much slower a refresh is beside them.
func BenchmarkGrantsInMemory(b *testing.B) {
	const users, apps, each = 1000, 200, 5
	config := emulator.DefaultConfig()
	name := func(i int) string { return fmt.Sprintf("user%d@acme.example", i) }
	for i := range users {
		config.Orgs[0].Users = append(config.Orgs[0].Users, emulator.User{ID: fmt.Sprintf("005MANY%08d", i), Username: name(i), Password: "p"})
	}
	for i := range apps {
		config.Apps = append(config.Apps, emulator.App{ClientID: fmt.Sprintf("app%d", i), Scopes: []string{"api", "refresh_token"}})
	}
	s, err := emulator.New(emulator.Options{Config: config})
	if err != nil {
		b.Fatal(err)
	}
	first, err := s.Approve(emulator.ClientIDPublic, emulator.Username, "api", "refresh_token")
	if err != nil {
		b.Fatal(err)
	}
	body := refreshForm(emulator.ClientIDPublic, first.RefreshToken).Encode()
	timed := func() time.Duration {
		began := time.Now()
		for range 20_000 {
			post(b, s, body)
		}
		return time.Since(began)
	}
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		timed()
		alone, before := timed(), memory()
		for user := range users {
			for app := range apps * each {
				if _, err := s.Approve(fmt.Sprintf("app%d", app%apps), name(user)); err != nil {
					b.Fatal(err)
				}
			}
		}
		bytes := memory() - before
		timed() // the maps may grow once more
		b.ReportMetric(float64(bytes)/(users*apps*each), "B/grant")
		b.ReportMetric(alone.Seconds()/timed().Seconds(), "speed-among-them")
		b.ReportMetric(0, "ns/op")
	}
}
