package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/callback"
	"github.com/sftoken/sftoken/internal/login"
	"github.com/sftoken/sftoken/internal/message"
	"github.com/sftoken/sftoken/internal/useragent"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTexts(t *testing.T) {
	t.Parallel()
	message.Check(t, files)
}

// The story is told in both languages, as text and as JSON, and no secret of it gets out (C-70).
func TestStory(t *testing.T) {
	t.Parallel()
	for _, tag := range []language.Tag{language.English, language.Japanese} {
		t.Run(tag.String(), func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			var issued secrets
			printer := &Printer{To: &text, Language: tag}
			printer.Intro()
			story, err := Run(t.Context(), Options{Audience: printer, Language: tag, wrap: issued.watch})
			if err != nil {
				t.Fatalf("%v\n%s", err, &text)
			}
			printer.End(story)
			document, err := json.MarshalIndent(story, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "story."+tag.String()+".txt", normal(text.String()))
			golden(t, "story."+tag.String()+".json", normal(string(document)))
			issued.mustNotBeIn(t, text.String(), string(document))
			for line := range strings.Lines(text.String()) {
				if n := cells(strings.TrimRight(line, "\n")); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			checkSteps(t, story)
			checkGone(t, story)
		})
	}
}

func checkSteps(t *testing.T, story *Story) {
	t.Helper()
	var ids []string
	for i, s := range story.Steps {
		if s.Number != i+1 {
			t.Errorf("step %s is number %d, want %d", s.ID, s.Number, i+1)
		}
		ids = append(ids, s.ID)
	}
	// The texts speak of steps 5 and 7.
	want := []string{"app", "authorize", "signin", "allow", "exchange", "keep", "refresh", "again", "old", "identity", "revoke", "over"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	r := story.Result
	if !r.OldIsDead || !r.GrantLived || !r.Revoked || len(slices.Compact(slices.Clone(r.RefreshTokens))) != 3 {
		t.Errorf("result %+v, want three refresh tokens, the old one dead, the grant alive until it was revoked", r)
	}
}

// checkGone makes sure that the demo keeps what it says: nothing.
func checkGone(t *testing.T, story *Story) {
	t.Helper()
	for _, s := range story.Steps {
		for _, f := range s.Facts {
			if f.ID != "file" {
				continue
			}
			if root, _, _ := strings.Cut(f.Value, string(filepath.Separator)+"data"); root == "" || exists(root) {
				t.Errorf("%s is still there", root)
			}
		}
	}
	if connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(story.Emulator, "http://")); err == nil {
		connection.Close()
		t.Error("the emulator still answers")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A person at a browser: told where to go, signs in at the second try, and the story goes on.
func TestPersonSignsIn(t *testing.T) {
	t.Parallel()
	heard := new(audience)
	var person sync.WaitGroup
	defer person.Wait()
	_, err := Run(t.Context(), Options{Audience: heard, Open: func(ctx context.Context, address string) error {
		if _, err := (&useragent.Agent{Username: emulator.Username, Password: "mistyped"}).Visit(ctx, address); !errors.Is(err, useragent.ErrRefused) {
			t.Errorf("wrong password: %v, want ErrRefused", err)
		}
		person.Go(func() {
			page, err := (&useragent.Agent{Username: heard.visit.Username, Password: heard.visit.Password}).Visit(ctx, address)
			if err != nil || page.Status != http.StatusOK {
				t.Errorf("the browser ends at %+v, %v", page, err)
			}
		})
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if heard.steps != 12 || heard.visit.Timeout != DefaultTimeout || !strings.HasPrefix(heard.visit.Address, "http://127.0.0.1:") {
		t.Errorf("heard %+v", heard)
	}
}

func TestWithoutBrowserTheAgentGoes(t *testing.T) {
	t.Parallel()
	heard, broken := new(audience), errors.New("no display")
	_, err := Run(t.Context(), Options{Audience: heard, Open: func(context.Context, string) error { return broken }})
	if err != nil {
		t.Fatal(err)
	}
	if heard.alone != broken || heard.steps != 12 {
		t.Errorf("heard %+v", heard)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	var person sync.WaitGroup
	defer person.Wait()
	tests := []struct {
		name string
		ctx  context.Context
		o    Options
		want func(error) bool
	}{
		{"time is up", t.Context(), Options{Timeout: time.Millisecond, Open: func(context.Context, string) error { return nil }}, is(login.ErrTimeout)},
		{"Ctrl-C", cancelled, Options{Open: func(context.Context, string) error { cancel(); return nil }}, is(context.Canceled)},
		{"port busy", t.Context(), Options{Port: busy.Addr().(*net.TCPAddr).Port}, func(err error) bool {
			_, ok := errors.AsType[*callback.PortBusyError](err)
			return ok
		}},
		{"the person says no", t.Context(), Options{Open: func(ctx context.Context, address string) error {
			person.Go(func() {
				agent := &useragent.Agent{Username: emulator.Username, Password: emulator.Password, Decision: useragent.Deny}
				if _, err := agent.Visit(ctx, address); err != nil {
					t.Error(err)
				}
			})
			return nil
		}}, is(sftoken.ErrDenied)},
		{"the agent meets a broken page", t.Context(), Options{wrap: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}}, func(err error) bool { return strings.Contains(err.Error(), "/services/oauth2/authorize: EOF") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Run(tt.ctx, tt.o); err == nil || !tt.want(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

type audience struct {
	visit Visit
	alone error
	steps int
}

func (a *audience) Visit(v Visit)   { a.visit = v }
func (a *audience) Alone(err error) { a.alone = err }
func (a *audience) Step(Step)       { a.steps++ }

// secrets collects every secret that passes between anybody and the emulator, by reading the plain wire.
type secrets struct {
	mu   sync.Mutex
	seen map[string]string // value → name
}

func (s *secrets) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked bytes.Buffer
		_, _ = asked.ReadFrom(r.Body)
		r.Body = nopCloser{bytes.NewReader(asked.Bytes())}
		answer := &copyWriter{ResponseWriter: w}
		next.ServeHTTP(answer, r)

		form, _ := url.ParseQuery(asked.String())
		s.note(form)
		s.note(r.URL.Query())
		if u, err := url.Parse(w.Header().Get("Location")); err == nil {
			s.note(u.Query())
		}
		var fields map[string]any
		if json.Unmarshal(answer.body.Bytes(), &fields) == nil {
			for name, value := range fields {
				s.note(url.Values{name: {fmt.Sprint(value)}})
			}
		}
		for _, c := range r.Cookies() {
			s.note(url.Values{"cookie": {c.Value}})
		}
	})
}

func (s *secrets) note(form url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]string{}
	}
	for _, name := range []string{"access_token", "refresh_token", "signature", "code", "state", "code_verifier", "client_secret", "csrf", "pw", "cookie", "token"} {
		if value := form.Get(name); len(value) > 7 {
			s.seen[value] = name
		}
	}
}

func (s *secrets) mustNotBeIn(t *testing.T, outputs ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]int{}
	for secret, name := range s.seen {
		names[name]++
		for _, output := range outputs {
			if strings.Contains(output, secret) || strings.Contains(output, url.QueryEscape(secret)) {
				t.Errorf("the output tells a %s", name)
			}
		}
	}
	// An access token is also seen as the token of an introspection, under whichever name came last.
	if names["access_token"]+names["refresh_token"]+names["token"] < 6 || names["code"] == 0 || names["client_secret"] == 0 || names["code_verifier"] == 0 {
		t.Errorf("only these were watched for: %v", names)
	}
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

type copyWriter struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (w *copyWriter) Write(p []byte) (int, error) {
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// normal replaces what differs from run to run. Fingerprints are numbered as they appear, so that the golden files show
// which secrets are the same and which have changed.
func normal(text string) string {
	numbers := map[string]int{}
	text = regexp.MustCompile(`\[secret [0-9a-f]{8}\]`).ReplaceAllStringFunc(text, func(s string) string {
		if s == "[secret 4f2a91c0]" { // the introduction's
			return s
		}
		if numbers[s] == 0 {
			numbers[s] = len(numbers) + 1
		}
		return fmt.Sprintf("[secret %d]", numbers[s])
	})
	for _, r := range []struct{ old, new string }{
		{`("value": ").*sftoken-demo-\d+.*"`, `${1}FILE"`},
		{`(127\.0\.0\.1|localhost):\d{5}`, "$1:PORT"},
		{`\b[A-Za-z0-9_-]{43}(\s|"|$)`, "CHALLENGE$1"},
		{`\b1[0-9]{9,12}\b`, "TIME"},
		{`(?m)^(    (?:file|ファイル) +).*$`, "${1}FILE"},
		{`\d+( bytes| バイト)`, "N$1"},
		{`(and |ほか )\d+( more| 項目)`, "${1}N$2"},
		{`source=[^"\s]+|"source": ".*"`, "SOURCE"},
		{`[\d.]+ (s|秒)(\.| )|\d\.\d 秒`, "N $1$2"},
		{`"seconds": [\d.e-]+`, `"seconds": 0`},
		{`"[0-9a-f]{8}"`, `"FINGERPRINT"`},
	} {
		text = regexp.MustCompile(r.old).ReplaceAllString(text, r.new)
	}
	return text
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}
