package foreign

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

const identityProvider = "https://idp.example"

// nforceSAML logs in with the assertion of an identity provider.
func nforceSAML(t *testing.T) {
	certificate := selfSigned(t)
	config := emulator.DefaultConfig()
	config.Orgs[0].IdentityProviders = []emulator.IdentityProvider{{
		Issuer: identityProvider, Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})),
	}}
	s := emulatortest.Start(t, emulator.Options{Config: config})
	js := startScript(t, "nforce", "nforce")
	js.tell(t, "begin", told{"url": s.URL + "/acme", "clientId": emulator.ClientIDPublic, "redirectUri": callbackURL}, nil)
	js.tell(t, "authenticate", told{"assertion": samlAssertion(t, certificate, s.URL+"/acme")}, nil)
	js.use(t, s)
	if got := counted(s, "assertion", http.StatusOK); got != 1 {
		t.Errorf("the emulator counted %d assertions, want 1", got)
	}
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key := signingKey().key
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func samlAssertion(t *testing.T, certificate []byte, audience string) string {
	t.Helper()
	const text = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" IssueInstant="2026-01-01T00:00:00Z">
<saml:Issuer>%[1]s</saml:Issuer><saml:Subject><saml:NameID>%[2]s</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="%[3]s"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotOnOrAfter="%[3]s"><saml:AudienceRestriction><saml:Audience>%[4]s</saml:Audience></saml:AudienceRestriction></saml:Conditions></saml:Assertion>`
	end := time.Now().Add(3 * time.Minute).UTC().Format(time.RFC3339)
	document := etree.NewDocument()
	if err := document.ReadFromString(fmt.Sprintf(text, identityProvider, emulator.Username, end, audience)); err != nil {
		t.Fatal(err)
	}
	context, err := dsig.NewSigningContext(signingKey().key, [][]byte{certificate})
	if err != nil {
		t.Fatal(err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signed, err := context.SignEnveloped(document.Root())
	if err != nil {
		t.Fatal(err)
	}
	xml, err := etree.NewDocumentWithRoot(signed).WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(xml)
}
