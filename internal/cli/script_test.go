package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/internal/useragent"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sftoken": func() { os.Exit(recordedMain()) },
		"robot":   func() { os.Exit(robotMain()) },
		"revoke":  func() { os.Exit(revokeMain()) },
	})
}

// TestScripts runs whole commands, in processes and on terminals of their own, against an emulator for each script. After
// each, everything that was printed and everything that lies on the disk is searched for secrets (C-70).
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setupScript,
		Cmds:                scriptCommands(),
		Condition:           portFree,
	})
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"emulator": emulatorCommand,
		"exits":    exitsCommand,
		"search":   searchCommand,
		"busy":     busyCommand,
		"serve":    serveCommand,
		"fields":   fieldsCommand,
	}
}

// secretAnswer reports a command whose answer is a secret by its purpose.
func secretAnswer(arg string) bool {
	return slices.Contains([]string{"token", "refresh-token", "proxy", "export", "credential"}, arg)
}

// recordedMain is Main, with a copy of what goes to pipes for the search. A terminal has its copy in ttyout.
func recordedMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := ProcessEnv()
	env.scryptWork = 8
	path := os.Getenv("TEST_RECORD")
	if path == "" {
		return Run(ctx, env)
	}
	record, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer record.Close()
	if !env.StdoutTTY && !slices.ContainsFunc(env.Args, secretAnswer) {
		env.Stdout = io.MultiWriter(env.Stdout, record)
	}
	if !env.StderrTTY {
		env.Stderr = io.MultiWriter(env.Stderr, record)
	}
	return Run(ctx, env)
}

// robotMain is a browser: robot [MODE] URL. It stays in the background, as browsers do.
func robotMain() int {
	mode, address := "allow", os.Args[len(os.Args)-1]
	if len(os.Args) > 2 {
		mode = os.Args[1]
	}
	if os.Getenv("SFTOKEN_CLIENT_SECRET") != "" {
		fmt.Fprintln(os.Stderr, "robot: the browser was given the client secret (C-70)")
		return 1
	}
	out := os.Getenv("ROBOT_OUT")
	agent := &useragent.Agent{
		Username: os.Getenv("ROBOT_USER"), Password: emulator.Password, Language: os.Getenv("ROBOT_LANGUAGE"),
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
	}
	switch mode {
	case "closed":
		return 0
	case "deny":
		agent.Decision = useragent.Deny
	case "stop": // ends at the callback without fetching it, and leaves the address in a file
		agent.Transport = stopAt{agent.Transport, out}
	case "forge": // first a stranger's requests (C-24, C-25)
		redirect, _ := url.Parse(address)
		callback := redirect.Query().Get("redirect_uri")
		for _, stray := range []string{callback + "?state=wrong&code=wrong", callback, strings.TrimSuffix(callback, "/OauthRedirect") + "/favicon.ico"} {
			if response, err := http.Get(stray); err == nil {
				response.Body.Close()
			}
		}
	}
	page, err := agent.Visit(context.Background(), address)
	if err != nil {
		if mode == "stop" {
			return 0
		}
		fmt.Fprintln(os.Stderr, "robot:", err)
		return 1
	}
	if out != "" {
		_ = os.WriteFile(out, fmt.Appendf(nil, "%d\n%s\n%s\n%s\n", page.Status, page.URL, page.Title, page.Text), 0o600)
	}
	return 0
}

// revokeMain revokes the token in a file at the emulator, as an administrator might: revoke FILE.
func revokeMain() int {
	token, err := os.ReadFile(os.Args[1])
	if err != nil {
		return 1
	}
	response, err := http.PostForm(os.Getenv("EMULATOR")+"/services/oauth2/revoke", url.Values{"token": {strings.TrimSpace(string(token))}})
	if err != nil || response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

type stopAt struct {
	http.RoundTripper
	out string
}

func (s stopAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("code") && r.URL.Query().Has("state") && r.URL.Path != "/services/oauth2/authorize" {
		_ = os.WriteFile(s.out, []byte(r.URL.String()+"\n"), 0o600)
		return nil, errors.New("stopped")
	}
	return s.RoundTripper.RoundTrip(r)
}

// bench is the emulator of one script and what its commands keep.
type bench struct {
	emulator *emulator.Server
	server   *httptest.Server
	mu       sync.Mutex
	closers  []io.Closer
}

type benchKey struct{}

func setupScript(env *testscript.Env) error {
	server, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	b := &bench{emulator: server, server: httptest.NewServer(server)}
	env.Values[benchKey{}] = b
	_, port, _ := net.SplitHostPort(b.server.Listener.Addr().String())
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	record := filepath.Join(env.WorkDir, "record")
	free := freePort()
	for name, value := range map[string]string{
		"HOME":         home,
		"EMULATOR":     "http://localhost:" + port,
		"REDIRECT":     "http://localhost:" + free + "/OauthRedirect",
		"REDIRECT_IP":  "http://127.0.0.1:" + free + "/OauthRedirect",
		"PORT":         free,
		"CONFIDENTIAL": emulator.ClientIDConfidential,
		"SECRET":       emulator.ClientSecretConfidential,
		"PUBLIC":       emulator.ClientIDPublic,
		"ROTATING":     emulator.ClientIDRotating,
		"NOREFRESH":    emulator.ClientIDNoRefresh,
		"ROBOT_USER":   emulator.Username,
		"USER_JA":      emulator.UsernameJa,
		"TEST_RECORD":  record,
		"SFTOKEN_KEYS": "file",
		"BROWSER":      "robot",
		"TERM":         "xterm",
		"LANG":         "C",
	} {
		env.Setenv(name, value)
	}
	env.Defer(func() {
		b.server.Close()
		for _, closer := range b.closers {
			closer.Close()
		}
		searchFiles(env.T(), record, home)
	})
	return nil
}

func freePort() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// secretShapes are what must be nowhere: Salesforce's tokens, ID tokens, codes in addresses, the seeded client secret.
var secretShapes = []*regexp.Regexp{
	regexp.MustCompile(`00D[0-9A-Za-z]{12,15}![0-9A-Za-z._]+`),
	regexp.MustCompile(`5Aep[0-9A-Za-z._]{20,}`),
	regexp.MustCompile(`eyJ[0-9A-Za-z_-]{10,}\.`),
	regexp.MustCompile(`[?&]code=[0-9A-Za-z]`),
	regexp.MustCompile(`aPrx[0-9A-Za-z._]{20,}`),
	regexp.MustCompile(emulator.ClientSecretConfidential),
	regexp.MustCompile(`PRIVATE KEY-----\s+[0-9A-Za-z+/]`),
}

func searchFiles(t testscript.T, paths ...string) {
	for _, root := range paths {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			content, _ := os.ReadFile(path)
			searchText(t, path, string(content))
			return nil
		})
	}
}

func searchText(t testscript.T, where, text string) {
	for _, shape := range secretShapes {
		if found := shape.FindString(text); found != "" {
			t.Fatal(fmt.Sprintf("%s: a secret was found that matches %s: %.12s…", where, shape, found))
		}
	}
}

// search searches what a terminal showed: search ttyout.
func searchCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		for _, shape := range secretShapes {
			if found := shape.FindString(ts.ReadFile(name)); found != "" {
				ts.Fatalf("%s: a secret was found that matches %s: %.12s…", name, shape, found)
			}
		}
	}
}

// exits runs a command and checks its exit code: exits 4 sftoken token prod.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		code = -1
		var exit interface{ ExitCode() int }
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// busy occupies the script's redirect port.
func busyCommand(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
	ts.Check(err)
	keep(ts, listener)
}

func keep(ts *testscript.TestScript, c io.Closer) {
	b := ts.Value(benchKey{}).(*bench)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closers = append(b.closers, c)
}

// serve starts a server that answers everything with an HTML page, as a proxy's sign-in does: serve html NAME sets NAME.
func serveCommand(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><title>Sign in to the network</title>Please sign in.</html>")
	}))
	keep(ts, closerFunc(server.Close))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	ts.Setenv(args[1], "http://localhost:"+port)
}

// fields sets an upper-case variable for each text of a JSON object: fields FILE.
func fieldsCommand(ts *testscript.TestScript, _ bool, args []string) {
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &object))
	for name, value := range object {
		if text, ok := value.(string); ok {
			ts.Setenv(strings.ToUpper(name), text)
		}
	}
}

type closerFunc func()

func (f closerFunc) Close() error { f(); return nil }
