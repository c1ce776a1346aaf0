package emulator_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sftoken/sftoken/emulator"
)

const (
	samlGrant   = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	samlProfile = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:browser"
)

// saml is an assertion to be made.
type saml struct {
	issuer, audience, username string
	life                       time.Duration
	in                         string // a format that the signed assertion is put into
}

func (s saml) signed(t testing.TB, by signer) string {
	t.Helper()
	life := s.life
	if life == 0 {
		life = 3 * time.Minute
	}
	if s.username == "" {
		s.username = emulator.Username
	}
	end := time.Now().Add(life).UTC().Format(time.RFC3339)
	document := etree.NewDocument()
	err := document.ReadFromString(fmt.Sprintf(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0" IssueInstant="2026-01-01T00:00:00Z">
<saml:Issuer>%s</saml:Issuer><saml:Subject><saml:NameID>%s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="%s"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotOnOrAfter="%s"><saml:AudienceRestriction><saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions></saml:Assertion>`,
		s.issuer, s.username, end, end, s.audience))
	if err != nil {
		t.Fatal(err)
	}
	context, err := dsig.NewSigningContext(by.key, [][]byte{by.der})
	if err != nil {
		t.Fatal(err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signed, err := context.SignEnveloped(document.Root())
	if err != nil {
		t.Fatal(err)
	}
	text, err := etree.NewDocumentWithRoot(signed).WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	if s.in != "" {
		text = fmt.Sprintf(s.in, text)
	}
	return text
}

func samlForm(b *bench, by signer, s saml) url.Values {
	return url.Values{"grant_type": {samlGrant}, "assertion": {base64.RawURLEncoding.EncodeToString([]byte(s.signed(b.t, by)))}}
}

const response = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1">%s</samlp:Response>`

func TestSAMLBearer(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	good := saml{issuer: emulator.ClientIDConfidential, audience: b.URL}
	b.refused(b.post(tokenPath, samlForm(b, own(), good)), "invalid_grant", "user hasn't approved this consumer")
	b.login(emulator.ClientIDConfidential)
	got := b.success(b.post(tokenPath, samlForm(b, own(), good)))
	if !b.alive(got["access_token"]) || got["refresh_token"] != "" {
		t.Errorf("tokens %v", got)
	}
	pool := good
	pool.audience = "https://login.salesforce.com"
	b.success(b.post(tokenPath, samlForm(b, own(), pool)))
	form := samlForm(b, own(), good)
	form.Set("assertion", base64.StdEncoding.EncodeToString([]byte(good.signed(t, own())))) // as many send it
	b.success(b.post(tokenPath, form))

	late := good
	late.life = -time.Minute
	b.refused(b.post(tokenPath, samlForm(b, own(), late)), "invalid_grant", "invalid assertion")
	b.refused(b.post(tokenPath, samlForm(b, foreign(), good)), "invalid_grant", "invalid assertion")
	changed := strings.Replace(good.signed(t, own()), emulator.Username, emulator.UsernameJa, 1)
	form.Set("assertion", base64.RawURLEncoding.EncodeToString([]byte(changed)))
	b.refused(b.post(tokenPath, form), "invalid_grant", "invalid assertion")
}

// The org's identity provider vouches; no app takes part. Refusals name the page that explains them once the assertion could
// be read.
func TestSAMLAssertion(t *testing.T) {
	t.Parallel()
	b := startWorld(t)
	send := func(path string, by signer, s saml) answer {
		return b.post(path+tokenPath, url.Values{
			"grant_type": {"assertion"}, "assertion_type": {samlProfile},
			"assertion": {base64.RawURLEncoding.EncodeToString([]byte(s.signed(t, by)))},
		})
	}
	good := saml{issuer: "https://idp.example", audience: b.URL + "/acme"}
	wrapped := good
	wrapped.in = response
	for _, s := range []saml{good, wrapped} {
		got := b.success(send("/acme", own(), s))
		if names(got) != "access_token id instance_url issued_at token_type" || !b.alive(got["access_token"]) {
			t.Errorf("answer has %s", names(got))
		}
	}
	// What is outside the signature counts for nothing: an unsigned assertion in front of the signed one.
	attack := good
	attack.in = fmt.Sprintf(response, `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_evil"><saml:Issuer>https://idp.example</saml:Issuer><saml:Subject><saml:NameID>`+
		emulator.UsernameJa+`</saml:NameID></saml:Subject></saml:Assertion>%s`)
	others := good
	others.audience = "https://example.com"
	nobody := good
	nobody.username = "nobody@acme.example"
	unknown := good
	unknown.issuer = "https://example.com"
	for name, row := range map[string]struct {
		path string
		by   signer
		saml saml
		want string
	}{
		"wrapping":       {"/acme", own(), attack, "invalid assertion"},
		"foreign key":    {"/acme", foreign(), good, "invalid assertion"},
		"others":         {"/acme", own(), others, "Audience validation failed"},
		"nobody":         {"/acme", own(), nobody, "invalid assertion"},
		"unknown issuer": {"/acme", own(), unknown, "invalid assertion"},
		"login pool":     {"", own(), good, "request not supported on this domain"},
	} {
		a := send(row.path, row.by, row.saml)
		if a.status != http.StatusBadRequest || a.fields["error_description"] != row.want || a.fields["error_uri"] != b.URL+row.path+"/setup/secur/SAMLValidationPage.apexp" {
			t.Errorf("%s: %d %s, want %s and error_uri", name, a.status, a.body, row.want)
		}
	}
}
