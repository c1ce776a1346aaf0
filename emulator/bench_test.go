package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

// BenchmarkBareHandler is the yardstick: the same form parsed, a body of the same size written.
func BenchmarkBareHandler(b *testing.B) {
	_, body := refreshBody(b)
	answer := []byte(strings.Repeat("x", 600))
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || r.Form.Get("grant_type") != "refresh_token" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write(answer)
	})
	for b.Loop() {
		post(b, bare, body)
	}
}
