package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"golang.org/x/sys/unix"
)

// screen is sftoken on a terminal of its own.
type screen struct {
	t        *testing.T
	terminal *os.File // the person's side
	line     *os.File // the program's side, held open to look at its mode afterwards
	cmd      *exec.Cmd
	home     string

	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

// sit starts sftoken with these arguments on a new terminal, with an empty home.
func sit(t *testing.T, environment []string, args ...string) *screen {
	t.Helper()
	s := &screen{t: t, home: t.TempDir(), news: make(chan struct{}, 1)}
	s.terminal, s.line = openTerminal(t)
	s.cmd = exec.Command("sftoken", args...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.line, s.line, s.line
	s.cmd.Env = append([]string{
		"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "LANG=C", "SFTOKEN_KEYS=file", "NO_COLOR=1",
		"BROWSER=robot", "ROBOT_USER=" + emulator.Username,
	}, environment...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		s.terminal.Close()
		s.line.Close()
		for _, shape := range secretShapes {
			// A pasted code is echoed by the terminal; it is spent by then.
			pasted := strings.Contains(shape.String(), "code=") || strings.Contains(shape.String(), "aPrx")
			if !pasted && shape.MatchString(s.seen()) {
				t.Errorf("the terminal showed a secret that matches %s", shape)
			}
		}
	})
	return s
}

func openTerminal(t *testing.T) (terminal, line *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("no terminal to be had: %v", err)
	}
	number, err := unix.IoctlGetUint32(int(terminal.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 300}); err != nil {
		t.Fatal(err)
	}
	return terminal, line
}

func (s *screen) read() {
	chunk := make([]byte, 4096)
	for {
		n, err := s.terminal.Read(chunk)
		s.mu.Lock()
		s.text.Write(chunk[:n])
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

var controls = regexp.MustCompile(`\x1b\[[0-9;?>=]*\$?[a-zA-Z]|\x1b[78]`)

// seen is what was printed, without control sequences; raw has them.
func (s *screen) seen() string { return controls.ReplaceAllString(s.raw(), "") }

func (s *screen) raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// wait waits until the pattern is on the screen, and returns what matched.
func (s *screen) wait(pattern string) string {
	s.t.Helper()
	expression := regexp.MustCompile(pattern)
	timeout := time.After(20 * time.Second)
	for {
		if found := expression.FindString(s.seen()); found != "" {
			return found
		}
		select {
		case <-s.news:
		case <-timeout:
			s.t.Fatalf("%q did not come; the screen:\n%s", pattern, s.seen())
		}
	}
}

// answer waits for a question and types the answer.
func (s *screen) answer(question, text string) {
	s.t.Helper()
	s.wait(question)
	s.waitReady(question)
	s.write(text + "\r")
}

// waitReady waits until the program reads the answer: a drawn prompt reads single keys, and a secret is not echoed. What
// is typed before that would be lost or shown.
func (s *screen) waitReady(question string) {
	s.t.Helper()
	var flag uint32
	switch {
	case !slices.Contains(s.cmd.Env, "TERM=dumb"):
		flag = unix.ICANON
	case strings.Contains(question, "secret"):
		flag = unix.ECHO
	default:
		return
	}
	for range 2000 {
		if !s.has(flag) {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	s.t.Fatalf("%q: the terminal's mode did not change", question)
}

func (s *screen) write(text string) {
	s.t.Helper()
	if _, err := s.terminal.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) has(flag uint32) bool {
	mode, err := unix.IoctlGetTermios(int(s.line.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return mode.Lflag&flag != 0
}

// exit waits for the end and returns the exit code.
func (s *screen) exit(limit time.Duration) int {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(limit):
		s.t.Fatalf("it did not end within %v; the screen:\n%s", limit, s.seen())
		return -1
	}
}

// grants counts the logins that were kept.
func (s *screen) grants() int {
	n := 0
	_ = filepath.WalkDir(s.home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".grant") {
			n++
		}
		return nil
	})
	return n
}

func redirectURI() string { return "http://localhost:" + freePort() + "/OauthRedirect" }

// TestPrompts logs in by answering questions, a wrong answer among them: with prompts that are drawn, and with plain lines
// (TERM=dumb, C-76).
func TestPrompts(t *testing.T) {
	t.Parallel()
	for _, terminal := range []string{"xterm", "dumb"} {
		t.Run(terminal, func(t *testing.T) {
			t.Parallel()
			server := emulatortest.Start(t)
			s := sit(t, []string{"TERM=" + terminal}, "login", "--redirect-uri", redirectURI())
			s.answer(`Login host: ?`, "evil.example.com")
			s.wait(`\* This host is not Salesforce's`)
			s.answer(`Salesforce's.*\s+Login host`, server.URL)
			s.answer(`Client id`, emulator.ClientIDConfidential)
			s.answer(`Client secret`, emulator.ClientSecretConfidential)
			s.answer(`Call this login`, "mine")
			s.wait(`Logged in as amelia@acme\.example`)
			if code := s.exit(5 * time.Second); code != exitOK || s.grants() != 1 {
				t.Errorf("exit code %d, %d logins kept", code, s.grants())
			}
			if terminal == "dumb" && strings.Contains(s.raw(), "\x1b[") {
				t.Errorf("a dumb terminal was sent control sequences: %q", s.raw())
			}
		})
	}
}

// TestInterrupt presses Ctrl-C at every prompt and while waiting: exit 130 at once, nothing kept, and the terminal as it
// was (C-33).
func TestInterrupt(t *testing.T) {
	t.Parallel()
	questions := []string{`Login host`, `Client id`, `Client secret`, `Call this login`, `Waiting for`}
	for _, terminal := range []string{"xterm", "dumb"} {
		for at, question := range questions {
			t.Run(terminal+"/"+strings.Trim(question, "`"), func(t *testing.T) {
				t.Parallel()
				server := emulatortest.Start(t)
				s := sit(t, []string{"TERM=" + terminal, "BROWSER="}, "login", "--no-browser", "--redirect-uri", redirectURI())
				answers := []string{server.URL, emulator.ClientIDConfidential, emulator.ClientSecretConfidential, "mine"}
				for i := range at {
					s.answer(questions[i], answers[i])
				}
				s.wait(question)
				if at < len(answers) {
					s.waitReady(question)
				}
				s.write("\x03")
				if code := s.exit(2 * time.Second); code != exitInterrupted || s.grants() != 0 {
					t.Errorf("exit code %d, want 130; %d logins kept", code, s.grants())
				}
				if !s.has(unix.ECHO) || !s.has(unix.ICANON) {
					t.Error("the terminal was not put back as it was")
				}
			})
		}
	}
}

// TestInterruptExchange presses Ctrl-C while the token endpoint hangs.
func TestInterruptExchange(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	server.Emulator().Fail(emulator.Fault{Endpoint: emulator.Token, Delay: time.Minute})
	s := sit(t, nil, "login", "mine", "--host", server.URL,

		"--client-id", emulator.ClientIDPublic, "--redirect-uri", redirectURI(), "--browser", "robot")
	s.answer(`Client secret`, "")
	s.wait(`Getting the tokens`)
	s.write("\x03")
	// The browser is still given the page that says what happened, for two seconds at most.
	if code := s.exit(5 * time.Second); code != exitInterrupted || s.grants() != 0 {
		t.Errorf("exit code %d, %d logins kept", code, s.grants())
	}
}

// TestPaste logs in with an address that the browser on another machine ended at (C-34), after a slip in pasting. The
// second case has a redirect URI that nobody can listen on: paste mode comes by itself.
func TestPaste(t *testing.T) {
	t.Parallel()
	for name, landing := range map[string]func(*emulatortest.Server) string{
		"listening":  func(*emulatortest.Server) string { return redirectURI() },
		"paste only": func(s *emulatortest.Server) string { return s.URL + "/services/oauth2/success" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := emulatortest.Start(t)
			s := sit(t, []string{"BROWSER="}, "login", "mine", "--no-browser", "--host", server.URL,
				"--client-id", emulator.ClientIDPublic, "--redirect-uri", landing(server))
			s.answer(`Client secret`, "")
			address := strings.TrimSpace(s.wait(`\n` + regexp.QuoteMeta(server.URL) + `/services/oauth2/authorize\?\S+`))
			s.wait(`\n> `)
			s.write("no address\n")
			s.wait(`paste again`)
			end, err := server.NewBrowser(emulator.Username).Visit(address)
			if err != nil {
				t.Fatal(err)
			}
			s.write(end.String() + "\n")
			s.wait(`Logged in as amelia@acme\.example`)
			if code := s.exit(5 * time.Second); code != exitOK || s.grants() != 1 {
				t.Errorf("exit code %d, %d logins kept", code, s.grants())
			}
		})
	}
}

// TestPasteToken logs in by the user-agent flow: the token stands behind the # of the address that the browser ends at, and
// what is pasted is not shown.
func TestPasteToken(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	s := sit(t, []string{"BROWSER="}, "login", "mine", "--flow", "user-agent", "--no-browser", "--host", server.URL,
		"--client-id", emulator.ClientIDPublic, "--redirect-uri", redirectURI())
	s.answer(`Client secret`, "")
	address := strings.TrimSpace(s.wait(`\n` + regexp.QuoteMeta(server.URL) + `/services/oauth2/authorize\?\S+`))
	end, err := server.NewBrowser(emulator.Username).Visit(address)
	if err != nil {
		t.Fatal(err)
	}
	s.answer(`Address`, end.String())
	said := s.wait(`Logged in as amelia@acme\.example`)
	if strings.Contains(said, "access_token=") {
		t.Error("the token was shown as it was pasted")
	}
	if code := s.exit(5 * time.Second); code != exitOK || s.grants() != 1 {
		t.Errorf("exit code %d, %d logins kept", code, s.grants())
	}
}

// TestPasteError pastes the address of Salesforce's error page: the reason in it ends the wait.
func TestPasteError(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	s := sit(t, []string{"BROWSER="}, "login", "mine", "--no-browser", "--host", server.URL,
		"--client-id", emulator.ClientIDPublic, "--redirect-uri", redirectURI())
	s.answer(`Client secret`, "")
	s.wait(`\n> `)
	s.write("http://localhost:1717/OauthRedirect?error=OAUTH_APP_BLOCKED&error_description=" + url.QueryEscape("this app is blocked by admin") + "\n")
	s.wait(`error: `)
	if code := s.exit(5 * time.Second); code != exitBlocked {
		t.Errorf("exit code %d, want %d", code, exitBlocked)
	}
}

// TestLogoutAll asks before it logs out of everything; no is the answer that Enter gives.
func TestLogoutAll(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	s := sit(t, nil, "login", "mine", "--host", server.URL, "--client-id", emulator.ClientIDPublic, "--redirect-uri", redirectURI())
	s.answer(`Client secret`, "")
	s.wait(`Logged in as`)
	s.exit(5 * time.Second)
	again := sit(t, []string{"HOME=" + s.home}, "logout", "--all")
	again.wait(`Log out of 1 logins \(mine\)\?`)
	again.waitReady("")
	again.write("\r")
	if code := again.exit(5 * time.Second); code != exitRefused || s.grants() != 1 {
		t.Errorf("exit code %d, want %d; %d logins kept", code, exitRefused, s.grants())
	}
}
