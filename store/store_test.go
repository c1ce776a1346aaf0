package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/storetest"
)

func TestValidAlias(t *testing.T) {
	t.Parallel()
	for _, alias := range []string{"p", "prod", "Prod", "amelia@acme.example", "a+b_c-d.e", "本番", "é", "e\u0301", "7", strings.Repeat("x", store.MaxAlias)} {
		if err := store.ValidAlias(alias); err != nil {
			t.Errorf("ValidAlias(%q): %v", alias, err)
		}
	}
	for alias, reason := range map[string]string{
		"": "empty", "-x": "begins with", ".": "begins with", "..": "begins with", "@x": "begins with", "\u0301e": "begins with",
		"a b": "not allowed", "a/b": "not allowed", "a\tb": "not allowed", "a\x00": "not allowed", "a\u202eb": "not allowed",
		"a$b": "not allowed", "a:b": "not allowed", "a%b": "not allowed", "\xff": "UTF-8",
		strings.Repeat("x", store.MaxAlias+1): "65 bytes",
	} {
		err := store.ValidAlias(alias)
		if e, ok := errors.AsType[*store.AliasError](err); !ok || !strings.Contains(e.Reason, reason) || e.ErrorID() != "alias-invalid" {
			t.Errorf("ValidAlias(%q): %v, want an *AliasError with %q", alias, err, reason)
		}
	}
}

// A field that Clone or Encode forgets is found here: every field of the sample is set, see storetest.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	g := storetest.Grant("prod")
	c := g.Clone()
	if diff := storetest.Diff(g, c); diff != "" {
		t.Fatalf("Clone (-want +got):\n%s", diff)
	}
	var compare func(path string, a, b reflect.Value)
	compare = func(path string, a, b reflect.Value) {
		if a.Type() == reflect.TypeFor[sftoken.Secret]() || a.Type().PkgPath() == "time" {
			return // cannot be changed
		}
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				compare(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if a.Pointer() == b.Pointer() {
				t.Errorf("%s is shared with the clone", path)
			}
		}
	}
	compare("Grant", reflect.ValueOf(*g), reflect.ValueOf(*c))
	if (*store.Grant)(nil).Clone() != nil {
		t.Error("the clone of nothing is something")
	}
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []*store.Grant{storetest.Grant("prod"), first(), server(), {Alias: "bare"}} {
		want.Generation = 7
		data, err := store.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := storetest.Diff(want, got); diff != "" {
			t.Errorf("the record came back changed (-want +got):\n%s", diff)
		}
	}
}

// first is a grant that schema 1 can hold.
func first() *store.Grant {
	g := storetest.Grant("prod")
	g.Flow, g.Subject, g.Audience, g.App.PrivateKey = "", "", "", sftoken.Secret{}
	return g
}

// server is a grant that needs schema 2.
func server() *store.Grant {
	g := storetest.Grant("prod")
	g.App.ClientSecret = sftoken.Secret{}
	g.App.RedirectURI, g.App.Scopes, g.RefreshToken = "", nil, sftoken.Secret{}
	g.Flow = sftoken.FlowJWTBearer
	g.State, g.Reason, g.Spending, g.Rotates = store.Live, "", nil, false
	return g
}

// The record is fixed: what an older version has written must be read for ever (B-25), and what an older version can
// understand is written as it wrote it.
func TestRecordIsFixed(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]*store.Grant{"testdata/record-1.json": first(), "testdata/record-2.json": server()} {
		want.Generation = 7
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := storetest.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		again, err := store.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		var written bytes.Buffer
		if err := json.Indent(&written, again, "", "  "); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(data), written.String()+"\n"); diff != "" {
			t.Errorf("%s, written again (-want +got):\n%s", file, diff)
		}
	}
}

func TestRenewable(t *testing.T) {
	t.Parallel()
	key, secret := sftoken.NewSecret("key"), sftoken.NewSecret("secret")
	for _, row := range []struct {
		name             string
		grant            store.Grant
		again, renewable bool
	}{
		{"web server", store.Grant{RefreshToken: secret}, false, true},
		{"web server without a refresh token", store.Grant{App: sftoken.App{ClientSecret: secret}}, false, false},
		{"JWT bearer", store.Grant{Flow: sftoken.FlowJWTBearer, Subject: "a@acme.example", App: sftoken.App{PrivateKey: key}}, true, true},
		{"JWT bearer without its key", store.Grant{Flow: sftoken.FlowJWTBearer, Subject: "a@acme.example", App: sftoken.App{ClientSecret: secret}}, false, false},
		{"JWT bearer without its user", store.Grant{Flow: sftoken.FlowJWTBearer, App: sftoken.App{PrivateKey: key}}, false, false},
		{"client credentials", store.Grant{Flow: sftoken.FlowClientCredentials, App: sftoken.App{ClientSecret: secret}}, true, true},
		{"client credentials by key", store.Grant{Flow: sftoken.FlowClientCredentials, App: sftoken.App{PrivateKey: key}}, true, true},
		{"client credentials without either", store.Grant{Flow: sftoken.FlowClientCredentials}, false, false},
		{"user name and password", store.Grant{Flow: sftoken.FlowUsernamePassword, App: sftoken.App{ClientSecret: secret}}, false, false},
		{"device", store.Grant{Flow: sftoken.FlowDevice, RefreshToken: secret}, false, true},
	} {
		if row.grant.RunsAgain() != row.again || row.grant.Renewable() != row.renewable {
			t.Errorf("%s: runs again %v, renewable %v", row.name, row.grant.RunsAgain(), row.grant.Renewable())
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]error{
		``:                              store.ErrDamaged,
		`CANARY`:                        store.ErrDamaged,
		`{"alias":"prod"}`:              store.ErrDamaged,
		`{"schema":0,"alias":"prod"}`:   store.ErrDamaged,
		`{"schema":"1","alias":"prod"}`: store.ErrDamaged,
		`{"schema":1,"state":"live"}`:   store.ErrDamaged,
		`{"schema":1,"alias":"prod"}`:   store.ErrNewerFormat, // no state that we know
		`{"schema":1,"alias":"-prod","state":"live"}`:                               store.ErrDamaged,
		`{"schema":1,"alias":"prod"} {}`:                                            store.ErrDamaged,
		`{"schema":1,"alias":"prod","refresh_token":{"CANARY":1}}`:                  store.ErrDamaged,
		`{"schema":1,"alias":"prod","issued_at":"CANARY"}`:                          store.ErrDamaged,
		`{"schema":1,"alias":"prod","login_host":"CANARY secret !","state":"live"}`: store.ErrDamaged,
		`{"schema":1,"alias":"prod","state":"CANARY"}`:                              store.ErrNewerFormat,
		`{"schema":1,"alias":"prod","state":"live","CANARY":1}`:                     store.ErrNewerFormat,
		`{"schema":2,"alias":"prod","state":"live","flow":"CANARY"}`:                store.ErrNewerFormat,
		`{"schema":3,"alias":"prod"}`:                                               store.ErrNewerFormat,
		`{"schema":3,"alias":{"now":"an object"}}`:                                  store.ErrNewerFormat,
	} {
		g, err := store.Decode([]byte(record))
		if g != nil || !errors.Is(err, want) {
			t.Errorf("Decode(%s) = %v, %v; want %v", record, g, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("Decode(%s): the error shows what it read: %v", record, err)
		}
	}
}

func TestEncodeRefusesWhatJSONWouldChange(t *testing.T) {
	t.Parallel()
	g := storetest.Grant("prod")
	g.RefreshToken = sftoken.NewSecret("CANARY\xff")
	if data, err := store.Encode(g); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("Encode of a token that is not UTF-8 = %d bytes, %v; want an error without the token", len(data), err)
	}
}

func TestEncodeRefusesAStateThatIsNone(t *testing.T) {
	t.Parallel()
	g := storetest.Grant("prod")
	g.State = 9
	if data, err := store.Encode(g); err == nil {
		t.Errorf("Encode of state 9 = %s, want an error", data)
	}
}

// C-70: a grant in a log or in JSON output shows no secret.
func TestGrantIsNotPrinted(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(storetest.Grant("prod"))
	if err != nil || strings.Contains(string(text), "CANARY") {
		t.Errorf("json.Marshal: %v, or a secret shows", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*store.Error{
		"get prod: no such grant": {Op: "get", Alias: "prod", Kind: store.ErrNotFound},
		"save prod: /d/prod.grant: no space left: no space left on device; make room": {
			Op: "save", Alias: "prod", Path: "/d/prod.grant",
			Kind: store.ErrNoSpace, Err: syscall.ENOSPC, Mend: "make room",
		},
		"read /d/key: no such file or directory": {Op: "read", Path: "/d/key", Err: syscall.ENOENT},
		"open /d: others may use it":             {Op: "open", Path: "/d", Kind: store.ErrUnsafe, Detail: "others may use it"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	}
	err := error(&store.Error{Op: "read", Kind: store.ErrNoSpace, Err: syscall.ENOENT, Mend: "make room"})
	if !errors.Is(err, store.ErrNoSpace) || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrDamaged) {
		t.Error("errors.Is does not find kind and cause, or finds more")
	}
	for id, err := range map[string]*store.Error{
		"store-no-space":    {Kind: store.ErrNoSpace},
		"store-unsafe-mode": {Kind: store.ErrUnsafe, ID: "store-unsafe-mode"},
		"store-failed":      {Err: context.Canceled},
	} {
		if got := err.ErrorID(); got != id {
			t.Errorf("ErrorID = %q, want %q", got, id)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, g := range []*store.Grant{storetest.Grant("prod"), {Alias: "bare"}} {
		data, err := store.Encode(g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema":3}`))
	f.Add([]byte(`{"schema":1,"alias":"prod","issued_at":"0001-01-01T00:00:00+23:59"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := store.Decode(data)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewerFormat) {
				t.Errorf("error %v is of no kind", err)
			}
			return
		}
		again, err := store.Encode(g)
		if err != nil {
			return // a time zone may take a time out of the years 0 to 9999
		}
		back, err := store.Decode(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := storetest.Diff(g, back); diff != "" {
			t.Errorf("the record changed on the way (-want +got):\n%s", diff)
		}
	})
}

func FuzzAlias(f *testing.F) {
	f.Add("prod")
	f.Fuzz(func(t *testing.T, alias string) {
		if store.ValidAlias(alias) != nil {
			return
		}
		if strings.ContainsAny(alias, "/\\ \x00\n'\"$`|&;<>*?%:") || alias[0] == '-' || alias[0] == '.' || len(alias) > store.MaxAlias {
			t.Errorf("alias %q is accepted", alias)
		}
	})
}
