package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/explain"
)

// ward is a person with a machine, an org and an app, whose logins fail.
type ward struct {
	t      *testing.T
	at     *emulatortest.Server
	server *emulator.Server
	home   string

	host, clientID, secret, redirect, scopes, paste string
	more                                            []string
	deny                                            bool
	late                                            time.Duration // between the browser and the terminal

	said    string // what the failing command said
	offered string // the doctor's command that it offered
	answer  doctorAnswer
}

func newWard(t *testing.T) *ward {
	at, home := emulatortest.Start(t), filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return &ward{
		t: t, at: at, server: at.Emulator(), home: home, host: at.URL, scopes: "api,refresh_token",
		clientID: emulator.ClientIDConfidential, secret: emulator.ClientSecretConfidential, redirect: "http://localhost:" + freePort() + "/OauthRedirect",
	}
}

func (w *ward) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) app(change func(*emulator.App)) {
	w.t.Helper()
	w.must(w.server.UpdateApp(w.clientID, change))
}

// run runs a command in this process and returns what it wrote.
func (w *ward) run(stdin string, args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	env, out, errs := plainEnv(w.t, args...)
	env.Stdin = strings.NewReader(stdin)
	env.Getenv = func(name string) string {
		return map[string]string{"HOME": w.home, "SFTOKEN_HOME": w.home, "SFTOKEN_KEYS": "file", "BROWSER": "true"}[name]
	}
	env.Environ = func() []string { return nil }
	code = Run(w.t.Context(), env)
	return code, out.String(), errs.String()
}

var (
	errorLine = regexp.MustCompile(`(?m)^error: (.*)$`)
	offerLine = regexp.MustCompile(`(?m)^hint: .*: (sftoken doctor .*)$`)
	lastWord  = regexp.MustCompile(`'([^']+)'$`)
)

// failed notes what a failing command said.
func (w *ward) failed(code int, stdout, stderr string) {
	w.t.Helper()
	line := errorLine.FindStringSubmatch(stderr)
	if code == 0 || line == nil {
		w.t.Fatalf("exit code %d, want a failure\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
	w.said = line[1]
	if offer := offerLine.FindStringSubmatch(stderr); offer != nil {
		w.offered = offer[1]
	}
}

// flags say which app is meant.
func (w *ward) flags() []string {
	flags := []string{"--host", w.host, "--client-id", w.clientID, "--redirect-uri", w.redirect, "--scope", strings.ReplaceAll(w.scopes, " ", ",")}
	if w.secret != "" {
		flags = append(flags, "--client-secret-file", w.secretFile())
	}
	return append(flags, w.more...)
}

// begin logs in as far as the browser gets, and returns the address where it ended and the command that takes it.
func (w *ward) begin() (address string, finish []string) {
	w.t.Helper()
	code, stdout, stderr := w.run("", append([]string{"login", "start", "prod", "--json"}, w.flags()...)...)
	var started startAnswer
	if code != 0 || json.Unmarshal([]byte(stdout), &started) != nil {
		w.t.Fatalf("login start: exit code %d\n%s%s", code, stdout, stderr)
	}
	address = w.paste
	if address == "" {
		browser := w.at.NewBrowser(emulator.Username)
		browser.Deny = w.deny
		end, err := browser.Visit(started.URL)
		w.must(err)
		address = end.String()
	}
	w.server.Advance(w.late)
	return address, []string{"login", "finish", started.ID}
}

// logIn logs in, which works.
func (w *ward) logIn() {
	w.t.Helper()
	address, finish := w.begin()
	if code, stdout, stderr := w.run(address+"\n", finish...); code != 0 {
		w.t.Fatalf("login: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// login logs in, which fails, and returns the address where the browser ended. The state in it is of no use any more.
func (w *ward) login() string {
	w.t.Helper()
	address, finish := w.begin()
	w.failed(w.run(address+"\n", finish...))
	if w.offered == "" && !w.deny {
		w.t.Error("the login did not offer the doctor")
	}
	return address
}

// by logs in by another flow than the web server's, which fails.
func (w *ward) by(flow, stdin string, more ...string) {
	w.t.Helper()
	args := []string{"login", "prod", "--flow", flow, "--host", w.host, "--client-id", w.clientID}
	w.failed(w.run(stdin, append(args, more...)...))
}

// secretFile holds the consumer secret.
func (w *ward) secretFile() string {
	w.t.Helper()
	file := filepath.Join(w.home, "secret.txt")
	w.must(os.WriteFile(file, []byte(w.secret), 0o600))
	return file
}

// token asks for a token that lives longer than any that is kept, which fails.
func (w *ward) token() { w.t.Helper(); w.failed(w.run("", "token", "prod", "--min-ttl", "24h")) }

// doctor asks the doctor, about the app if no alias is named. It must change nothing at Salesforce, nor spend anything it was
// not told to.
func (w *ward) doctor(args ...string) {
	w.t.Helper()
	if len(args) > 0 && args[0] == w.said {
		if word := lastWord.FindStringSubmatch(w.offered); word != nil {
			args[0] = word[1] // what login had the person type
		}
	}
	if len(args) == 0 || args[0] != "prod" && len(args) == 1 {
		args = append(args, w.flags()...)
	}
	spends := len(args) > 1 && args[1] == "--refresh"
	before, asked := w.server.Grants(emulator.GrantFilter{}), w.server.TokenRequests()
	begun := time.Now()
	code, stdout, stderr := w.run("", append([]string{"doctor", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &w.answer); err != nil {
		w.t.Fatalf("doctor: %v\n%s%s", err, stdout, stderr)
	}
	if (code == 0) != (w.answer.Level != "failure") {
		w.t.Errorf("doctor: exit code %d with the verdict %s", code, w.answer.Level)
	}
	w.t.Logf("doctor took %v", time.Since(begun).Round(time.Millisecond))
	if spends {
		return
	}
	if n := w.server.TokenRequests() - asked; n != 0 {
		w.t.Errorf("doctor made %d token requests", n)
	}
	slides := cmpopts.IgnoreFields(emulator.AccessToken{}, "Expires") // with each call of the API
	if diff := cmp.Diff(before, w.server.Grants(emulator.GrantFilter{}), slides); diff != "" {
		w.t.Errorf("doctor changed grants (-before +after):\n%s", diff)
	}
}

func titleOf(t *testing.T, entry string) string {
	t.Helper()
	found := explain.Lookup(entry)
	if found == nil {
		t.Fatalf("%q is no entry", entry)
	}
	return found.Title(language.English)
}

// leaks fails if a text holds one of the secrets that the emulator gave or was given.
func leaks(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, shape := range secretShapes {
		if found := shape.Find(text); found != nil {
			t.Errorf("%s holds a secret that matches %s", what, shape)
		}
	}
	if bytes.Contains(text, []byte(emulator.Password)) {
		t.Errorf("%s holds the password", what)
	}
}
