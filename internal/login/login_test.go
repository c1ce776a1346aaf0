package login

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
)

// begin makes a journey of the confidential app to an emulator, with a redirect URI that nobody listens on.
func begin(t *testing.T, server *emulatortest.Server, s store.Store, alias string) *Journey {
	t.Helper()
	host, err := sftoken.ParseHost(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &sftoken.Client{HTTP: server.Client(), App: sftoken.App{
		ClientID: emulator.ClientIDConfidential, ClientSecret: sftoken.NewSecret(emulator.ClientSecretConfidential), Host: host, RedirectURI: "http://localhost:8080/callback",
	}}
	j, err := Begin(client, s, alias, sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// code logs in at the emulator and brings the code.
func code(t *testing.T, server *emulatortest.Server, j *Journey, user string) sftoken.Secret {
	t.Helper()
	end, err := server.NewBrowser(user).Visit(j.Attempt.URL)
	if err != nil {
		t.Fatal(err)
	}
	code, err := j.Attempt.Accept(end.Query())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func asked(server *emulatortest.Server, endpoint emulator.Endpoint) int {
	n := 0
	for _, r := range server.Emulator().Requests() {
		if r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

func TestComplete(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	j := begin(t, server, s, "prod")
	var steps []Step
	j.OnStep = func(step Step) { steps = append(steps, step) }
	outcome, err := j.Complete(t.Context(), code(t, server, j, emulator.Username))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.Get(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if kept.Username != emulator.Username || !kept.RefreshToken.Equal(outcome.Grant.RefreshToken) || kept.State != store.Live {
		t.Errorf("kept %+v", kept)
	}
	if kept.Expiry.Source != store.FromIntrospection || len(kept.OrgID) != 18 || len(kept.UserID) != 18 {
		t.Errorf("expiry %v, org %q, user %q", kept.Expiry, kept.OrgID, kept.UserID)
	}
	want := []Step{StepProven, StepExchanged, StepIdentity, StepSaved}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
}

// TestBrowserIsAnsweredLast proves C-30: when the browser has its page, the grant is saved; and C-31: a second delivery of
// the same answer exchanges nothing.
func TestBrowserIsAnsweredLast(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	j := begin(t, server, s, "prod")
	j.Attempt, j.Client.App.RedirectURI = nil, "http://localhost:"+freePort(t)+"/OauthRedirect"
	attempt, err := j.Client.Authorize(sftoken.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j.Attempt = attempt
	listener, err := j.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	type seen struct {
		page  string
		saved error
	}
	answered := make(chan seen, 1)
	go func() {
		end, err := server.NewBrowser(emulator.Username).Visit(attempt.URL)
		if err != nil {
			answered <- seen{saved: err}
			return
		}
		response, err := http.Get(end.String())
		if err != nil {
			answered <- seen{saved: err}
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		_, err = s.Get(context.Background(), "prod")
		answered <- seen{string(body), err}
	}()
	if _, err := j.Await(t.Context(), listener, nil); err != nil {
		t.Fatal(err)
	}
	got := <-answered
	if got.saved != nil || !strings.Contains(got.page, emulator.Username) || strings.Contains(got.page, "code=") {
		t.Errorf("when the browser was answered: %v; its page:\n%s", got.saved, got.page)
	}
	if n := asked(server, emulator.Token); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// broken is a store whose leases fail where told.
type broken struct {
	store.Store
	probe, save error
}

func (b broken) Lease(ctx context.Context, alias string) (store.Lease, error) {
	lease, err := b.Store.Lease(ctx, alias)
	return brokenLease{lease, b}, err
}

type brokenLease struct {
	store.Lease
	b broken
}

func (l brokenLease) Probe(ctx context.Context) error {
	if l.b.probe != nil {
		return l.b.probe
	}
	return l.Lease.Probe(ctx)
}

func (l brokenLease) Save(ctx context.Context, g *store.Grant) error {
	if l.b.save != nil {
		return l.b.save
	}
	return l.Lease.Save(ctx, g)
}

// TestUnwritableStore: the code is not spent on a store that cannot be written.
func TestUnwritableStore(t *testing.T) {
	t.Parallel()
	server := emulatortest.Start(t)
	j := begin(t, server, broken{Store: memory.New(), probe: store.ErrNoSpace}, "prod")
	if err := j.Prove(t.Context()); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("Prove: %v", err)
	}
	_, err := j.Complete(t.Context(), code(t, server, j, emulator.Username))
	if !errors.Is(err, store.ErrNoSpace) || asked(server, emulator.Token) != 0 {
		t.Errorf("%v after %d token requests", err, asked(server, emulator.Token))
	}
}

// TestSaveFails: tokens that cannot be kept are revoked, and the error says so.
func TestSaveFails(t *testing.T) {
	t.Parallel()
	for name, spoilRevoke := range map[string]bool{"revoked": false, "left behind": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := emulatortest.Start(t)
			if spoilRevoke {
				server.Emulator().Fail(emulator.Fault{Endpoint: emulator.Revoke, Status: 503, Times: -1})
			}
			j := begin(t, server, broken{Store: memory.New(), save: store.ErrNoSpace}, "prod")
			_, err := j.Complete(t.Context(), code(t, server, j, emulator.Username))
			unsaved, ok := errors.AsType[*UnsavedError](err)
			if !ok || unsaved.Revoked == spoilRevoke || !errors.Is(err, store.ErrNoSpace) {
				t.Fatalf("got %v", err)
			}
			if n := asked(server, emulator.Revoke); n != 1 {
				t.Errorf("%d revocations, want 1", n)
			}
		})
	}
}

// TestWithoutIdentity: an approval is not lost because the user cannot be looked up.
func TestWithoutIdentity(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	for _, endpoint := range []emulator.Endpoint{emulator.Identity, emulator.UserInfo, emulator.Introspect} {
		server.Emulator().Fail(emulator.Fault{Endpoint: endpoint, Status: 503, Times: -1})
	}
	j := begin(t, server, s, "prod")
	outcome, err := j.Complete(t.Context(), code(t, server, j, emulator.Username))
	if err != nil || len(outcome.Warnings) != 1 {
		t.Fatalf("%v, warnings %v", err, outcome)
	}
	if g := outcome.Grant; g.RefreshToken.IsZero() || g.UserID == "" || !g.Expiry.IsZero() {
		t.Errorf("kept user %q, expiry %v", g.UserID, g.Expiry)
	}
}

// TestCancelledAfterExchange proves the other half of C-33: an approval that was given is kept whole.
func TestCancelledAfterExchange(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	j := begin(t, server, s, "prod")
	secret := code(t, server, j, emulator.Username)
	ctx, cancel := context.WithCancel(t.Context())
	j.OnStep = func(step Step) {
		if step == StepExchanged {
			cancel()
		}
	}
	if _, err := j.Complete(ctx, secret); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Get(t.Context(), "prod"); err != nil || g.RefreshToken.IsZero() {
		t.Errorf("kept: %v", err)
	}
}

// TestTakenAlias: nobody's living grant is overwritten by somebody else's; a dead one and the same user's is.
func TestTakenAlias(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	login := func(user string) *Outcome {
		t.Helper()
		j := begin(t, server, s, "prod")
		outcome, err := j.Complete(t.Context(), code(t, server, j, user))
		if err != nil {
			t.Fatal(err)
		}
		return outcome
	}
	login(emulator.Username)
	if o := login(emulator.UsernameJa); o.Grant.Alias != "prod-2" || o.Taken == nil {
		t.Errorf("another user's login is called %s", o.Grant.Alias)
	}
	if o := login(emulator.Username); o.Grant.Alias != "prod" || o.Renewed == nil || o.Grant.Generation != 2 {
		t.Errorf("the same user's login is called %s, generation %d", o.Grant.Alias, o.Grant.Generation)
	}
	if n := asked(server, emulator.Revoke); n != 1 {
		t.Errorf("%d revocations, want 1: of the replaced refresh token", n)
	}
	kill(t, s, "prod")
	if o := login(emulator.UsernameJa); o.Grant.Alias != "prod" || !slices.Equal(o.Same, []string{"prod-2"}) {
		t.Errorf("over a dead login: called %s, same %v", o.Grant.Alias, o.Same)
	}
}

func kill(t *testing.T, s store.Store, alias string) {
	t.Helper()
	lease, err := s.Lease(t.Context(), alias)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	grant, err := lease.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	grant.State = store.Dead
	if err := lease.Save(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
}

// TestAwait: a slip in pasting does not end the wait, an error of Salesforce does, and nothing at all does in time.
func TestAwait(t *testing.T) {
	t.Parallel()
	server, s := emulatortest.Start(t), memory.New()
	j := begin(t, server, s, "prod")
	ignored := 0
	j.OnIgnored = func(error) { ignored++ }
	lines := make(chan string, 3)
	lines <- "hello, world"
	lines <- "http://localhost/?code=aPrxSomebodyElses&state=somebodyelses"
	lines <- "http://localhost/?error=access_denied&error_description=end-user+denied+authorization&state=" + j.Attempt.State.Reveal()
	if _, err := j.Await(t.Context(), nil, lines); !errors.Is(err, sftoken.ErrDenied) || ignored != 2 {
		t.Errorf("%v after %d slips", err, ignored)
	}
	j.Timeout = time.Millisecond
	if _, err := j.Await(t.Context(), nil, lines); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
}

// TestPending: a started login comes back whole, its file tells nothing, and only its own time and id open it.
func TestPending(t *testing.T) {
	t.Parallel()
	server, dir := emulatortest.Start(t), t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	pending := OpenPending(dir, keys.Generate())
	j := begin(t, server, memory.New(), "prod")
	j.Client.App.ClientSecret = sftoken.NewSecret("0123456789012")
	put, err := pending.Put(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pending.Get(put.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Attempt.State.Equal(j.Attempt.State) || !got.Attempt.Verifier.Equal(j.Attempt.Verifier) ||
		!got.App.ClientSecret.Equal(j.Client.App.ClientSecret) || got.App.Host != j.Client.App.Host || got.Attempt.URL != j.Attempt.URL {
		t.Errorf("got %+v", got)
	}
	content, err := os.ReadFile(filepath.Join(dir, "attempts", put.ID))
	if err != nil || strings.Contains(string(content), j.Attempt.Verifier.Reveal()) || strings.Contains(string(content), emulator.ClientIDConfidential) {
		t.Errorf("the file is readable to others: %v", err)
	}
	for _, id := range []string{"", "nosuchid2345", "../../passwd", put.ID + "/"} {
		if _, err := pending.Get(id); !errors.As(err, new(*PendingError)) {
			t.Errorf("Get(%q): %v", id, err)
		}
	}
	old := begin(t, server, memory.New(), "prod")
	old.Attempt.CreatedAt = time.Now().Add(-2 * PendingLife)
	late, err := pending.Put(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pending.Get(late.ID); !errors.As(err, new(*PendingError)) {
		t.Errorf("after its time: %v", err)
	}
	if err := pending.Remove(t.Context(), put.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := pending.Get(put.ID); !errors.As(err, new(*PendingError)) {
		t.Errorf("after Remove: %v", err)
	}
}

func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, granted []string
		token          string
		want           string
	}{
		{[]string{"api", "refresh_token"}, []string{"api", "refresh_token"}, "x", ""},
		{[]string{"api"}, []string{"api"}, "", "not-asked"},
		{[]string{"api", "offline_access"}, []string{"api"}, "", "not-granted"},
		{[]string{"api", "refresh_token"}, []string{"api", "refresh_token"}, "", "not-issued"},
		{[]string{"api", "refresh_token"}, nil, "", "not-issued"},
	} {
		j := &Journey{Attempt: &sftoken.Attempt{Scopes: c.asked}}
		got := j.NoRefreshToken(&store.Grant{Scopes: c.granted, RefreshToken: sftoken.NewSecret(c.token)})
		if got != c.want {
			t.Errorf("asked %v, granted %v: %q, want %q", c.asked, c.granted, got, c.want)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
