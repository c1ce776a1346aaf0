// Package browser tests what a person sees: the real program, and pages in a real Chromium.
package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sftoken/sftoken/test/need"
)

// browserAddress names the test that waits for an address, in the environment of the program that is to open a browser.
const browserAddress = "SFTOKEN_TEST_BROWSER"

// TestMain lets the test binary be the "browser" that the program starts: it hands the address to the test and is gone.
func TestMain(m *testing.M) {
	if test := os.Getenv(browserAddress); test != "" {
		r, err := http.Post(test, "text/plain", strings.NewReader(os.Args[len(os.Args)-1]))
		if err != nil || r.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

var (
	built    string
	building sync.Once
)

// program returns the path of a sftoken built from this checkout.
func program(t *testing.T) string {
	t.Helper()
	building.Do(func() {
		dir, err := os.MkdirTemp("", "sftoken-test-")
		if err != nil {
			t.Fatal(err)
		}
		built = filepath.Join(dir, "sftoken")
		build := exec.Command("go", "build", "-o", built, "./cmd/sftoken")
		build.Dir = need.Root(t)
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("build sftoken: %v\n%s", err, out)
		}
	})
	if _, err := os.Stat(built); err != nil {
		t.Fatalf("no sftoken: %v", err)
	}
	return built
}

// person is somebody with a home of their own, a terminal and a browser.
type person struct {
	t         *testing.T
	home      string
	language  string
	addresses chan string // that the program opened
	env       []string
	said      []byte // all that the program ever said
}

func newPerson(t *testing.T, language string) *person {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, home: t.TempDir(), language: language, addresses: make(chan string, 4)}
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _ := io.ReadAll(r.Body)
		p.addresses <- string(address)
	}))
	t.Cleanup(desk.Close)
	p.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "TERM=xterm",
		"LANG=" + map[string]string{"en": "en_US.UTF-8", "ja": "ja_JP.UTF-8"}[language],
		"BROWSER=" + self, browserAddress + "=" + desk.URL,
	}
	t.Cleanup(p.leavesNoSecrets)
	return p
}

// run runs a command without a terminal and returns what it printed.
func (p *person) run(v any, args ...string) {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), program(p.t), args...)
	command.Env, command.Dir = p.env, p.home
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	p.said = append(p.said, stderr.Bytes()...)
	if err != nil {
		p.t.Fatalf("sftoken %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	switch v := v.(type) {
	case *string:
		*v = strings.TrimSuffix(string(out), "\n")
	default:
		p.said = append(p.said, out...)
		if err := json.Unmarshal(out, v); err != nil {
			p.t.Fatalf("sftoken %s: %v in %q", strings.Join(args, " "), err, out)
		}
	}
}

// session is a program that runs in a terminal.
type session struct {
	p       *person
	command *exec.Cmd
	screen  *os.File
	ended   chan struct{} // closed when all is read and the program has ended
	mu      sync.Mutex
	text    []byte
	more    *sync.Cond // text has grown, or there will be no more
	closed  bool
}

// start runs a command in a terminal.
func (p *person) start(args ...string) *session {
	p.t.Helper()
	s := &session{p: p, ended: make(chan struct{})}
	s.more = sync.NewCond(&s.mu)
	s.command = exec.Command(program(p.t), args...)
	s.command.Env, s.command.Dir = p.env, p.home
	screen, err := pty.StartWithSize(s.command, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		p.t.Fatal(err)
	}
	s.screen = screen
	go func() {
		defer close(s.ended)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			s.mu.Lock()
			s.text = append(s.text, buffer[:n]...)
			s.closed = err != nil
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil {
				break
			}
		}
		_ = s.command.Wait()
	}()
	p.t.Cleanup(func() {
		_ = s.command.Process.Kill()
		<-s.ended
		_ = screen.Close()
		p.said = append(p.said, s.text...)
	})
	return s
}

// answer waits for a question and types the answer.
func (s *session) answer(question, text string) {
	s.p.t.Helper()
	s.wait(question)
	if _, err := s.screen.WriteString(text + "\r"); err != nil {
		s.p.t.Fatal(err)
	}
}

// line waits for the first line of what the program says.
func (s *session) line() string {
	s.p.t.Helper()
	s.wait("\n")
	line, _, _ := strings.Cut(s.seen(), "\n")
	return line
}

// interrupt presses Ctrl-C.
func (s *session) interrupt() {
	s.p.t.Helper()
	if _, err := s.screen.WriteString("\x03"); err != nil {
		s.p.t.Fatal(err)
	}
}

// wait waits until the program has said text.
func (s *session) wait(text string) {
	s.p.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { _ = s.command.Process.Kill() })
	defer late.Stop()
	s.mu.Lock()
	for !strings.Contains(string(s.text), text) {
		if s.closed {
			s.mu.Unlock()
			s.p.t.Fatalf("the program ended without saying %q:\n%s", text, s.seen())
		}
		s.more.Wait()
	}
	s.mu.Unlock()
}

// address waits for the one that the program opens.
func (s *session) address() string {
	s.p.t.Helper()
	select {
	case address := <-s.p.addresses:
		return address
	case <-s.ended:
		s.p.t.Fatalf("the program ended (%v) before it opened a browser:\n%s", s.command.ProcessState, s.seen())
	case <-time.After(30 * time.Second):
		s.p.t.Fatalf("the program opens no browser:\n%s", s.seen())
	}
	return ""
}

// exits waits for the end and compares the exit code.
func (s *session) exits(code int) {
	s.p.t.Helper()
	select {
	case <-s.ended:
		if got := s.command.ProcessState.ExitCode(); got != code {
			s.p.t.Fatalf("exit code %d, want %d:\n%s", got, code, s.seen())
		}
	case <-time.After(30 * time.Second):
		s.p.t.Fatalf("the program does not end:\n%s", s.seen())
	}
}

func (s *session) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// secrets finds what looks like a Salesforce token, as the emulator mints them too.
var secrets = regexp.MustCompile(`00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{20,}|5Aep861[A-Za-z0-9._]{20,}`)

// leavesNoSecrets looks for tokens in what the program said, the tokens asked for apart, and in what it left in files.
func (p *person) leavesNoSecrets() {
	if found := secrets.Find(p.said); found != nil {
		p.t.Errorf("the program said a token: %.10s…", found)
	}
	err := filepath.WalkDir(p.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if secrets.Match(text) {
			p.t.Errorf("a token lies open in %s", entry.Name())
		}
		if info, err := entry.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			p.t.Errorf("%s can be read by others: %v", entry.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
}

// freeCallback returns a redirect URI on a port that is free now.
func freeCallback(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprintf("http://localhost:%d/callback", listener.Addr().(*net.TCPAddr).Port)
}
