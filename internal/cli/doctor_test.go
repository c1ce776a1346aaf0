package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator"
)

// Proof 4 of issue 6: a healthy set-up takes one line and less than three seconds, with each answer a fifth of a second late.
func TestDoctorOnAHealthySetUp(t *testing.T) {
	t.Parallel()
	for _, clientID := range []string{emulator.ClientIDConfidential, emulator.ClientIDRotating} {
		w := newWard(t)
		w.clientID = clientID
		if clientID == emulator.ClientIDRotating {
			w.secret = ""
		}
		w.logIn()
		w.server.Fail(emulator.Fault{Delay: 200 * time.Millisecond, Times: -1})
		begun := time.Now()
		code, stdout, stderr := w.run("", "doctor", "prod")
		took := time.Since(begun)
		if code != 0 || strings.Count(stdout, "\n") != 1 || !strings.HasPrefix(stdout, "prod is healthy: amelia@acme.example in 00D") || stderr != "" {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
		if took > 3*time.Second {
			t.Errorf("%s: it took %v", clientID, took)
		}
		t.Logf("%s: %v", clientID, took)
		if n := w.server.Grants(emulator.GrantFilter{})[0].Generation; n != 1 {
			t.Errorf("%s: the refresh token was spent: generation %d", clientID, n)
		}
	}
}

// What an access token that is over hides is said, and --refresh finds it out and saves what comes.
func TestDoctorRefreshes(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.clientID, w.secret = emulator.ClientIDRotating, ""
	w.logIn()
	w.server.ExpireSessions()
	w.doctor("prod", "--all")
	if w.answer.Level != "unknown" || !strings.Contains(strings.Join(w.answer.Hints, "\n"), "sftoken doctor prod --refresh") {
		t.Errorf("the verdict is %+v", w.answer)
	}
	w.doctor("prod", "--refresh")
	if w.answer.Level != "ok" {
		t.Errorf("the verdict with --refresh is %+v", w.answer)
	}
	if code, _, stderr := w.run("", "token", "prod", "--min-ttl", "1m"); code != 0 {
		t.Errorf("afterwards token ends with %d\n%s", code, stderr)
	}
	if g := w.server.Grants(emulator.GrantFilter{})[0]; g.RevokedBy != "" || !g.RefreshLives {
		t.Errorf("the grant was lost: %+v", g)
	}
}

// A refresh token that was revoked, and nobody has noticed yet: the app can ask.
func TestDoctorAsksAboutTheRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.logIn()
	w.must(w.server.RevokeGrant(1))
	w.doctor("prod")
	if w.answer.Entry != "refresh-dead" || w.answer.Check != "refresh-token" {
		t.Errorf("the verdict is %s by %s", w.answer.Entry, w.answer.Check)
	}
}

// Five approvals are told of before the sixth kills one, and a failed login of the user by its status.
func TestDoctorReadsTheOrg(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	for range 4 {
		_, err := w.server.Approve(w.clientID, emulator.Username)
		w.must(err)
	}
	w.logIn()
	w.app(func(a *emulator.App) { a.RefreshIPAllowList = []emulator.IPRange{elsewhere} })
	code, _, _ := w.run("", "token", "prod", "--min-ttl", "24h")
	w.app(func(a *emulator.App) { a.RefreshIPAllowList = nil })
	w.doctor("prod")
	seen := map[string]string{}
	for _, f := range w.answer.Findings {
		seen[f.ID] = f.Entry
	}
	if _, ok := seen["approvals-full"]; !ok {
		t.Errorf("five approvals were not seen (token ended with %d): %+v", code, w.answer.Findings)
	}
	if seen["history"] != "ip-restricted" {
		t.Errorf("the login history leads to %q", seen["history"])
	}
}

// The report can be sent to anybody: nothing secret is in it, whatever came back from the other side.
func TestDoctorReport(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "ja"} {
		w := newWard(t)
		w.logIn()
		tokens := w.server.Grants(emulator.GrantFilter{})[0]
		w.server.Fail(emulator.Fault{
			Endpoint: emulator.Data, Status: 403, Times: -1, Header: http.Header{"Content-Type": {"application/json"}},
			Body: `[{"errorCode":"API_CURRENTLY_DISABLED","message":"<b>API is disabled for this User</b> session 00DEMU000000001!AQEAQECODECODECODE refresh_token=5Aep861secretsecretsecret"}]`,
		})
		file := filepath.Join(w.home, "report.html")
		code, stdout, stderr := w.run("", "doctor", "prod", "--lang", language, "--report", file)
		if code != exitFailed || !strings.Contains(stderr, file) {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
		page, err := os.ReadFile(file)
		w.must(err)
		leaks(t, "the report", page)
		leaks(t, "the verdict", []byte(stdout))
		for _, want := range []string{`<html lang="` + language + `">`, "amelia@acme.example", "default-src 'none'", "api-off", "&lt;b&gt;"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: the page lacks %q", language, want)
			}
		}
		for _, not := range []string{"<script", "AQEAQECODE", tokens.RefreshToken, w.clientID} {
			if not != "" && strings.Contains(string(page), not) {
				t.Errorf("%s: the page holds %q", language, not)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the report's mode is %v, %v", info.Mode(), err)
		}
	}
}

// What stands in the way of the next login only is a warning for a login that lives; and a login that was imported without a
// callback is not asked for one.
func TestDoctorWarns(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.logIn()
	w.app(func(a *emulator.App) { a.AnyLoopbackPort, a.Callbacks = false, nil })
	w.doctor("prod", "--all")
	if w.answer.Level != "warning" || w.answer.Entry != "redirect-mismatch" || !strings.HasPrefix(w.answer.Title, "prod works, but: ") {
		t.Errorf("the verdict is %+v", w.answer)
	}
}

// Without a network what the store knows is told all the same.
func TestDoctorWithoutNetwork(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.logIn()
	w.server.Fail(emulator.Fault{Times: -1, Cut: true})
	code, stdout, _ := w.run("", "doctor", "prod", "--all")
	for _, want := range []string{"failure: Connection and certificate", "ok: The login that is kept", "ok: Idle time"} {
		if code != exitTryAgain || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, without %q:\n%s", code, want, stdout)
		}
	}
}

// After rotations only the newest token goes anywhere, and only to be asked about: what the emulator was sent shows it.
func TestDoctorNeverTriesAnOldToken(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.app(func(a *emulator.App) { a.Rotation = true })
	w.logIn()
	for range 2 {
		w.run("", "token", "prod", "--min-ttl", "24h") // refreshes, and says that no token lives so long
	}
	g := w.server.Grants(emulator.GrantFilter{})[0]
	if g.Generation != 3 {
		t.Fatalf("the grant has generation %d", g.Generation)
	}
	w.server.ClearRequests()
	w.doctor("prod", "--all")
	if w.answer.Level != "ok" {
		t.Errorf("the verdict is %+v", w.answer)
	}
	asked := 0
	for _, r := range w.server.Requests() {
		if r.Form.Has("refresh_token") || r.Endpoint == emulator.Token || r.Endpoint == emulator.Revoke {
			t.Errorf("%s %s was sent a refresh token", r.Method, r.Path)
		}
		if token := r.Form.Get("token"); token != "" {
			asked++
			if token != g.RefreshToken {
				t.Errorf("%s was asked about a token that is not the newest", r.Path)
			}
		}
	}
	if asked != 1 {
		t.Errorf("introspection was asked %d times about the refresh token", asked)
	}
}
