package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/explain"
	"github.com/sftoken/sftoken/internal/inspect"
	"github.com/sftoken/sftoken/store"
)

var noon = time.Date(2026, time.October, 1, 12, 0, 0, 0, time.UTC)

func at(t *testing.T, name string) sftoken.Host {
	t.Helper()
	host, err := sftoken.ParseHost(name)
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func ids(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, string(f.Level)+" "+f.ID)
	}
	return strings.Join(all, ", ")
}

// Each check has an id of its own and words in both languages.
func TestChecks(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Checks() {
		if seen[c.ID] {
			t.Errorf("check %q is there twice", c.ID)
		}
		seen[c.ID] = true
		for _, lang := range []language.Tag{language.English, language.Japanese} {
			if title := TitleOf(c, lang); strings.HasPrefix(title, "check.") {
				t.Errorf("check %q has no title in %v", c.ID, lang)
			}
		}
	}
}

// The decoder of the login history: each status that the reference lists leads to an entry, in its flow.
func TestLoginHistory(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{
		"Failed: Token request is already being processed":                "refresh-parallel",
		"Failed: Invalid Nonce":                                           "code-dead",
		"Failed: Nonce Replay Detected":                                   "code-dead",
		"Failed: Invalid Token":                                           "refresh-dead",
		"Failed: Invalid Code Challenge":                                  "pkce-wrong",
		"Failed: Invalid Code Verifier":                                   "pkce-wrong",
		"Failed: IP Address Not Allowed":                                  "ip-restricted",
		"Restricted IP":                                                   "ip-restricted",
		"Restricted time":                                                 "ip-restricted",
		"Failed: Consumer Deleted":                                        "app-deleted",
		"Failed: Missing Consumer Key Parameter":                          "client-id-unknown",
		"Failed: Invalid Callback URL":                                    "redirect-mismatch",
		"Failed: OAuth API access disabled":                               "api-off",
		"Failed: Get Access Token Limit Exceeded":                         "rate-limit",
		"Package for this consumer is not installed in your organization": "app-not-installed",
		"User is frozen":                                                  "user-inactive",
		"User is inactive":                                                "user-inactive",
		"Password lockout":                                                "user-locked",
		"Maximum logins exceeded":                                         "rate-limit",
		"Login rate exceeded":                                             "rate-limit",
		"Failed: API security token required":                             "password-refused",
		"Failed: API-only user":                                           "user-api-only",
		"Organization locked":                                             "org-inactive",
		"Organization is in maintenance":                                  "org-inactive",
		"Trial Expired":                                                   "org-inactive",
	} {
		got := decode([]login{{LoginType: "Remote Access 2.0", Status: status}})
		if len(got) != 1 || got[0].Entry == nil || got[0].Entry.ID != want || got[0].Level != Warning {
			t.Errorf("%s: %+v, want entry %s", status, got, want)
		}
	}
	rows := []login{
		{LoginType: "Application", Status: "Invalid Password"}, // the person's own
		{LoginType: "Remote Access 2.0", LoginSubType: "OauthRefreshToken", Status: "Failed: Invalid Token"},
		{LoginType: "Remote Access 2.0", LoginSubType: "OauthRefreshToken", Status: "Failed: Invalid Token"},
		{LoginType: "Remote Access 2.0", Status: "\x1b[2JFailed"},
		{LoginType: "Remote Access 2.0", Status: "Success"},
		{LoginType: "Remote Access 2.0", Status: "Restricted IP"}, // over
	}
	got := decode(rows)
	if len(got) != 2 || got[1].Data["status"] != "[2JFailed" {
		t.Errorf("got %s: %+v", ids(got), got)
	}
	if got := ids(decode(rows[4:])); got != "ok history-clean" {
		t.Errorf("after a success: %s", got)
	}
}

// What was entered counts more than what follows from it; a cause that the person saw more than a check; what only says where
// a failure led least.
func TestVerdict(t *testing.T) {
	t.Parallel()
	entry := func(id string) *explain.Entry { return explain.Lookup(id) }
	of := func(check string, level Level, e *explain.Entry) Finding {
		return Finding{Check: check, ID: check, Level: level, Entry: e}
	}
	network, generic := of("connection", Failure, entry("network")), of("pasted", Unknown, entry("page-generic"))
	for want, findings := range map[string][]Finding{
		"":          {of("host", OK, nil), of("ahead", Note, nil)},
		"input":     {of("input", Failure, nil), of("pasted", Failure, entry("app-blocked"))},
		"pasted":    {of("port", Failure, nil), of("authorize", Failure, entry("client-id-unknown")), of("pasted", Failure, entry("app-blocked"))},
		"authorize": {of("authorize", Failure, entry("scope-not-on-app")), generic},
		"secret":    {of("port", Failure, nil), of("secret", Failure, entry("client-secret-wrong"))},
		"grant":     {network, of("grant", Failure, entry("refresh-dead"))},
		"api":       {of("idle", Warning, nil), of("api", Unknown, nil)},
		"idle":      {of("idle", Warning, nil), of("history", Warning, nil)},
	} {
		got := ""
		if verdict := (&Result{Findings: findings}).Verdict(); verdict != nil {
			got = verdict.Check
		}
		if got != want {
			t.Errorf("verdict %q, want %q", got, want)
		}
	}
}

// answering answers everything with the same, as of another time and by a certificate of some issuer.
type answering struct {
	date   time.Time
	issuer string
	err    error
	status int
	kind   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Date": {a.date.UTC().Format(http.TimeFormat)}, "Content-Type": {a.kind}}
	response := &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader("<title>Sign in</title>")), Request: r}
	if a.issuer != "" {
		response.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Issuer: pkix.Name{CommonName: a.issuer}}}}
	}
	return response, nil
}

// The clock: a minute is worth a word, three minutes make signed requests fail (C-57).
func TestClock(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{
		0:                    "ok clock-right",
		-50 * time.Second:    "ok clock-right",
		2 * time.Minute:      "warning clock",
		-5 * time.Minute:     "failure clock",
		200 * 24 * time.Hour: "failure clock",
	} {
		x := examine(&Subject{App: sftoken.App{Host: at(t, "acme")}, Transport: answering{date: time.Now().Add(-skew), status: 404}})
		if got := ids(connection(t.Context(), x)); got != "ok connection-plain" || !x.connected {
			t.Fatalf("connection: %s", got)
		}
		if got := ids(clock(t.Context(), x)); got != want {
			t.Errorf("skew %v: %s, want %s", skew, got, want)
		}
	}
}

// Who issued the certificate is named, and a company that reads along is told.
func TestConnection(t *testing.T) {
	t.Parallel()
	for want, transport := range map[string]answering{
		"ok connection":             {issuer: "DigiCert TLS RSA SHA256 2020 CA1", status: 404},
		"note connection-inspected": {issuer: "Zscaler Intermediate Root CA", status: 404},
		"failure connection":        {status: 200, kind: "text/html"}, // a sign-in of the network's
		"failure connection ":       {status: 503},
		"failure connection-proxy":  {err: &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("refused")}},
		"failure connection  ":      {err: x509.UnknownAuthorityError{}},
	} {
		x := examine(&Subject{App: sftoken.App{Host: at(t, "acme")}, Transport: transport})
		got := connection(t.Context(), x)
		if ids(got) != strings.TrimSpace(want) {
			t.Errorf("%+v: %s, want %s", transport, ids(got), want)
		}
		if got[0].Level == Failure && got[0].ID == "connection" && (got[0].Entry == nil || x.connected) {
			t.Errorf("%+v is not explained", transport)
		}
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	x := examine(&Subject{Environment: Environment{Proxies: map[string]string{
		"HTTPS_PROXY": "https://me:secret@proxy.example:8080", "HTTP_PROXY": "proxy.example:3128", "https_proxy": "://", "NO_PROXY": "localhost",
	}}})
	got := proxies(t.Context(), x)
	if diff := cmp.Diff("warning proxy-https, note proxy, failure proxy-malformed", ids(got)); diff != "" {
		t.Error(diff)
	}
	for _, f := range got {
		for name, value := range f.Data {
			if text, ok := value.(string); ok && strings.Contains(text, "secret") {
				t.Errorf("%s holds the proxy's password", name)
			}
		}
	}
}

// Announced changes are told of the apps that they will hit, with date and how sure that is.
func TestAhead(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]*Subject{
		"note ahead-idle, note ahead-connected-app": {App: sftoken.App{ClientID: "key", Host: at(t, "acme")}},
		"note ahead-idle": {App: sftoken.App{ClientID: sftoken.PlatformCLI, Host: at(t, "acme")}},
		"warning ahead-flow, note ahead-idle, note ahead-connected-app": {App: sftoken.App{ClientID: "key", Host: at(t, "acme")}, Grant: &store.Grant{Flow: sftoken.FlowDevice}},
		"warning ahead-flow, note ahead-connected-app":                  {App: sftoken.App{ClientID: "key", Host: at(t, "acme")}, Grant: &store.Grant{Flow: sftoken.FlowUsernamePassword}},
		"": {App: sftoken.App{ClientID: "key", Host: at(t, "http://localhost:8484")}},
	} {
		s.Now = noon
		got := ahead(t.Context(), examine(s))
		if ids(got) != want {
			t.Errorf("%s: got %s", want, ids(got))
		}
		for _, line := range (&Result{Findings: got}).Tell(s, language.English, nil).Findings {
			if !strings.Contains(line.Message, "202") && !strings.Contains(line.Message, "'27") || !strings.Contains(line.Message, "As others quote them") {
				t.Errorf("%s does not say when, or how sure: %s", line.ID, line.Message)
			}
		}
	}
}

// Idle days are counted from the last use, and told in time.
func TestIdle(t *testing.T) {
	t.Parallel()
	for days, want := range map[int]string{0: "ok idle", 20: "ok idle", 25: "warning idle-soon", 30: "warning idle-over", 200: "warning idle-over"} {
		g := &store.Grant{RefreshToken: sftoken.NewSecret("x"), RefreshedAt: noon.Add(-time.Duration(days) * 24 * time.Hour)}
		if got := ids(idle(t.Context(), examine(&Subject{Grant: g, Now: noon}))); got != want {
			t.Errorf("%d days: %s, want %s", days, got, want)
		}
	}
}

// Another login's damage is worth a warning, this one's is the cause.
func TestStore(t *testing.T) {
	t.Parallel()
	damaged := inspect.Finding{Problem: true, Alias: "prod", Err: &store.Error{Op: "get", Alias: "prod", Kind: store.ErrDamaged}}
	for alias, want := range map[string]string{"prod": "failure store-error", "other": "warning store-error"} {
		x := examine(&Subject{Grant: &store.Grant{Alias: alias}, Kept: &inspect.Findings{All: []inspect.Finding{damaged}}})
		got := kept(t.Context(), x)
		if ids(got) != want || got[0].Entry == nil || got[0].Entry.ID != "store-damaged" {
			t.Errorf("%s: %s", alias, ids(got))
		}
	}
}

// Whatever is pasted: nothing of it but what it names is kept, and a host only if it is one of Salesforce's.
func TestReadPasted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Pasted{
		"https://acme.my.salesforce.com/services/oauth2/authorize?client_id=key&redirect_uri=http%3A%2F%2Flocalhost%2Fcb&scope=api+id&state=s": {
			Host: at(t, "acme"), ClientID: "key", RedirectURI: "http://localhost/cb", Scopes: []string{"api", "id"},
		},
		"http://localhost:1717/OauthRedirect?code=aPrx&state=s": {Code: true, RedirectURI: "http://localhost:1717/OauthRedirect"},
		"https://evil.example/services/oauth2/authorize":        {},
		"no idea": {},
	} {
		got := *ReadPasted(text, sftoken.HostRules{})
		if got.Match != nil {
			t.Errorf("%s: matched %s", text, got.Match.ID)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b sftoken.Host) bool { return a == b })); diff != "" && (len(want.Scopes)+len(got.Scopes) > 0 || want.Host != got.Host || want.ClientID != got.ClientID || want.RedirectURI != got.RedirectURI || want.Code != got.Code) {
			t.Errorf("%s: %s", text, diff)
		}
	}
	page := ReadPasted("https://acme.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp?error=OAUTH_APP_BLOCKED&error_description=this+app+is+blocked+by+admin", sftoken.HostRules{})
	if page.Match == nil || page.Match.ID != "app-blocked" || page.Host != at(t, "acme") || !page.final() {
		t.Errorf("the error page is %+v", page)
	}
}

// The access token goes nowhere but to the org that it is for (C-44).
func TestBearer(t *testing.T) {
	t.Parallel()
	b := &bearer{answering{err: errors.New("was sent")}, sftoken.NewSecret("token"), "https://evil.example", at(t, "acme"), sftoken.HostRules{}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/services/data", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.RoundTrip(request)
	if _, refused := errors.AsType[*sftoken.HostError](err); !refused {
		t.Errorf("got %v", err)
	}
}
