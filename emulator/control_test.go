package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/emulator"
)

const rotating = emulator.ClientIDRotating

// approved is a grant that begins after the login.
func (b *bench) approved(clientID string) emulator.Tokens {
	b.t.Helper()
	tokens, err := b.Emulator().Approve(clientID, emulator.Username)
	if err != nil {
		b.t.Fatal(err)
	}
	return tokens
}

// the is the only grant that f chooses.
func (b *bench) the(f emulator.GrantFilter) emulator.Grant {
	b.t.Helper()
	grants := b.Emulator().Grants(f)
	if len(grants) != 1 {
		b.t.Fatalf("%d grants, want 1: %+v", len(grants), grants)
	}
	return grants[0]
}

// A snapshot holds codes, tokens and the clock; going back to it, more than once, makes spent tokens whole again.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := start(t, emulator.Options{Seed: 3})
	s := b.Emulator()
	tokens := b.approved(rotating)
	code := b.code(emulator.ClientIDPublic)
	then := s.Snapshot()
	at := s.Now()

	var followed []string
	for range 2 {
		next := b.success(b.refresh(rotating, tokens.RefreshToken))["refresh_token"]
		followed = append(followed, next)
		b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDPublic, code)))
		b.refused(b.refresh(rotating, tokens.RefreshToken), "invalid_grant", expired)
		if err := s.UpdateApp(rotating, func(a *emulator.App) { a.Blocked = true }); err != nil {
			t.Fatal(err)
		}
		s.Advance(48 * time.Hour)
		if b.alive(tokens.AccessToken) {
			t.Error("the access token lives after two days")
		}
		s.Restore(then)
		if gone := s.Now().Sub(at); gone < -time.Minute || gone > time.Minute {
			t.Errorf("the clock is %v after the snapshot", gone)
		}
	}
	if followed[0] != followed[1] {
		t.Error("with a seed, the same tokens must follow a snapshot each time")
	}
	if !b.alive(tokens.AccessToken) {
		t.Error("the access token is dead after Restore")
	}
	if g := b.the(emulator.GrantFilter{ClientID: rotating}); g.RevokedBy != "" || g.Generation != 1 {
		t.Errorf("the grant is not as it was: %+v", g)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	b := start(t, emulator.Options{Seed: 3})
	s := b.Emulator()
	first := b.approved(rotating)
	b.success(b.refresh(rotating, first.RefreshToken))
	if err := s.PutApp(emulator.App{ClientID: "new"}); err != nil {
		t.Fatal(err)
	}
	s.Fail(emulator.Fault{Times: -1, Status: 500})
	s.Advance(time.Hour)
	s.Reset()
	if _, ok := s.App("new"); ok || len(s.Grants(emulator.GrantFilter{})) != 0 || len(s.Requests()) != 0 || len(s.Faults()) != 0 || time.Until(s.Now()) > time.Minute {
		t.Error("Reset left something")
	}
	if again := b.approved(rotating); again != first {
		t.Error("after Reset a seed gives other tokens than at the start")
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	b := start(t)
	s := b.Emulator()
	tokens := b.approved(rotating)
	b.success(b.refresh(rotating, tokens.RefreshToken))
	s.Advance(time.Minute)
	b.refused(b.refresh(rotating, tokens.RefreshToken), "invalid_grant", expired)
	g := b.the(emulator.GrantFilter{ID: tokens.Grant})
	if g.Generation != 2 || g.RevokedBy != emulator.ByReuse || g.RevokedAt.Before(g.Used.Add(time.Minute)) || !g.ReuseSeen.Equal(g.RevokedAt) ||
		len(g.AccessTokens) != 0 || g.RefreshLives || g.Username != emulator.Username || g.Org != "acme" {
		t.Errorf("after a reuse: %+v", g)
	}

	living := b.approved(emulator.ClientIDPublic)
	g = b.the(emulator.GrantFilter{ClientID: emulator.ClientIDPublic, Username: strings.ToUpper(emulator.Username)})
	if !g.RefreshLives || len(g.AccessTokens) != 1 || g.AccessTokens[0].Token != emulator.Fingerprint(living.AccessToken) ||
		g.RefreshToken != emulator.Fingerprint(living.RefreshToken) {
		t.Errorf("a living grant: %+v", g)
	}
	b.get("/services/oauth2/revoke?token="+living.RefreshToken, "")
	second := b.approved(emulator.ClientIDPublic)
	if err := s.RevokeGrant(second.Grant); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeGrant(99); err == nil {
		t.Error("RevokeGrant of an unknown grant: no error")
	}
	for range 6 {
		b.approved(emulator.ClientIDConfidential)
	}
	code := b.code(emulator.ClientIDNoRefresh)
	b.success(b.post("/services/oauth2/token", codeForm(emulator.ClientIDNoRefresh, code)))
	b.post("/services/oauth2/token", codeForm(emulator.ClientIDNoRefresh, code))
	var causes []emulator.Cause
	for _, g := range s.Grants(emulator.GrantFilter{}) {
		causes = append(causes, g.RevokedBy)
	}
	want := []emulator.Cause{
		emulator.ByReuse, emulator.ByRevocation, emulator.ByAdministrator,
		emulator.BySixthApproval, "", "", "", "", "", emulator.ByCodeReuse,
	}
	if diff := cmp.Diff(want, causes); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	if newest := s.Grants(emulator.GrantFilter{Newest: 2}); len(newest) != 2 || newest[1].ClientID != emulator.ClientIDNoRefresh {
		t.Errorf("the newest two: %+v", newest)
	}
}

func TestApproveRefuses(t *testing.T) {
	t.Parallel()
	s := start(t).Emulator()
	for want, row := range map[string][]string{
		`approve app "x": no such app`:                     {"x", emulator.Username},
		`approve app "PlatformCLI": no such user "nobody"`: {"PlatformCLI", "nobody"},
		`approve app "PlatformCLI" for amelia@acme.example: invalid_scope (the requested scope is invalid, unknown, or malformed)`: {"PlatformCLI", emulator.Username, "nonsense"},
	} {
		if _, err := s.Approve(row[0], row[1], row[2:]...); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %s", row, err, want)
		}
	}
}

// Orgs, users and apps can be made while the server runs, and grants outlive a change.
func TestPut(t *testing.T) {
	t.Parallel()
	b := start(t)
	s := b.Emulator()
	old := b.approved(emulator.ClientIDPublic)
	org := emulator.Org{ID: "00DEMU000000009", Name: "Late", MyDomain: "late", Users: []emulator.User{{ID: "005EMU000000091", Username: "first@late.example", Password: "p"}}}
	if err := s.PutOrg(org); err != nil {
		t.Fatal(err)
	}
	if err := s.PutUser("late", emulator.User{ID: "005EMU000000092", Username: "second@late.example", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	org.SessionTimeout, org.Users = time.Minute, nil
	if err := s.PutOrg(org); err != nil {
		t.Fatal(err)
	}
	if err := s.PutApp(emulator.App{ClientID: "late-app", Scopes: []string{"api", "refresh_token"}, Rotation: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first@late.example", "second@late.example"} {
		tokens, err := s.Approve("late-app", name)
		if err != nil {
			t.Fatal(err)
		}
		if a := b.get("/late/services/data/v66.0/limits", tokens.AccessToken); a.status != http.StatusOK {
			t.Errorf("%s: limits answer %d", name, a.status)
		}
	}
	s.Advance(2 * time.Minute)
	if b.success(b.refresh(emulator.ClientIDPublic, old.RefreshToken)); !b.alive(old.AccessToken) {
		t.Error("a grant of another org is dead")
	}
	for what, err := range map[string]error{
		`put user "x": no org has the my_domain "none"`:                                      s.PutUser("none", emulator.User{ID: "005EMU000000093", Username: "x", Password: "p"}),
		`put org "Bad": my_domain "a/b": want a label such as "acme" or "acme--dev.sandbox"`: s.PutOrg(emulator.Org{ID: "00DEMU000000008", Name: "Bad", MyDomain: "a/b"}),
		`check app "y": scope "z" does not exist`:                                            s.PutApp(emulator.App{ClientID: "y", Scopes: []string{"z"}}),
		`put org "Other": my_domain "late" is used twice`:                                    s.PutOrg(emulator.Org{ID: "00DEMU000000007", Name: "Other", MyDomain: "late"}),
	} {
		if err == nil || err.Error() != what {
			t.Errorf("got %v, want %s", err, what)
		}
	}
	if config := s.Config(); len(config.Orgs) != 3 || len(config.Orgs[2].Users) != 2 || len(config.Apps) != 6 {
		t.Errorf("configuration now: %+v", config)
	}
}

// "The third refresh of this user answers 503 after rotating": others, and other requests of the same user, do not count.
func TestFaultOfOneUser(t *testing.T) {
	t.Parallel()
	b := start(t)
	s := b.Emulator()
	mine := b.approved(rotating)
	other, err := s.Approve(rotating, emulator.UsernameJa)
	if err != nil {
		t.Fatal(err)
	}
	s.Script(emulator.Fault{GrantType: "refresh_token", Username: emulator.Username, Skip: 2, AfterEffect: true, Status: 503})
	mineNow, otherNow := mine.RefreshToken, other.RefreshToken
	for range 2 {
		mineNow = b.success(b.refresh(rotating, mineNow))["refresh_token"]
		otherNow = b.success(b.refresh(rotating, otherNow))["refresh_token"]
		b.alive(mine.AccessToken)
	}
	otherNow = b.success(b.refresh(rotating, otherNow))["refresh_token"]
	if a := b.refresh(rotating, mineNow); a.status != 503 {
		t.Fatalf("the third refresh: %d %s, want 503", a.status, a.body)
	}
	if g := b.the(emulator.GrantFilter{ID: mine.Grant}); g.Generation != 4 {
		t.Errorf("generation %d, want 4: it has rotated all the same", g.Generation)
	}
	b.success(b.refresh(rotating, otherNow))
	if entry := s.Requests()[1]; entry.Username != emulator.UsernameJa || entry.Number != 2 {
		t.Errorf("journal: %+v", entry)
	}
}

// The faults of a percentage fall the same way for the same seed, whatever else the server draws from it.
func TestFaultPercent(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, busy bool) (fell string) {
		b := start(t, emulator.Options{Seed: seed})
		b.Emulator().Script(
			emulator.Fault{Endpoint: emulator.Data, Percent: 30, Times: -1, Status: 503},
			emulator.Fault{Endpoint: emulator.Data, Percent: 20, Times: -1, Status: 429},
		)
		for range 60 {
			if busy {
				b.approved(emulator.ClientIDPublic)
			}
			fell += map[int]string{200: ".", 503: "x", 429: "o"}[b.get("/services/data", "").status]
		}
		return fell
	}
	once := run(7, false)
	if again := run(7, true); again != once {
		t.Errorf("seed 7 fell\n%s, then\n%s", once, again)
	}
	if run(8, false) == once {
		t.Error("seed 8 fell like seed 7")
	}
	if x, o := strings.Count(once, "x"), strings.Count(once, "o"); x < 10 || x > 28 || o < 3 || o > 20 {
		t.Errorf("%d and %d of 60 fell to 30 and 20 percent: %s", x, o, once)
	}
	b := start(t)
	replay := start(t, emulator.Options{Seed: b.Emulator().Seed()})
	for range 30 {
		for _, s := range []*bench{b, replay} {
			s.Emulator().Script(emulator.Fault{Percent: 50, Status: 500})
		}
		if b.get("/services/data", "").status != replay.get("/services/data", "").status {
			t.Fatal("the seed that a server names does not replay its faults")
		}
	}
}

func TestFaultValidate(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]emulator.Fault{
		"endpoint":  {Endpoint: "tokn"},
		"skip":      {Skip: -1},
		"percent":   {Percent: 101},
		"status":    {Status: 99},
		"delay":     {Delay: -1},
		"cut_after": {CutAfter: 3},
	} {
		if err := f.Validate(); err == nil || !strings.HasPrefix(err.Error(), "check fault: "+want+" ") {
			t.Errorf("%+v: %v, want an error about %s", f, err, want)
		}
	}
	if err := (&emulator.Fault{Endpoint: emulator.Token, Percent: 5, Status: 503, Cut: true, CutAfter: 3}).Validate(); err != nil {
		t.Error(err)
	}
}

// In a bubble the clock of snapshots, idle times and delays is the bubble's.
func TestControlInsideSynctest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := emulator.New(emulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := s.Approve(rotating, emulator.Username)
		if err != nil {
			t.Fatal(err)
		}
		then := s.Snapshot()
		at := s.Now()
		time.Sleep(3 * time.Hour)
		if g := s.Grants(emulator.GrantFilter{ID: tokens.Grant})[0]; len(g.AccessTokens) != 0 {
			t.Error("the access token lives after three idle hours")
		}
		s.Restore(then)
		if g := s.Grants(emulator.GrantFilter{ID: tokens.Grant})[0]; len(g.AccessTokens) != 1 || !s.Now().Equal(at) {
			t.Errorf("after Restore: %v later, %+v", s.Now().Sub(at), g)
		}
	})
}

// Strict switches on what Salesforce has announced, and whoever changes orgs and apps later cannot switch it off.
func TestStrict(t *testing.T) {
	t.Parallel()
	config := emulator.DefaultConfig()
	b := start(t, emulator.Options{Config: config, Strict: true})
	s := b.Emulator()
	if config.Apps[0].Rotation || config.Orgs[0].PKCERequired {
		t.Error("Strict has changed the caller's configuration")
	}
	for _, err := range []error{
		s.UpdateApp(emulator.ClientIDConfidential, func(a *emulator.App) { a.Rotation, a.IdleTTL, a.PKCERequired = false, false, false }),
		s.UpdateOrg("acme", func(o *emulator.Org) { o.PKCERequired = false }),
		s.PutOrg(emulator.Org{ID: config.Orgs[0].ID, MyDomain: "acme"}),
		s.PutApp(emulator.App{ClientID: "new", Scopes: []string{"api", "refresh_token"}}),
		s.PutApp(emulator.App{ClientID: "device", DeviceFlow: true, Callbacks: []string{"http://localhost:1717/x"}}),
		s.PutApp(emulator.App{ClientID: "local-device", DeviceFlow: true, External: true, LocalTo: "acme", Callbacks: []string{"http://localhost:1717/x"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	now := s.Config()
	for _, app := range now.Apps {
		if !app.Rotation || !app.IdleTTL || !app.PKCERequired || app.DeviceFlow != (app.ClientID == "local-device") {
			t.Errorf("app %s is not strict", app.ClientID)
		}
	}
	for _, org := range now.Orgs {
		if !org.PKCERequired || !org.BlockPassword || !org.BlockUserAgent || org.ConnectedAppsMakeable {
			t.Errorf("org %s is not strict", org.MyDomain)
		}
	}
	tokens := b.approved("new")
	if b.success(b.post("/services/oauth2/token", refreshForm("new", tokens.RefreshToken)))["refresh_token"] == "" {
		t.Error("no rotation")
	}
	s.Advance(31 * 24 * time.Hour)
	if s.Grants(emulator.GrantFilter{})[0].RefreshLives {
		t.Error("a refresh token lives after 31 idle days")
	}
}

// Trouble spoils about its share of the token requests and nothing else.
func TestTrouble(t *testing.T) {
	t.Parallel()
	config := emulator.DefaultConfig()
	config.Faults = emulator.Trouble(40)
	for i := range config.Faults {
		config.Faults[i].Delay = 0
	}
	b := start(t, emulator.Options{Config: config, Seed: 1})
	token := b.approved(emulator.ClientIDPublic).RefreshToken
	bad := 0
	for range 100 {
		if b.get("/services/data", "").status != http.StatusOK {
			t.Fatal("a request that is no token request failed")
		}
		response, err := b.client.Do(b.request(http.MethodPost, "/services/oauth2/token", refreshForm(emulator.ClientIDPublic, token)))
		if err != nil {
			bad++
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			bad++
		}
	}
	if bad < 15 || bad > 45 { // three of the four kinds of 10 %
		t.Errorf("%d of 100 token requests failed", bad)
	}
}
