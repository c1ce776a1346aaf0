package appsetup

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
)

func wanted() Settings { return Settings{Name: "sftoken", ContactEmail: "admin@acme.example"} }

// What Salesforce would refuse, or take and not work with, is found before it is asked.
func TestValidate(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Settings){
		"":                                   func(*Settings) {},
		"app-setting-name":                   func(s *Settings) { s.Name = "a__b" },
		"app-setting-contact":                func(s *Settings) { s.ContactEmail = "" },
		"app-setting-users":                  func(s *Settings) { s.AdminApproved = true },
		"app-setting-scope":                  func(s *Settings) { s.Scopes = []string{"Api"} },
		"app-setting-ip":                     func(s *Settings) { s.IPRelaxation = "Bypass" },
		"app-setting-client-credentials":     func(s *Settings) { s.ClientCredentialsUser = "a@b" },
		"app-setting-certificate":            func(s *Settings) { s.Certificate = "-----BEGIN RSA PRIVATE KEY-----" },
		"app-setting-label":                  func(s *Settings) { s.Label = strings.Repeat("x", 81) },
		"redirect-insecure":                  func(s *Settings) { s.RedirectURIs = []string{"http://127.0.0.1:1/x"} },
		"app-setting-redirect":               func(s *Settings) { s.RedirectURIs = []string{"https://a.example/" + strings.Repeat("x", 2000)} },
		"app-setting-users (names are none)": func(s *Settings) { s.AdminApproved, s.Profiles = true, []string{"a,b"} },
	} {
		s := wanted()
		change(&s)
		err := s.Validate()
		id := ""
		if app, ok := errors.AsType[*sftoken.AppError](err); ok {
			id = app.ID
		}
		if want, _, _ := strings.Cut(want, " "); id != want {
			t.Errorf("want %q, got %q (%v)", want, id, err)
		}
	}
}

func TestRefreshPolicy(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"until-revoked", "idle:30d", "lifetime:12h", "lifetime:6m"} {
		if p, err := ParseRefreshPolicy(text); err != nil || p.String() != text {
			t.Errorf("%s: got %s, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "idle", "idle:0d", "idle:30", "idle:30w", "zero", "idle:99999d", "lifetime:-1d"} {
		if _, err := ParseRefreshPolicy(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// The components say what the settings say, and the safe thing where those say nothing.
func TestComponents(t *testing.T) {
	t.Parallel()
	content := map[string]string{}
	for _, f := range wanted().Package() {
		content[f.Path] = string(f.Content)
		if err := xml.Unmarshal(f.Content, new(struct{})); err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	for path, parts := range map[string][]string{
		"package.xml": {"<members>sftoken</members>", "<name>ExtlClntAppOauthConfigurablePolicies</name>", "<version>67.0</version>", `xmlns="http://soap.sforce.com/2006/04/metadata"`},
		"externalClientApps/sftoken.eca": {
			"<contactEmail>admin@acme.example</contactEmail>", "<distributionState>Local</distributionState>", "<isProtected>false</isProtected>",
		},
		"extlClntAppGlobalOauthSets/sftoken.ecaGlblOauth": {
			"<callbackUrl>http://localhost:1717/OauthRedirect</callbackUrl>", "<isConsumerSecretOptional>true</isConsumerSecretOptional>",
			"<isPkceRequired>true</isPkceRequired>", "<isRefreshTokenRotationEnabled>true</isRefreshTokenRotationEnabled>",
			"<isSecretRequiredForRefreshToken>false</isSecretRequiredForRefreshToken>", "<isDeviceFlowEnabled>false</isDeviceFlowEnabled>",
		},
		"extlClntAppOauthSettings/sftoken.ecaOauth": {"<commaSeparatedOauthScopes>Api, RefreshToken</commaSeparatedOauthScopes>"},
		"extlClntAppOauthPolicies/sftoken_defaultPolicy.ecaOauthPlcy": {
			"<ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType>", "<permittedUsersPolicyType>AllSelfAuthorized</permittedUsersPolicyType>",
			"<refreshTokenPolicyType>SpecificInactivity</refreshTokenPolicyType>", "<refreshTokenValidityPeriod>30</refreshTokenValidityPeriod>",
			"<refreshTokenValidityUnit>Days</refreshTokenValidityUnit>", "<externalClientApplication>sftoken</externalClientApplication>",
		},
		"extlClntAppPolicies/sftoken_defaultPolicy.ecaPlcy": {"<isEnabled>true</isEnabled>", "<isOauthPluginEnabled>true</isOauthPluginEnabled>"},
	} {
		for _, part := range parts {
			if !strings.Contains(content[path], part) {
				t.Errorf("%s lacks %s:\n%s", path, part, content[path])
			}
		}
	}
	s := wanted()
	s.Label = "<Tool & Co>"
	if got := string(s.Package()[1].Content); !strings.Contains(got, "&lt;Tool &amp; Co&gt;") {
		t.Errorf("a label was not escaped: %s", got)
	}
}

// Scopes come back from metadata as they went, and one that is not known here keeps its name.
func TestScopes(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(Scopes(), wiresOf(enumsOf(Scopes()))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"api", "Newest"}, wiresOf("api,Newest,")); diff != "" {
		t.Error(diff)
	}
}

// The archive has package.xml at its root, and the same again in a folder is refused.
func TestArchiveAndFiles(t *testing.T) {
	t.Parallel()
	files := wanted().Package()
	packed, err := archive(files, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.File {
		open, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(open)
		if err != nil || f.Name != files[i].Path || !bytes.Equal(content, files[i].Content) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	dir := t.TempDir()
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.xml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	exists, ok := errors.AsType[*ExistsError](Write(dir, append([]File{{Path: "new", Content: nil}}, files...)))
	if !ok || exists.Path != filepath.Join(dir, "package.xml") {
		t.Errorf("got %v", exists)
	}
	if content, _ := os.ReadFile(filepath.Join(dir, "package.xml")); string(content) != "mine" {
		t.Error("a file was replaced")
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("some files were written")
	}
}

// The guide names every setting that is deployed, in both languages, and its page holds no script and lets no value become one.
func TestGuide(t *testing.T) {
	t.Parallel()
	s := Settings{
		Name: "nightly", Label: `</code><script>alert(1)</script>`, ContactEmail: "a@b.example", Confidential: true, WithoutRotation: true,
		RedirectURIs: []string{"https://a.example/cb", "http://localhost:1717/x"}, Scopes: []string{"api", "refresh_token", "cdp_api"},
		AdminApproved: true, PermissionSets: []string{"Nightly_Users"}, Device: true, ClientCredentialsUser: "run@acme.example",
		IPRelaxation: RelaxRefresh, RefreshPolicy: RefreshPolicy{Lifetime, 12, "Hours"}, Certificate: "x",
	}
	for _, lang := range []language.Tag{language.English, language.Japanese} {
		g := s.Guide(lang, "prod")
		var page strings.Builder
		if err := g.HTML(&page); err != nil {
			t.Fatal(err)
		}
		text := g.Text()
		for _, want := range []string{
			"https://a.example/cb", "http://localhost:1717/x", "(refresh_token, offline_access)", "cdp_api", "Nightly_Users", "run@acme.example",
			"12 ", "External Client App Manager", "外部クライアントアプリケーションマネージャー", "Require secret for Refresh Token Flow",
			"更新トークンフローの秘密が必要", "Enable Device Flow", "sftoken login prod --host MY_DOMAIN", "--scope",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%v: the guide lacks %s", lang, want)
			}
		}
		if strings.Contains(text, "<no value>") || strings.Contains(text, "guide.") || strings.Contains(page.String(), "<no value>") {
			t.Errorf("%v: a text has a gap:\n%s", lang, text)
		}
		if strings.Contains(page.String(), "<script") || !strings.Contains(page.String(), "default-src 'none'") {
			t.Errorf("%v: the page may run a script", lang)
		}
	}
}
