package sftoken_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/sftoken/sftoken"
)

var hostTable = []struct{ pasted, want string }{
	// words
	{"login", "https://login.salesforce.com"},
	{"PROD", "https://login.salesforce.com"},
	{"production", "https://login.salesforce.com"},
	{"test", "https://test.salesforce.com"},
	{" sandbox\n", "https://test.salesforce.com"},
	// names without a domain
	{"acme", acme},
	{"Acme", acme},
	{"https://acme", acme},
	{"acme.my", acme},
	{"acme--uat", "https://acme--uat.sandbox.my.salesforce.com"},
	{"acme--uat.sandbox.my", "https://acme--uat.sandbox.my.salesforce.com"},
	// login hosts
	{"login.salesforce.com", "https://login.salesforce.com"},
	{"https://test.salesforce.com/", "https://test.salesforce.com"},
	{"HTTPS://ACME.My.Salesforce.COM", acme},
	{"acme.my.salesforce.com.", acme},
	{"<https://acme.my.salesforce.com>", acme},
	{`"acme.my.salesforce.com"`, acme},
	{"https://acme--uat.sandbox.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"},
	{"acme-dev-ed.develop.my.salesforce.com", "https://acme-dev-ed.develop.my.salesforce.com"},
	{"acme.cs12.my.salesforce.com", "https://acme.cs12.my.salesforce.com"},
	{"na139.salesforce.com", "https://na139.salesforce.com"},
	{"acme.my-salesforce.com", "https://acme.my-salesforce.com"},
	{"acme.cloudforce.com", "https://acme.cloudforce.com"},
	{"acme.database.com", "https://acme.database.com"},
	{"acme.my.salesforce.mil", "https://acme.my.salesforce.mil"},
	{"acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"},
	// pages of an org
	{"https://acme.lightning.force.com/lightning/page/home", acme},
	{"https://acme--uat.sandbox.lightning.force.com", "https://acme--uat.sandbox.my.salesforce.com"},
	{"https://acme.develop.lightning.force.com", "https://acme.develop.my.salesforce.com"},
	{"https://acme.scratch.lightning.force.com", "https://acme.scratch.my.salesforce.com"},
	{"https://acme.trailblaze.lightning.force.com", "https://acme.trailblaze.my.salesforce.com"},
	{"https://acme--uat.sandbox.my.salesforce-setup.com/lightning/setup/SetupOneHome/home", "https://acme--uat.sandbox.my.salesforce.com"},
	{"https://acme.lightning.crmforce.mil/one/one.app", "https://acme.my.salesforce.mil"},
	{"https://acme.my-lightning.com", "https://acme.my-salesforce.com"},
	{"https://acme.lightning.sfcrmapps.cn", "https://acme.my.sfcrmproducts.cn"},
	{"https://acme.my.sfcrmapps.cn", "https://acme.my.sfcrmproducts.cn"},
	{"https://acme--c.vf.force.com/apex/Page", acme},
	{"https://acme--c.visualforce.com", acme},
	{"https://acme--uat--c.sandbox.vf.force.com", "https://acme--uat.sandbox.my.salesforce.com"},
	{"https://acme.file.force.com/sfc/servlet", acme},
	{"https://acme.documentforce.com", acme},
	{"https://acme--uat.sandbox.file.force.com", "https://acme--uat.sandbox.my.salesforce.com"},
	{"https://acme.my.salesforce.com/services/oauth2/token", acme},
	{"https://acme.my.salesforce.com/services/oauth2/authorize?response_type=code&client_id=x", acme},
	{"https://acme.my.salesforce.com/partners", acme},
	// sites
	{"https://acme.my.site.com/partners/s/login?x=1", "https://acme.my.site.com/partners"},
	{"https://acme.my.site.com/partners/services/oauth2/authorize?x=1", "https://acme.my.site.com/partners"},
	{"acme.my.site.com/partners/", "https://acme.my.site.com/partners"},
	{"acme.my.site.com", "https://acme.my.site.com"},
	{"acme.my.site.com/s/", "https://acme.my.site.com"},
	{"https://acme.scratch.my.site.com/Help", "https://acme.scratch.my.site.com/Help"},
	{"https://acme.secure.force.com/partners/login", "https://acme.secure.force.com/partners"},
	// ports and plain http
	{"http://acme.my.salesforce.com", acme},
	{"https://acme.my.salesforce.com:443", acme},
	{"acme.my.salesforce.com:8443", acme},
	{"http://localhost:8080", "http://localhost:8080"},
	{"http://LocalHost:80/", "http://localhost"},
	{"https://localhost:8443", "https://localhost:8443"},
	{"localhost:8443", "https://localhost:8443"},
	{"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
	{"http://[::1]:8080", "http://[::1]:8080"},
	{"http://localhost:8080/orgs/acme/services/oauth2/authorize?x=1", "http://localhost:8080/orgs/acme"},
	// auth URLs
	{"force://PlatformCLI::5Aep861abc@acme.my.salesforce.com", acme},
	{"force://id:secret:5Aep861abc==@acme.lightning.force.com", acme},
	{"force://PlatformCLI::5Aep861abc@localhost:8443", "https://localhost:8443"},
}

// Table 1.3 of the protocol reference: each row, and what people paste besides.
func TestParseHost(t *testing.T) {
	t.Parallel()
	for _, row := range hostTable {
		got, err := sftoken.ParseHost(row.pasted)
		if err != nil || got.String() != row.want {
			t.Errorf("ParseHost(%q) = %q, %v; want %q", row.pasted, got, err, row.want)
		}
	}
}

func TestParseHostRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ pasted, id string }{
		{"", "host-empty"},
		{" \n", "host-empty"},
		{"salesforce.com.evil.example", "host-not-salesforce"},
		{"https://login.salesforce.com.evil.example/", "host-not-salesforce"},
		{"evilsalesforce.com", "host-not-salesforce"},
		{"https://my.salesforce.com-evil.example", "host-not-salesforce"},
		{"https://evil.example#.salesforce.com", "host-not-salesforce"},
		{"https://evil.example?.salesforce.com", "host-not-salesforce"},
		{"https://evil.example/.salesforce.com", "host-not-salesforce"},
		{`https://evil.example\.salesforce.com`, "host-malformed"},
		{`https://login.salesforce.com\@evil.example`, "host-malformed"},
		{"https://login.salesforce.com@evil.example", "host-malformed"},
		{"https://user:pa55word@login.salesforce.com", "host-malformed"},
		{"https://login.salesforce.com:443@evil.example", "host-malformed"},
		{"https://login%2Esalesforce.com", "host-malformed"},
		{"https://login.salesforce.com%00.evil.example", "host-malformed"},
		{"https://lоgin.salesforce.com", "host-not-ascii"}, // a Cyrillic o
		{"ｌｏｇｉｎ", "host-not-ascii"},                        // full width
		{"https://login。salesforce.com", "host-not-ascii"},
		{"login.salesforce.com\x00.evil.example", "host-malformed"},
		{"login.salesforce.com evil.example", "host-malformed"},
		{"login.salesforce.com\nevil.example", "host-malformed"},
		{"-acme", "host-malformed"},
		{"acme_corp", "host-malformed"},
		{"acme/partners", "host-malformed"},
		{"http//acme.my.salesforce.com", "host-malformed"},
		{"https://https://acme.my.salesforce.com", "host-malformed"},
		{"ftp://acme.my.salesforce.com", "host-malformed"},
		{"javascript://login.salesforce.com/%0aalert(1)", "host-malformed"},
		{"file:///etc/passwd", "host-malformed"},
		{"https://", "host-malformed"},
		{"//login.salesforce.com", "host-malformed"},
		{"https://acme.my.salesforce.com:99999", "host-malformed"},
		{"https://acme.my.salesforce.com:http", "host-malformed"},
		{"https://acme..my.salesforce.com", "host-malformed"},
		{"2130706433", "host-malformed"}, // 127.0.0.1 as one number
		{"http://0177.0.0.1", "host-not-salesforce"},
		{"http://127.1", "host-not-salesforce"},
		{"http://0x7f.0.0.1", "host-not-salesforce"},
		{"http://10.0.0.1:8080", "host-not-salesforce"},
		{"http://[::ffff:127.0.0.1]:80", "host-not-salesforce"},
		{"http://[::1%25lo]:80", "host-not-salesforce"},
		{"http://[fe80::1]", "host-not-salesforce"},
		{"http://localhost.evil.example", "host-not-salesforce"},
		{"http://evil.localhost", "host-not-salesforce"},
		{"http://localhost:8080/a/../b", "host-malformed"},
		{"http://localhost:8080/a%2fb", "host-malformed"},
		{"idp.example.com", "host-not-salesforce"},
		{"acme.example.my.site.com.evil.example/x", "host-not-salesforce"},
		{"https://lightning.force.com", "host-lightning"},
		{"https://na1.visual.force.com", "host-lightning"},
		{"https://acme.builder.salesforce-experience.com", "host-lightning"},
		{"welcome.salesforce.com/discovery", "host-no-login"},
		{"api.salesforce.com", "host-no-login"},
		{"www.salesforce.com", "host-no-login"},
		{"my.salesforce.com", "host-no-login"},
		{"force.com", "host-no-login"},
		{"force://nothing", "auth-url-malformed"},
		{"force://id:s3cr3t:5AepRefresh@evil.example", "host-not-salesforce"},
	} {
		got, err := sftoken.ParseHost(row.pasted)
		var hostErr *sftoken.HostError
		if !errors.As(err, &hostErr) || hostErr.ErrorID() != row.id || !got.IsZero() {
			t.Errorf("ParseHost(%q) = %q, %v; want %s", row.pasted, got, err, row.id)
		}
		for _, secret := range []string{"pa55word", "5AepRefresh", "s3cr3t", "\n", "\x00"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("ParseHost(%q): the error shows %q", row.pasted, secret)
			}
		}
	}
}

func TestHostRulesAllow(t *testing.T) {
	t.Parallel()
	rules := sftoken.HostRules{Allow: []string{"Example.com", "*.login.test.example", "https://proxy:8443", "10.1.2.3"}}
	for _, row := range []struct{ pasted, want string }{
		{"example.com", "https://example.com"},
		{"http://login.example.com:80", "https://login.example.com"},
		{"https://login.example.com:8443/partners/services/oauth2/token", "https://login.example.com:8443/partners"},
		{"a.login.test.example", "https://a.login.test.example"},
		{"proxy", "https://proxy"},
		{"10.1.2.3", "https://10.1.2.3"},
		{"notexample.com", ""},
		{"example.com.evil.example", ""},
		{"10.1.2.30", ""},
	} {
		got, err := rules.Parse(row.pasted)
		if got.String() != row.want || (err == nil) != (row.want != "") {
			t.Errorf("Parse(%q) = %q, %v; want %q", row.pasted, got, err, row.want)
		}
	}
}

func TestHostText(t *testing.T) {
	t.Parallel()
	for _, row := range hostTable {
		var got sftoken.Host
		if err := got.UnmarshalText([]byte(row.want)); err != nil || got != parseHost(t, row.pasted) {
			t.Errorf("UnmarshalText(%q) = %v, %v", row.want, got, err)
		}
	}
	for _, text := range []string{
		"http://acme.my.salesforce.com", "acme.my.salesforce.com", "https://a@b.example", "https://ACME.example",
		"https://acme.example/", "https://acme.example/a/../b", "https://acme.example/?x", "https://acme.example:", "ftp://localhost",
	} {
		var got sftoken.Host
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = %v, want an error", text, got)
		}
	}
	got := parseHost(t, "acme")
	if err := got.UnmarshalText(nil); err != nil || !got.IsZero() {
		t.Errorf("UnmarshalText of nothing = %v, %v", got, err)
	}
	if pool, org := parseHost(t, "test"), parseHost(t, "acme"); !pool.IsPool() || org.IsPool() || org.IsLoopback() {
		t.Error("IsPool is wrong")
	}
	if local := parseHost(t, "http://[::1]:1"); !local.IsLoopback() || local.Endpoint("/x") != "http://[::1]:1/x" {
		t.Error("a loopback host is not told")
	}
}

// C-44: where a token may be sent.
func TestTrusts(t *testing.T) {
	t.Parallel()
	rules := sftoken.HostRules{Allow: []string{"portal.example.com"}}
	org, local := parseHost(t, "acme"), parseHost(t, "http://localhost:8080")
	var stored sftoken.Host
	if err := stored.UnmarshalText([]byte("https://login.example.net:8443")); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		login sftoken.Host
		url   string
		want  bool
	}{
		{org, acme, true},
		{org, "https://other.my.salesforce.com/services/data", true},
		{org, "https://login.salesforce.com/id/x/y", true},
		{org, "https://acme.my.site.com/partners", true},
		{org, "https://acme.my.salesforce.mil", true},
		{org, "https://acme.my.sfcrmproducts.cn", true},
		{org, "https://api.salesforce.com", true},
		{org, "https://a.portal.example.com:9000", true},
		{org, "http://acme.my.salesforce.com", false},
		{org, "https://acme.my.salesforce.com:8443", false},
		{org, "https://evil.example", false},
		{org, "https://salesforce.com.evil.example", false},
		{org, "https://acme.my.salesforce.com@evil.example", false},
		{org, "https://evil.example#.salesforce.com", false},
		{org, `https://evil.example\.salesforce.com`, false},
		{org, "http://localhost:8080", false},
		{org, "https://127.0.0.1", false},
		{org, "https://169.254.169.254/latest", false},
		{org, "acme.my.salesforce.com", false},
		{org, "", false},
		{org, "javascript:alert(1)", false},
		{local, "http://localhost:8080", true},
		{local, "http://127.0.0.1:9999/x", true},
		{local, "http://evil.example", false},
		{local, "http://[::1%25eth0]/", false},
		{stored, "https://login.example.net:8443/services/oauth2/token", true},
		{stored, "https://login.example.net/services/oauth2/token", false},
	} {
		if err := rules.Trusts(row.login, row.url); (err == nil) != row.want {
			t.Errorf("Trusts(%s, %q) = %v, want %t", row.login, row.url, err, row.want)
		}
	}
}

// F-05: what is accepted is one of Salesforce's hosts or loopback, for every other reader of URLs too.
func FuzzParseHost(f *testing.F) {
	for _, row := range hostTable {
		f.Add(row.pasted)
	}
	for _, text := range []string{"https://evil.example#.salesforce.com", `https://a\@b`, "http://0177.0.0.1", "force://a:b:c@d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, err := sftoken.ParseHost(text)
		if err != nil {
			var hostErr *sftoken.HostError
			if !errors.As(err, &hostErr) || hostErr.ID == "" || !host.IsZero() {
				t.Fatalf("ParseHost(%q) = %v, %#v", text, host, err)
			}
			return
		}
		u, err := url.Parse(host.String())
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(host.String(), "/") {
			t.Fatalf("ParseHost(%q) = %q, which reads as %#v, %v", text, host, u, err)
		}
		if u.Scheme != "https" && !host.IsLoopback() {
			t.Fatalf("ParseHost(%q) = %q, plain http", text, host)
		}
		if err := (sftoken.HostRules{}).Trusts(host, host.Endpoint("/services/oauth2/token")); err != nil {
			t.Fatalf("ParseHost(%q) = %q, which is not trusted: %v", text, host, err)
		}
		again, err := sftoken.ParseHost(host.String())
		if err != nil || again != host {
			t.Fatalf("ParseHost(%q) = %q, which parses as %q, %v", text, host, again, err)
		}
		var stored sftoken.Host
		if err := stored.UnmarshalText([]byte(host.String())); err != nil || stored != host {
			t.Fatalf("ParseHost(%q) = %q, which is stored as %q, %v", text, host, stored, err)
		}
	})
}

func BenchmarkParseHost(b *testing.B) {
	for b.Loop() {
		if _, err := sftoken.ParseHost("https://acme--uat.sandbox.lightning.force.com/lightning/page/home"); err != nil {
			b.Fatal(err)
		}
	}
}
