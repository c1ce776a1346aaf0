package emulator

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const samlNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"

// samlAssertionXML is the part of a SAML 2.0 assertion that decides.
type samlAssertionXML struct {
	XMLName xml.Name
	Issuer  string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Subject struct {
		NameID       string `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
		Confirmation []struct {
			Data struct {
				NotOnOrAfter time.Time `xml:"NotOnOrAfter,attr"`
				Recipient    string    `xml:"Recipient,attr"`
			} `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmationData"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmation"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Subject"`
	Conditions struct {
		NotBefore    time.Time `xml:"NotBefore,attr"`
		NotOnOrAfter time.Time `xml:"NotOnOrAfter,attr"`
		Audience     []string  `xml:"urn:oasis:names:tc:SAML:2.0:assertion AudienceRestriction>Audience"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Conditions"`
}

// samlBearer is RFC 7522's grant: the app is the issuer and signs with its certificate. As with a JWT, the user must have
// approved the app before.
func (s *Server) samlBearer(c *call, _ *App, now time.Time) (*issued, *refusal) {
	document := readSAML(c.form.Get("assertion"))
	app := s.app(document.issuer())
	switch {
	case document == nil:
		return nil, refusedAssertion
	case app == nil:
		return nil, refusedClientID
	case app.Disabled:
		return nil, refusedAppDisabled
	}
	proof, err := document.verify(app.Certificate, s.clock())
	if err != nil || !proof.current(s.clock()) {
		return nil, refusedAssertion
	}
	c.proved = true
	c.entry.ClientID = app.ClientID
	var to *realm
	for _, name := range proof.Conditions.Audience {
		if found, ok := s.audience(c, name); ok {
			to = &found
		}
	}
	if to == nil {
		return nil, refusedAudienceSAML
	}
	return s.vouched(c, app, *to, strings.TrimSpace(proof.Subject.NameID), now)
}

const samlPagePath = "/setup/secur/SAMLValidationPage.apexp"

// samlPage is where Salesforce shows an administrator what was wrong with the last assertion. Here the answer says as much.
func (s *Server) samlPage(c *call) {
	s.render(c, http.StatusOK, "error", errorView{page: s.newPage(c, s.browsing(c)), TextID: "saml_page"})
}

const samlBrowserProfile = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:browser"

// samlAssertion is the web single sign-on assertion as a grant: the org's identity provider vouches, no app takes part. Once
// the assertion could be read, a refusal names the page that explains it.
func (s *Server) samlAssertion(c *call, _ *App, now time.Time) (*issued, *refusal) {
	if c.form.Get("assertion_type") != samlBrowserProfile {
		return nil, refusedAssertionType
	}
	document := readSAML(c.form.Get("assertion"))
	if document == nil {
		return nil, refusedAssertion
	}
	given, no := s.signOn(c, document, now)
	if no != nil {
		explained := *no
		explained.uri = samlPagePath
		return nil, &explained
	}
	return given, nil
}

func (s *Server) signOn(c *call, document *samlDocument, now time.Time) (*issued, *refusal) {
	if c.realm.kind != myDomain {
		return nil, refusedDomain
	}
	s.mu.Lock()
	org := s.dir.org(c.realm.orgID).clone()
	s.mu.Unlock()
	i := slices.IndexFunc(org.IdentityProviders, func(p IdentityProvider) bool { return p.Issuer == document.issuer() })
	if i < 0 {
		return nil, refusedAssertion
	}
	provider := org.IdentityProviders[i]
	proof, err := document.verify(provider.Certificate, s.clock())
	if err != nil || !proof.current(s.clock()) {
		return nil, refusedAssertion
	}
	wanted := provider.Audience
	if wanted == "" {
		wanted = c.orgBase(&org)
	}
	if !slices.Contains(proof.Conditions.Audience, wanted) {
		return nil, refusedAudienceSAML
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.dir.find(strings.TrimSpace(proof.Subject.NameID))
	if who == nil || !c.realm.reaches(who) {
		return nil, refusedAssertion
	}
	if no := who.refused(); no != nil {
		return nil, no
	}
	if no := s.restricted(c, nil, who, byOther); no != nil {
		return nil, no
	}
	given, no := s.mintFor(&App{}, who, []string{"full"}, now)
	if no == nil {
		given.without = []string{"scope", "signature"} // no app: nothing to sign with
	}
	return given, no
}

// current reports whether now is within the assertion's conditions; each bound that is not there is no bound, but one end
// must be.
func (a *samlAssertionXML) current(now time.Time) bool {
	ends := []time.Time{a.Conditions.NotOnOrAfter}
	for _, confirmation := range a.Subject.Confirmation {
		ends = append(ends, confirmation.Data.NotOnOrAfter)
	}
	ends = slices.DeleteFunc(ends, time.Time.IsZero)
	over := func(end time.Time) bool { return !now.Before(end) }
	return len(ends) > 0 && !slices.ContainsFunc(ends, over) && !now.Before(a.Conditions.NotBefore)
}

// samlDocument is an assertion as sent, or the response around it; not yet verified.
type samlDocument struct{ root, assertion *etree.Element }

// readSAML decodes base64url, or plain base64 as many send it; nil if there is no assertion in it.
func readSAML(text string) *samlDocument {
	text = strings.NewReplacer("-", "+", "_", "/", " ", "+", "\r", "", "\n", "").Replace(strings.TrimRight(text, "="))
	content, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	document := etree.NewDocument()
	if document.ReadFromBytes(content) != nil || document.Root() == nil {
		return nil
	}
	root := document.Root()
	for _, element := range append([]*etree.Element{root}, root.ChildElements()...) {
		if element.Tag == "Assertion" && element.NamespaceURI() == samlNamespace {
			return detach(root, element)
		}
	}
	return nil
}

// detach takes an assertion out of its response together with the namespaces that it inherits.
func detach(root, assertion *etree.Element) *samlDocument {
	if root == assertion {
		return &samlDocument{root, root}
	}
	context, err := etreeutils.NSBuildParentContext(assertion)
	if err != nil {
		return nil
	}
	if assertion, err = etreeutils.NSDetatch(context, assertion); err != nil {
		return nil
	}
	return &samlDocument{root, assertion}
}

// issuer is who the assertion says it is from.
func (d *samlDocument) issuer() string {
	if d == nil {
		return ""
	}
	for _, element := range d.assertion.ChildElements() {
		if element.Tag == "Issuer" {
			return strings.TrimSpace(element.Text())
		}
	}
	return ""
}

var errNoAssertion = errors.New("no assertion under the signature")

// verify checks the signature, of the assertion or of the response around it, and returns what was signed: nothing is read
// from outside the signature.
func (d *samlDocument) verify(pem string, now time.Time) (*samlAssertionXML, error) {
	trusted, err := certificate(pem)
	if err != nil {
		return nil, err
	}
	context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{trusted}})
	context.Clock = dsig.NewFakeClockAt(now)
	signed, err := context.Validate(d.assertion)
	if err != nil && d.root != d.assertion {
		signed, err = context.Validate(d.root)
	}
	if err != nil {
		return nil, err
	}
	document := etree.NewDocumentWithRoot(signed)
	content, err := document.WriteToBytes()
	if err != nil {
		return nil, err
	}
	if signed.Tag != "Assertion" {
		var response struct {
			Assertion []samlAssertionXML `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
		}
		if err := xml.Unmarshal(content, &response); err != nil || len(response.Assertion) != 1 {
			return nil, errNoAssertion
		}
		return &response.Assertion[0], nil
	}
	proof := new(samlAssertionXML)
	return proof, xml.Unmarshal(content, proof)
}
