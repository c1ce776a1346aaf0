package sf_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/sf"
)

// Node encrypted these: an access token and a refresh token, with the keys of both versions.
var encrypted = map[string][2]string{
	keyV1: {
		"a1b2c3d4e5f6170cab215b883014b0ac813ff0aab0824e88c9f3131041dc:0ff6a6781c275fa908bff258aa768694",
		"a1b2c3d4e5f6127d8a64048e3167c1d2f42ee8ca83b571dbcde318:823a1c74fcbee30a1e403a0c83088d52",
	},
	keyV2: {
		"a1b2c3d4e5f6a1b2c3d4e5f662931ce14653a68c64726d20d3bdcf0e4b3401577ebb6a0c:186605ab19830ed91bfc17aae5c695da",
		"a1b2c3d4e5f6a1b2c3d4e5f667e23da41955a7ff150c1831cbddfc397467054775:ed3630d48ced0fdc05feaaf33f1171e0",
	},
}

const user = "amelia@acme.example"

// loginText is a file as sf writes it, with keys that mean nothing to us.
func loginText(key string) string {
	return `{
  "accessToken": "` + encrypted[key][0] + `",
  "instanceUrl": "https://acme.my.salesforce.com",
  "orgId": "00D5g000004CcccEAC",
  "username": "amelia@acme.example",
  "loginUrl": "https://login.salesforce.com",
  "refreshToken": "` + encrypted[key][1] + `",
  "clientId": "PlatformCLI",
  "isDevHub": false,
  "name": "Acme <&> 花子",
  "trailExpirationDate": null,
  "unknown": {
    "nested": [1, 2.50, "x"]
  }
}`
}

// shared is sf's directory with one login in it, called acme.
func shared(t *testing.T, key string) string {
	t.Helper()
	dir := home(t, key)
	write(t, filepath.Join(dir, user+".json"), loginText(key), 0o644)
	write(t, filepath.Join(dir, "alias.json"), `{"orgs":{"gone":"nobody@acme.example","acme":"`+user+`"},"other":{"a":1}}`, 0o644)
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func lease(t *testing.T, s store.Store, alias string) store.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), alias)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release() })
	return l
}

func load(t *testing.T, l store.Lease) *store.Grant {
	t.Helper()
	g, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func save(t *testing.T, l store.Lease, g *store.Grant) {
	t.Helper()
	if err := l.Save(t.Context(), g); err != nil {
		t.Fatal(err)
	}
}

func TestReadsWhatSfWrites(t *testing.T) {
	t.Parallel()
	for key := range encrypted {
		s := open(t, shared(t, key))
		for _, alias := range []string{"acme", user} {
			g, err := s.Get(t.Context(), alias)
			if err != nil {
				t.Fatal(err)
			}
			if g.Alias != alias || g.Username != user || g.AccessToken.Reveal() != "00D5g000004CANARY!access" ||
				g.RefreshToken.Reveal() != "5Aep861CANARY.refresh" || g.App.Host.String() != "https://login.salesforce.com" ||
				g.App.ClientID != sftoken.PlatformCLI || g.Generation != 1 || g.State != store.Live || !g.MayRotate() {
				t.Errorf("%s is %+v", alias, g)
			}
		}
		if aliases, err := s.Aliases(t.Context()); err != nil || strings.Join(aliases, " ") != "acme" {
			t.Errorf("aliases %q, %v; want acme alone", aliases, err)
		}
	}
}

// What sf has no place for leaves its file alone; a refresh changes the two tokens and no other byte.
func TestKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	for key := range encrypted {
		dir := shared(t, key)
		path := filepath.Join(dir, user+".json")
		l := lease(t, open(t, dir), "acme")
		g := load(t, l)
		g.Spending = &store.Spending{Fingerprint: g.RefreshToken.Fingerprint(), Since: time.Now(), Owner: "this test"}
		save(t, l, g)
		if read(t, path) != loginText(key) {
			t.Error("a mark changed sf's file")
		}
		g.AccessToken, g.RefreshToken = sftoken.NewSecret("new access"), sftoken.NewSecret("new refresh")
		save(t, l, g)
		var now struct{ AccessToken, RefreshToken string }
		text := read(t, path)
		if err := json.Unmarshal([]byte(text), &now); err != nil {
			t.Fatal(err)
		}
		want := strings.NewReplacer(encrypted[key][0], now.AccessToken, encrypted[key][1], now.RefreshToken).Replace(loginText(key))
		if text != want || now.AccessToken == encrypted[key][0] || strings.Contains(text, "new") {
			t.Errorf("sf's file after a refresh:\n%s", text)
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o644 {
			t.Errorf("its mode became %v", info.Mode())
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*sftoken*")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	}
}

// A second store with a sidecar of its own is to the first what sf is: somebody who changes the file under sf's locks.
func TestSeesRefreshBySf(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	ours := open(t, dir)
	theirs, err := sf.Open(t.Context(), sf.Options{Dir: dir, Sidecar: filepath.Join(t.TempDir(), "sidecar"), KeyFile: true, Key: keys.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	l := lease(t, ours, "acme")
	g := load(t, l)
	g.State, g.Reason, g.Scopes = store.Dead, "invalid_grant: expired access/refresh token", []string{"api"}
	g.Spending = &store.Spending{Fingerprint: g.RefreshToken.Fingerprint()}
	save(t, l, g)
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"rotated once", "rotated twice"} {
		other := lease(t, theirs, user)
		changed := load(t, other)
		changed.RefreshToken = sftoken.NewSecret(token)
		save(t, other, changed)
		if err := other.Release(); err != nil {
			t.Fatal(err)
		}
		before := g.Generation
		again := lease(t, ours, "acme")
		g = load(t, again)
		if g.Generation != before+1 || g.State != store.Live || g.Reason != "" || g.Spending != nil || g.RefreshToken.Reveal() != token ||
			len(g.Scopes) != 1 || g.RefreshedAt.IsZero() || !g.MayRotate() {
			t.Errorf("after sf has %s: %+v, want generation %d", token, g, before+1)
		}
		if err := again.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing is ever made up for a key that is not there: sf does that, and loses every login.
func TestKeyTrouble(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		kind  error
		id    string
	}{
		"missing":  {func(t *testing.T, path string) { os.Remove(path) }, store.ErrKeyLost, "sf-key-missing"},
		"another":  {func(t *testing.T, path string) { rewrite(t, path, keyV1, strings.Repeat("f", 32)) }, store.ErrKeyLost, "sf-key-other"},
		"no key":   {func(t *testing.T, path string) { rewrite(t, path, keyV1, "CANARY") }, store.ErrKeyLost, "sf-key-missing"},
		"open":     {func(t *testing.T, path string) { os.Chmod(path, 0o644) }, store.ErrUnsafe, "store-unsafe-mode"},
		"not ours": {func(t *testing.T, path string) { rewrite(t, path, "sfdx", "other") }, store.ErrKeyLost, "sf-key-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shared(t, keyV1)
			path := filepath.Join(dir, "key.json")
			c.spoil(t, path)
			before, _ := os.ReadFile(path)
			s := open(t, dir)
			_, err := s.Get(t.Context(), "acme")
			e, _ := errors.AsType[*store.Error](err)
			if !errors.Is(err, c.kind) || e.ErrorID() != c.id || !strings.Contains(err.Error(), "get acme") || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("Get: %v, want %s", err, c.id)
			}
			l := lease(t, s, "acme")
			if err := l.Probe(t.Context()); name != "another" && !errors.Is(err, c.kind) {
				t.Errorf("Probe: %v", err)
			}
			if err := l.Save(t.Context(), &store.Grant{Alias: "acme"}); !errors.Is(err, c.kind) {
				t.Errorf("Save: %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) || read(t, filepath.Join(dir, user+".json")) != loginText(keyV1) {
				t.Error("something was written")
			}
		})
	}
}

func rewrite(t *testing.T, path, old, replacement string) {
	t.Helper()
	write(t, path, strings.ReplaceAll(read(t, path), old, replacement), 0o600)
}

func TestKeyFromTheKeychain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, want string }{
		"there":  {`[ "$*" = "lookup user local domain sfdx" ] && echo ` + keyV1, ""},
		"absent": {"exit 1", "sf's key is not in the keychain"},
		"locked": {"echo 'Cannot autolaunch D-Bus without X11 $DISPLAY' >&2; exit 1", "Cannot autolaunch D-Bus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shared(t, keyV1)
			tool := filepath.Join(t.TempDir(), "secret-tool")
			write(t, tool, "#!/bin/sh\n"+c.script+"\n", 0o700)
			s, err := sf.Open(t.Context(), sf.Options{Dir: dir, Sidecar: filepath.Join(dir, "sidecar"), SecretTool: tool, Key: keys.Generate()})
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Get(t.Context(), "acme")
			switch {
			case c.want == "" && (err != nil || g.RefreshToken.IsZero()):
				t.Errorf("Get: %v", err)
			case c.want != "" && (!errors.Is(err, store.ErrKeyLost) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("Get: %v, want %q", err, c.want)
			}
		})
	}
}

// sf writes in place: half a file under its lock is waited for, and one without is an error rather than an empty login.
func TestHalfAFile(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	s, path := open(t, dir), filepath.Join(dir, user+".json")
	write(t, path, loginText(keyV1)[:100], 0o644)
	if _, err := s.Get(t.Context(), "acme"); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("Get of half a login: %v", err)
	}
	if err := lease(t, s, "acme").Save(t.Context(), &store.Grant{Alias: "acme"}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Save over half a login: %v", err)
	}
	if err := os.Mkdir(path+".lock", 0o755); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { _, err := s.Get(t.Context(), "acme"); got <- err }()
	select {
	case err := <-got:
		t.Errorf("Get did not wait for sf: %v", err)
	case <-time.After(60 * time.Millisecond):
	}
	write(t, path, loginText(keyV1), 0o644)
	if err := errors.Join(os.Remove(path+".lock"), <-got); err != nil {
		t.Error(err)
	}
}

// A save that fails after sf's file was written may be repeated, and what is there meanwhile is the new login.
func TestSidecarFails(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	s := open(t, dir)
	l := lease(t, s, "acme")
	g := load(t, l)
	save(t, l, g)
	inTheWay := filepath.Join(dir, "sidecar", "grants", ".amelia%40acme.example.grant.new")
	write(t, inTheWay, "", 0o600)
	g.RefreshToken = sftoken.NewSecret("rotated")
	if err := l.Save(t.Context(), g); err == nil {
		t.Fatal("Save without a place for the sidecar worked")
	}
	if now, err := s.Get(t.Context(), "acme"); err != nil || now.RefreshToken.Reveal() != "rotated" || now.State != store.Live {
		t.Errorf("after half a save: %+v, %v", now, err)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	g.Scopes = []string{"api"}
	save(t, l, g)
	if now := load(t, l); now.Generation != g.Generation || len(now.Scopes) != 1 {
		t.Errorf("after the repetition: %+v, want generation %d", now, g.Generation)
	}
}

// sf keeps one login a user. A new alias for one that is there would replace it.
func TestOneLoginAUser(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	s := open(t, dir)
	for name, g := range map[string]*store.Grant{
		"sf-user-taken":   {Alias: "second", Username: user},
		"sf-user-missing": {Alias: "second", Username: "nobody"},
		"sf-user-other":   {Alias: "acme", Username: "other@acme.example", Generation: 1},
	} {
		l := lease(t, s, g.Alias)
		err := errors.Join(l.Save(t.Context(), g), l.Release())
		if e, ok := errors.AsType[*store.Error](err); !ok || e.ErrorID() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if read(t, filepath.Join(dir, user+".json")) != loginText(keyV1) {
		t.Error("sf's login was changed")
	}
}

// A login that is saved here is sf's too, with its alias; a deleted one leaves no alias, and what is not ours stays.
func TestNewAndDeleted(t *testing.T) {
	t.Parallel()
	dir := shared(t, keyV1)
	s := open(t, dir)
	l := lease(t, s, "second")
	save(t, l, &store.Grant{Alias: "second", Username: "other@acme.example", RefreshToken: sftoken.NewSecret("x")})
	if got, want := read(t, filepath.Join(dir, "alias.json")),
		`{"orgs":{"gone":"nobody@acme.example","acme":"`+user+`","second":"other@acme.example"},"other":{"a":1}}`; got != want {
		t.Errorf("alias.json is %s", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "other@acme.example.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the new login: %v, %v", info, err)
	}
	if err := lease(t, s, "acme").Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, filepath.Join(dir, "alias.json")),
		`{"orgs":{"gone":"nobody@acme.example","second":"other@acme.example"},"other":{"a":1}}`; got != want {
		t.Errorf("alias.json is %s", got)
	}
	if aliases, err := s.Aliases(t.Context()); err != nil || strings.Join(aliases, " ") != "second" {
		t.Errorf("aliases %q, %v", aliases, err)
	}
}
