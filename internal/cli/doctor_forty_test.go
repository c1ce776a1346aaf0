package cli

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/test/need"
)

// row is one of the forty failures of docs/en/explain.md: how it is brought about, what the failing command says, and which
// of doctor's checks finds it. A row without fail cannot be brought about here, for the reason that docs/*/doctor.md gives;
// its words must lead to the entry all the same.
type row struct {
	number int
	entry  string
	check  string       // that decides
	fail   func(*ward)  // fails a command, and asks doctor
	words  string       // of a row without fail
	flow   explain.Flow // of words
	with   string       // what is told apart within the entry, in the findings
}

// elsewhere are addresses that no test comes from (RFC 5737).
const elsewhere emulator.IPRange = "203.0.113.0/24"

func faultOf(endpoint emulator.Endpoint, status int, code, description string) emulator.Fault {
	return emulator.Fault{
		Endpoint: endpoint, Status: status, Times: -1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description),
	}
}

func apiFault(status int, code, message string) emulator.Fault {
	return emulator.Fault{
		Endpoint: emulator.Data, Status: status, Times: -1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Sprintf(`[{"errorCode":%q,"message":%q}]`, code, message),
	}
}

var forty = []row{
	{number: 1, entry: "refresh-dead", check: "grant", fail: func(w *ward) {
		w.logIn()
		w.must(w.server.RevokeGrant(1))
		w.token()
		w.doctor("prod")
	}},
	{number: 2, entry: "app-not-installed", check: "pasted", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.NotInstalled = true })
		w.doctor(w.login())
	}},
	{number: 3, entry: "redirect-mismatch", check: "authorize", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.AnyLoopbackPort = false })
		w.login()
		w.doctor()
	}, with: "redirect-known"},
	{number: 4, entry: "client-id-unknown", check: "authorize", fail: func(w *ward) {
		w.clientID += "9"
		w.login()
		w.doctor()
	}},
	{number: 5, entry: "no-refresh-token", check: "grant", fail: func(w *ward) {
		w.scopes = "api"
		w.logIn()
		w.token()
		w.doctor("prod")
	}},
	{number: 6, entry: "pkce-required", check: "pasted", fail: func(w *ward) { // as of a proxy that drops parameters
		w.server.Fail(emulator.Fault{Endpoint: emulator.Authorize, Status: 302, Header: http.Header{"Location": {w.redirect + "?error=invalid_request&error_description=missing+required+code+challenge"}}})
		w.doctor(w.login())
	}},
	{number: 7, entry: "app-wrong-org", check: "pasted", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.External, a.LocalTo = true, "other" })
		w.doctor(w.login())
	}},
	{number: 8, entry: "port-in-use", check: "port", fail: func(w *ward) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		w.must(err)
		w.t.Cleanup(func() { listener.Close() })
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		w.redirect = "http://localhost:" + port + "/OauthRedirect"
		w.failed(w.run("", append([]string{"login", "prod", "--no-browser"}, w.flags()...)...))
		w.doctor()
	}},
	{number: 9, entry: "user-not-approved", check: "pasted", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.AdminApproved = true })
		w.doctor(w.login())
	}},
	{number: 10, entry: "client-secret-wrong", check: "secret", fail: func(w *ward) {
		w.secret = strings.Repeat("0123456789ABCDEF", 4)
		w.login()
		w.doctor()
	}},
	{number: 11, entry: "code-dead", check: "pasted", fail: func(w *ward) {
		w.late = 16 * time.Minute
		w.login()
		w.doctor(w.said)
	}},
	{number: 12, entry: "ip-restricted", check: "pasted", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.RefreshIPAllowList = []emulator.IPRange{elsewhere} })
		w.login()
		w.doctor(w.said)
	}},
	{number: 13, entry: "refresh-parallel", check: "pasted", fail: func(w *ward) { // the engine tries for a while before it gives up
		w.logIn()
		w.server.Fail(faultOf(emulator.Token, 400, "invalid_grant", "token request is already being processed"))
		w.token()
		w.server.ClearFaults()
		w.doctor("prod", w.said)
	}},
	{number: 14, entry: "password-refused", check: "pasted", fail: func(w *ward) {
		w.by("username-password", "not-the-password\n", "--client-secret-file", w.secretFile(), "--username", emulator.Username, "--password-stdin")
		w.doctor(w.said)
	}},
	{number: 15, entry: "access-token-refused", words: `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`},
	{number: 16, entry: "api-wrong-host", words: `URL_NOT_RESET: Destination URL not reset. The URL returned from login must be set`},
	{number: 17, entry: "api-off", check: "api", fail: func(w *ward) {
		w.logIn()
		w.must(w.server.UpdateOrg("acme", func(o *emulator.Org) { o.APIDisabled = true }))
		w.failed(w.run("", "limits", "prod"))
		w.doctor("prod")
	}},
	{number: 18, entry: "client-credentials-user", check: "pasted", fail: func(w *ward) {
		w.host += "/acme"
		w.app(func(a *emulator.App) { a.ClientCredentialsUser = "" })
		w.by("client-credentials", "", "--client-secret-file", w.secretFile())
		w.doctor(w.said)
	}},
	{number: 19, entry: "jwt-audience", check: "pasted", fail: func(w *ward) {
		key := filepath.Join(w.home, "key.pem")
		public, err := newKeyFile(key)
		w.must(err)
		w.app(func(a *emulator.App) { a.Certificate = public })
		w.by("jwt-bearer", "", "--key-file", key, "--username", emulator.Username, "--audience", "https://elsewhere.example")
		w.doctor(w.said)
	}},
	{number: 20, entry: "grant-type-refused", check: "pasted", fail: func(w *ward) {
		w.server.Fail(faultOf(emulator.Token, 400, "unsupported_grant_type", "grant type not supported"))
		w.login()
		w.doctor(w.said)
	}},
	{number: 21, entry: "app-switched-off", check: "grant", fail: func(w *ward) {
		w.logIn()
		w.app(func(a *emulator.App) { a.Disabled = true })
		w.token()
		w.doctor("prod")
	}},
	{number: 22, entry: "app-blocked", check: "grant", fail: func(w *ward) {
		w.logIn()
		w.app(func(a *emulator.App) { a.Blocked = true })
		w.token()
		w.doctor("prod")
	}},
	{number: 23, entry: "scope-not-on-app", check: "authorize", fail: func(w *ward) {
		w.scopes = "api wave_api"
		w.login()
		w.doctor()
	}, with: "scopes-lacking"},
	{number: 24, entry: "denied", check: "pasted", fail: func(w *ward) {
		w.deny = true
		w.doctor(w.login())
	}},
	{number: 25, entry: "device-off", check: "pasted", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.DeviceFlow = false })
		w.by("device", "", "--client-secret-file", w.secretFile(), "--no-browser")
		w.doctor(w.said)
	}},
	{number: 26, entry: "network-tls-proxy", check: "connection", fail: func(w *ward) { // nobody has told sftoken of its CA
		w.at = emulatortest.StartTLS(w.t)
		w.server, w.host = w.at.Emulator(), w.at.URL
		w.login()
		w.doctor()
	}},
	{number: 27, entry: "user-inactive", check: "grant", fail: func(w *ward) {
		w.logIn()
		w.must(w.server.UpdateUser(emulator.Username, func(u *emulator.User) { u.Inactive = true }))
		w.token()
		w.doctor("prod")
	}},
	{number: 28, entry: "shell-quote", words: "-bash: !AQ0A: event not found"},
	{number: 29, entry: "access-token-refused", words: "Bad_OAuth_Token"},
	{number: 30, entry: "client-secret-wrong", check: "refresh", fail: func(w *ward) {
		w.app(func(a *emulator.App) { a.SecretOptional = true })
		w.secret = ""
		w.logIn()
		w.token()
		w.doctor("prod", "--refresh")
	}},
	{number: 31, entry: "network-dns", check: "dns", fail: func(w *ward) {
		w.host = "https://acme--gone.sandbox.my.salesforce.invalid"
		w.more = []string{"--allow-host", "salesforce.invalid"}
		w.paste = "aPrxCODECODECODE"
		w.login()
		w.doctor()
	}},
	{number: 32, entry: "setup-no-new-connected-app", words: "there is no New Connected App button"},
	{number: 33, entry: "api-limit", check: "api", fail: func(w *ward) {
		w.logIn()
		w.server.Fail(apiFault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
		w.failed(w.run("", "limits", "prod"))
		w.doctor("prod")
	}},
	{number: 34, entry: "transaction-security", check: "api", fail: func(w *ward) {
		w.logIn()
		w.server.Fail(apiFault(403, "TXN_SECURITY_METERING_ERROR", "The action you attempted cannot be completed because one or more of your transaction security policies took too long to complete."))
		w.failed(w.run("", "limits", "prod"))
		w.doctor("prod")
	}},
	{number: 35, entry: "revoke-refused", words: "error=unsupported_token_type&error_description=this%20token%20type%20is%20not%20supported"},
	{number: 36, entry: "unknown-error", check: "pasted", fail: func(w *ward) {
		w.server.Fail(faultOf(emulator.Token, 400, "unknown_error", "retry your request"))
		w.login()
		w.doctor(w.said)
	}},
	{number: 37, entry: "immediate", words: "error=immediate_unsuccessful&error_description=immediate%20unsuccessful"},
	{number: 38, entry: "setup-consumer-verify", words: "Manage Consumer Details asks for a code"},
	{number: 39, entry: "user-api-only", words: "Failed: API-only user"},
	{number: 40, entry: "session-level", check: "pasted", fail: func(w *ward) {
		w.server.Fail(faultOf(emulator.Token, 400, "invalid_session_level", "high assurance session required"))
		w.login()
		w.doctor(w.said)
	}},
}

// Proof 1 of issue 6. Each failure is brought about where it can be; the command fails and names the entry, and doctor's
// verdict names the cause. The table of hits and misses is printed, and docs/*/doctor.md hold it.
func TestForty(t *testing.T) {
	t.Parallel()
	hits := make([]string, len(forty))
	t.Cleanup(func() { t.Logf("hits and misses:\n%s", strings.Join(hits, "\n")) })
	for i := range forty {
		r := &forty[i]
		t.Run(fmt.Sprintf("%d-%s", r.number, r.entry), func(t *testing.T) {
			t.Parallel()
			defer func() {
				outcome := map[bool]string{true: "MISS", false: "hit "}[t.Failed()]
				hits[i] = fmt.Sprintf("%2d  %s  %-28s %s", r.number, outcome, r.entry, cmp.Or(r.check, "by its words; it cannot be brought about"))
			}()
			r.test(t)
		})
	}
}

func (r *row) test(t *testing.T) {
	if r.fail == nil {
		if match := explain.Text(r.words, r.flow); match == nil || match.ID != r.entry {
			t.Errorf("%q leads to %v, want %s", r.words, match, r.entry)
		}
		return
	}
	w := newWard(t)
	r.fail(w)
	if title := titleOf(t, r.entry); !strings.HasPrefix(w.said, title+": ") {
		t.Errorf("printed %q, want %q", w.said, title)
	}
	if w.answer.Entry != r.entry || w.answer.Check != r.check || w.answer.Level != "failure" {
		t.Errorf("doctor's verdict is %s, entry %q by check %q; want entry %q by %q\n%s",
			w.answer.Level, w.answer.Entry, w.answer.Check, r.entry, r.check, w.answer.Message)
	}
	if r.with != "" && !slices.ContainsFunc(w.answer.Findings, func(f doctorCheck) bool { return f.ID == r.with }) {
		t.Errorf("doctor did not find %s", r.with)
	}
}

// The pages show the table that the test holds.
func TestFortyInDocs(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "ja"} {
		page, err := os.ReadFile(filepath.Join(need.Root(t), "docs", language, "doctor.md"))
		if err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(string(page), "<!-- check: forty -->")
		var got, want []string
		for _, cells := range regexp.MustCompile("(?m)^\\| (\\d+) \\|.*\\| `([a-z-]+)` \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
			got = append(got, strings.Join(cells[1:], " "))
		}
		brought := 0
		for _, r := range forty {
			by := "–"
			if r.fail != nil {
				by = "`" + r.check + "`"
				brought++
			}
			want = append(want, fmt.Sprintf("%d %s %s", r.number, r.entry, by))
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("docs/%s/doctor.md (-test +page):\n%s", language, diff)
		}
		if !strings.Contains(string(page), strconv.Itoa(brought)) {
			t.Errorf("docs/%s/doctor.md does not say that %d are brought about", language, brought)
		}
	}
}
