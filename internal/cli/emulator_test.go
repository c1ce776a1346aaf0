package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// plainEnv is an environment without terminals, with a home of its own.
func plainEnv(t *testing.T, args ...string) (env *Env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	home := t.TempDir()
	return &Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Now: time.Now,
		Getenv: func(name string) string { return map[string]string{"HOME": home, "SFTOKEN_HOME": home}[name] },
	}, stdout, stderr
}

// runningEmulator is the emulator command in this process, with what its ready line says.
type runningEmulator struct {
	URL    string
	CAFile string `json:"ca_file"`
	PID    int
	Seed   string
	Apps   []struct {
		ClientID  string `json:"client_id"`
		Callbacks []string
	}

	ManageURL   string `json:"manage_url"`
	ManageToken string `json:"manage_token"`

	stderr *lockedBuffer
	stop   context.CancelFunc
	exit   chan int
}

func startEmulator(t *testing.T, args ...string) *runningEmulator {
	t.Helper()
	env, _, _ := plainEnv(t, append([]string{"emulator", "--json", "--addr", "127.0.0.1:0"}, args...)...)
	lines, stdout := io.Pipe()
	e := &runningEmulator{stderr: new(lockedBuffer), exit: make(chan int, 1)}
	env.Stdout, env.Stderr = stdout, e.stderr
	ctx, stop := context.WithCancel(t.Context())
	e.stop = stop
	go func() {
		e.exit <- Run(ctx, env)
		stdout.Close()
	}()
	t.Cleanup(func() { e.end(t) })
	line, err := bufio.NewReader(lines).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no ready line: %v\n%s", err, e.stderr)
	}
	if err := json.Unmarshal(line, e); err != nil {
		t.Fatalf("ready line %q: %v", line, err)
	}
	return e
}

// end stops the command as Ctrl-C does, which is a good end.
func (e *runningEmulator) end(t *testing.T) {
	t.Helper()
	e.stop()
	if code := <-e.exit; code != exitOK {
		t.Errorf("the emulator ended with exit code %d, want 0\n%s", code, e.stderr)
	}
	e.exit <- exitOK // for another end
}

func TestEmulatorAnswers(t *testing.T) {
	t.Parallel()
	e := startEmulator(t, "--verbose")
	if e.PID != os.Getpid() || !slices.ContainsFunc(e.Apps, func(a struct {
		ClientID  string `json:"client_id"`
		Callbacks []string
	},
	) bool {
		return a.ClientID == emulator.ClientIDPublic && slices.Contains(a.Callbacks, e.URL+"/services/oauth2/success")
	}) {
		t.Errorf("ready line %+v", e)
	}
	const token = "5Aep861abcdefghijklmnop"
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"nobody"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if !strings.Contains(string(body), "invalid_client_id") {
		t.Errorf("the token endpoint answers %q", body)
	}
	e.end(t)
	want := " 400 POST /services/oauth2/token client_id=nobody grant_type=refresh_token refresh_token=5Aep…[secret "
	if told := e.stderr.String(); !strings.Contains(told, want) || !strings.Contains(told, "error=invalid_client_id") || strings.Contains(told, token) {
		t.Errorf("--verbose tells %q, want %q and no secret (C-70)", told, want)
	}
}

// A client that trusts the CA file, and nothing else, is served; the next run uses the same files.
func TestEmulatorTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		e := startEmulator(t, "--tls", "--cert-dir", dir)
		if filepath.Dir(e.CAFile) != dir || !strings.HasPrefix(e.URL, "https://127.0.0.1:") {
			t.Errorf("ready line %+v", e)
		}
		pem, err := os.ReadFile(e.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		for trusts, pool := range map[bool]*x509.CertPool{true: x509.NewCertPool(), false: x509.NewCertPool()} {
			if trusts {
				pool.AppendCertsFromPEM(pem)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
			response, err := client.Get(e.URL + "/services/data")
			if (err == nil) != trusts {
				t.Errorf("client that trusts the CA: %t, error %v", trusts, err)
			}
			if err == nil {
				response.Body.Close()
			}
		}
		e.end(t)
	}
}

func TestEmulatorSeedAndConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.toml")
	config := `
[[org]]
id = "00DTEST00000001"
name = "Test"
my_domain = "test1"
[[org.user]]
id = "005TEST00000001"
username = "u@test.example"
password = "secret-1"
[[app]]
client_id = "mine"
callbacks = ["http://localhost:1717/OauthRedirect"]
scopes = ["api", "refresh_token"]
`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e := startEmulator(t, "--config", path, "--seed", "7")
	if len(e.Apps) != 1 || e.Apps[0].ClientID != "mine" {
		t.Errorf("apps are %+v, want the file's", e.Apps)
	}
}

func TestEmulatorBanner(t *testing.T) {
	t.Parallel()
	for lang, title := range map[string]string{"en": "Ctrl-C stops the emulator.", "ja": "Ctrl-C でエミュレーターを停止します。"} {
		env, stdout, stderr := plainEnv(t, "emulator", "--addr", "localhost:0", "--lang", lang)
		ctx, cancel := context.WithCancel(t.Context())
		env.Stderr = writerFunc(func(p []byte) (int, error) {
			n, err := stderr.Write(p)
			if strings.Contains(stderr.String(), title) {
				cancel()
			}
			return n, err
		})
		if code := Run(ctx, env); code != exitOK {
			t.Errorf("exit code %d", code)
		}
		cancel()
		for _, want := range []string{
			"http://localhost:", emulator.Username, emulator.UsernameJa, emulator.Password, emulator.ClientIDConfidential, emulator.ClientSecretConfidential,
			emulator.ClientIDRotating, "http://localhost:1717/OauthRedirect", "sftoken login try --host http://localhost:", " --client-id PlatformCLI\n",
		} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: the banner lacks %q:\n%s", lang, want, stderr)
			}
		}
		if stdout.Len() > 0 || strings.Contains(stderr.String(), "\x1b") || strings.Contains(stderr.String(), "emulator.") && lang == "ja" {
			t.Errorf("%s: stdout %q, stderr %q; want no answer, no colour, no missing text", lang, stdout, stderr)
		}
	}
}

func TestEmulatorRefuses(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() }) // not before the parallel tests below
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "emulator.toml")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name  string
		args  []string
		code  int
		id    string
		wants []string // in the message
	}{
		{"busy port", []string{"--addr", busy.Addr().String()}, exitFailed, "emulator-busy", []string{busy.Addr().String()}},
		{"other machines", []string{"--addr", "0.0.0.0:0"}, exitUsage, "emulator-loopback", []string{"0.0.0.0:0"}},
		{"every address", []string{"--addr", ":0"}, exitUsage, "emulator-loopback", nil},
		{"name that may resolve to anything", []string{"--addr", "localhost.example.com:0"}, exitUsage, "emulator-loopback", nil},
		{"no port", []string{"--addr", "127.0.0.1"}, exitUsage, "emulator-address", nil},
		{"no such file", []string{"--config", "/no/such/file"}, exitUsage, "emulator-config", []string{"/no/such/file", "no such file"}},
		{"not TOML", []string{"--config", file("\n[[app]\n")}, exitUsage, "emulator-config", []string{"emulator.toml", "line 3"}},
		{"wrong type", []string{"--config", file("[[org]]\nname = 3\n")}, exitUsage, "emulator-config", []string{"line 2", "org.name"}},
		{"unknown key", []string{"--config", file("[[org]]\nnam = \"x\"\n")}, exitUsage, "emulator-config", []string{"org.nam"}},
		{"contradiction", []string{"--config", file("[[app]]\nclient_id = \"x\"\n")}, exitUsage, "emulator-config", []string{"no org"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env, stdout, _ := plainEnv(t, append([]string{"emulator", "--json"}, tt.args...)...)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // one that is not refused would run on
			defer cancel()
			code := Run(ctx, env)
			var answer struct{ Error report }
			if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
				t.Fatalf("%q: %v", stdout, err)
			}
			if code != tt.code || answer.Error.Code != tt.id || len(answer.Error.Hints) == 0 {
				t.Errorf("exit %d with %+v, want exit %d with %s and a hint", code, answer.Error, tt.code, tt.id)
			}
			for _, want := range tt.wants {
				if !strings.Contains(answer.Error.Message, want) {
					t.Errorf("message %q, want %q in it", answer.Error.Message, want)
				}
			}
		})
	}
	env, _, stderr := plainEnv(t, "emulator", "--addr", "0.0.0.0:0", "--lang", "ja")
	if Run(t.Context(), env); !strings.HasPrefix(stderr.String(), "error: 0.0.0.0:0 で待ち受けられません") || !strings.Contains(stderr.String(), "\nhint: ") {
		t.Errorf("told as %q", stderr)
	}
}

// The demo without a terminal plays by itself (C-75), uncoloured (C-76), and with --json as one document (C-73).
func TestDemoCommand(t *testing.T) {
	t.Parallel()
	env, stdout, stderr := plainEnv(t, "demo", "--lang", "ja")
	if code := Run(t.Context(), env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for n := 1; n <= 12; n++ {
		if !strings.Contains(stdout.String(), fmt.Sprintf("\n%2d  ", n)) {
			t.Errorf("step %d is missing", n)
		}
	}
	if strings.Contains(stdout.String(), "\x1b") || stderr.Len() > 0 {
		t.Errorf("stdout is coloured, or stderr not empty: %q", stderr)
	}

	env, stdout, stderr = plainEnv(t, "demo", "--json")
	if code := Run(t.Context(), env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var story struct {
		Steps  []struct{ Number int }
		Result struct{ Revoked bool }
		Next   []struct{ Command string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &story); err != nil || len(story.Steps) != 12 || !story.Result.Revoked || len(story.Next) == 0 {
		t.Errorf("%v: %+v", err, story)
	}
}

// A person at a terminal who asks for the address gets it on a line of its own, and time to use it ends.
func TestDemoNoBrowser(t *testing.T) {
	t.Parallel()
	env, stdout, stderr := plainEnv(t, "demo", "--no-browser", "--timeout", "50ms")
	if code := Run(t.Context(), env); code == exitOK || !strings.HasPrefix(stderr.String(), "error: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if !strings.Contains(stdout.String(), "\nhttp://127.0.0.1:") || !strings.Contains(stdout.String(), emulator.Username) {
		t.Errorf("no address or user name:\n%s", stdout)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// The management API is on a listener of its own; strict and trouble reach the emulator.
func TestEmulatorManage(t *testing.T) {
	t.Parallel()
	e := startEmulator(t, "--manage", "127.0.0.1:0", "--strict", "--trouble", "100", "--seed", "7")
	if e.ManageURL == "" || e.ManageToken != "" || e.Seed != "7" {
		t.Fatalf("ready line %+v", e)
	}
	get := func(path string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.ManageURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if config := get("/config"); strings.Contains(config, `"rotation":false`) {
		t.Error("--strict: an app does not rotate")
	}
	if faults := get("/faults"); strings.Count(faults, `"percent":25`) != 4 {
		t.Errorf("--trouble 100: faults %s", faults)
	}
	e.end(t)
	for _, args := range [][]string{{"--manage", "0.0.0.0:0"}, {"--manage", "8485"}, {"--trouble", "101"}} {
		env, _, stderr := plainEnv(t, append([]string{"emulator", "--addr", "127.0.0.1:0"}, args...)...)
		if code := Run(t.Context(), env); code != exitUsage || !strings.Contains(stderr.String(), "error: ") {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
}

// Where other machines can connect, the management API asks for the token that the ready line tells.
func TestEmulatorManageExposed(t *testing.T) {
	t.Parallel()
	e := startEmulator(t, "--manage", "0.0.0.0:0", "--let-other-machines-connect")
	_, port, _ := strings.Cut(strings.TrimPrefix(e.ManageURL, "http://"), ":")
	for token, want := range map[string]int{"": http.StatusUnauthorized, e.ManageToken: http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/clock", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("token %q: %d, want %d", token, response.StatusCode, want)
		}
	}
}
