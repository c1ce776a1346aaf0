// Package storetest is the conformance suite of stores: whoever writes a store.Store runs it from a test of his own.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
//	}
//
// It proves what the comments of store.Store and store.Lease promise, within one process; [Processes] proves it for several
// that are killed at any moment. What happens on a full disk or a lost connection depends on the store, which tests that
// itself.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/store"
)

// Run tests the stores that open returns. Each call must give an empty one; open closes it by t.Cleanup if need be.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"empty", empty},
		{"save and get", saveAndGet},
		{"every field comes back", everyField},
		{"list is sorted", listSorted},
		{"aliases", aliases},
		{"invalid aliases are refused", invalidAliases},
		{"generation", generation},
		{"stale save is refused", staleSave},
		{"wrong alias is refused", wrongAlias},
		{"delete", deletion},
		{"delete and re-create", recreate},
		{"released lease is refused", released},
		{"lease excludes others", leaseExcludes},
		{"lease honours the context", leaseContext},
		{"leases of other grants are free", leasesApart},
		{"cancelled context", cancelled},
		{"what is returned belongs to the caller", isolation},
		{"big grant", bigGrant},
		{"probe", probe},
		{"concurrent counters lose nothing", counters},
		{"readers never see a step back", readers},
		{"errors and names keep secrets", secrets},
		{"spool", spool},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// Grant returns a grant with every field set, for tests.
func Grant(alias string) *store.Grant {
	at := time.Date(2026, 11, 20, 10, 30, 0, 123456789, time.UTC)
	host, err := sftoken.ParseHost("https://acme.my.salesforce.com")
	if err != nil {
		panic(err)
	}
	return &store.Grant{
		Alias: alias,
		App: sftoken.App{
			ClientID:     "3MVG9.storetest",
			ClientSecret: sftoken.NewSecret("CANARY-client-secret"),
			PrivateKey:   sftoken.NewSecret("CANARY-private-key"),
			Host:         host,
			RedirectURI:  "http://localhost:1717/OauthRedirect",
			Scopes:       []string{"api", "refresh_token"},
		},
		AllowHosts:   []string{"login.acme.example"},
		Flow:         sftoken.FlowHybrid,
		Subject:      "amelia@acme.example",
		Audience:     "https://login.salesforce.com",
		AccessToken:  sftoken.NewSecret("00D5g000004CANARY!access"),
		RefreshToken: sftoken.NewSecret("5Aep861CANARY.refresh"),
		InstanceURL:  "https://acme.my.salesforce.com",
		IdentityURL:  "https://login.salesforce.com/id/00D5g000004CcccEAC/0055g00000DdddEAAR",
		CommunityURL: "https://acme.my.site.com/partners",
		OrgID:        "00D5g000004CcccEAC", UserID: "0055g00000DdddEAAR",
		Username: "amelia@acme.example", DisplayName: "花子 <Amelia>", Email: "amelia@acme.example",
		Scopes:   []string{"api", "id", "refresh_token"},
		IssuedAt: at, Expiry: store.Expiry{At: at.Add(2 * time.Hour), Source: store.FromIntrospection},
		Rejected: "0a1b2c3d",
		State:    store.Uncertain, Reason: "no answer from login.salesforce.com",
		Spending:  &store.Spending{Fingerprint: "deadbeef", Since: at, Owner: "pid 17 on laptop"},
		Rotates:   true,
		CreatedAt: at.Add(-time.Hour), RefreshedAt: at,
	}
}

// Diff compares two grants, secrets and all, without showing the secrets.
func Diff(want, got *store.Grant) string {
	return cmp.Diff(want, got, cmp.Comparer(func(a, b sftoken.Host) bool { return a == b }))
}

func lease(t *testing.T, s store.Store, alias string) store.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := s.Lease(ctx, alias)
	if err != nil {
		t.Fatalf("Lease(%q): %v", alias, err)
	}
	t.Cleanup(func() { _ = l.Release() })
	return l
}

func release(t *testing.T, l store.Lease) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Fatalf("Release: %v", err)
	}
}

// put saves a grant under a lease of its own.
func put(t *testing.T, s store.Store, g *store.Grant) {
	t.Helper()
	l := lease(t, s, g.Alias)
	defer release(t, l)
	if err := l.Save(t.Context(), g); err != nil {
		t.Fatalf("Save(%q): %v", g.Alias, err)
	}
}

func get(t *testing.T, s store.Store, alias string) *store.Grant {
	t.Helper()
	g, err := s.Get(t.Context(), alias)
	if err != nil {
		t.Fatalf("Get(%q): %v", alias, err)
	}
	return g
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func everyField(t *testing.T, s store.Store) {
	want := Grant("full")
	for field := range fields(*want) {
		if field != "Generation" && reflect.ValueOf(*want).FieldByName(field).IsZero() {
			t.Errorf("the sample leaves %s empty, so that nothing is proved for it", field)
		}
	}
	put(t, s, want)
	if diff := Diff(want, get(t, s, "full")); diff != "" {
		t.Errorf("the grant came back changed (-want +got):\n%s", diff)
	}
	bare := &store.Grant{Alias: "bare"}
	put(t, s, bare)
	if diff := Diff(bare, get(t, s, "bare")); diff != "" {
		t.Errorf("the empty grant came back changed (-want +got):\n%s", diff)
	}
}

func fields(g store.Grant) map[string]bool {
	names := map[string]bool{}
	for f := range reflect.TypeOf(g).Fields() {
		names[f.Name] = true
	}
	return names
}

func bigGrant(t *testing.T, s store.Store) {
	big := Grant("big")
	big.AccessToken = sftoken.NewSecret(strings.Repeat("0123456789abcdef", 32<<10)) // 512 KiB
	put(t, s, big)
	if diff := Diff(big, get(t, s, "big")); diff != "" {
		t.Error("a grant of 512 KiB came back changed")
	}
	small := get(t, s, "big")
	small.AccessToken = sftoken.NewSecret("short")
	put(t, s, small)
	if got := get(t, s, "big"); !got.AccessToken.Equal(small.AccessToken) {
		t.Error("after a big grant a small one came back changed")
	}
}
