package emulator

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertion is a JWT that a client has made, not yet verified.
type assertion struct {
	signed *jose.JSONWebSignature
	claims assertionClaims
}

type assertionClaims struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Principal string      `json:"prn"` // sub's name in early drafts; Salesforce still takes it
	Audience  audience    `json:"aud"`
	Expires   numericDate `json:"exp"`
	ID        string      `json:"jti"`
	Email     string      `json:"email"`
}

// parseAssertion reads a JWT signed with RS256, the only algorithm; nil if it is none. A missing typ is fine: restforce sends
// none.
func parseAssertion(text string) *assertion {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil
	}
	a := &assertion{signed: signed}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &a.claims) != nil {
		return nil
	}
	return a
}

// signedBy verifies the signature with the key of a PEM certificate. Without one nothing is signed.
func (a *assertion) signedBy(certificate string) bool {
	key, err := publicKey(certificate)
	if err != nil {
		return false
	}
	_, err = a.signed.Verify(key)
	return err == nil
}

// username is who the assertion speaks for.
func (a *assertion) username() string {
	if a.claims.Subject != "" {
		return a.claims.Subject
	}
	return a.claims.Principal
}

// audience is one name or several.
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// numericDate is exp in the forms that clients send: a number, or one in a string (simple-salesforce). The Salesforce CLI
// sends milliseconds; Salesforce reads them as seconds and sets no upper bound, so such an assertion does not expire.
type numericDate float64

func (d *numericDate) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*d = numericDate(seconds)
	return err
}

func (d numericDate) after(now time.Time) bool { return float64(d) > float64(now.Unix()) }

// time is the same as a time, far enough in the future for milliseconds.
func (d numericDate) time() time.Time { return time.Unix(int64(min(float64(d), 1<<40)), 0) }

// audience reports whether an assertion addressed to name is addressed to this emulator, and to which realm. Names seen in
// real clients: the login URL with and without a slash, the token endpoint, the host alone, Salesforce's pools whatever the
// host, a My Domain, a site.
func (s *Server) audience(c *call, name string) (realm, bool) {
	if !strings.Contains(name, "://") {
		name = "https://" + name
	}
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		return realm{}, false
	}
	to := s.realmOf(hostname(u.Host), u.Path)
	rest := strings.TrimPrefix(strings.TrimRight(u.Path, "/"), to.prefix)
	if rest != "" && rest != "/services/oauth2/token" {
		return realm{}, false
	}
	own, err := url.Parse(c.root)
	switch {
	case err != nil:
		return realm{}, false
	case strings.EqualFold(u.Host, own.Host):
		return to, true
	}
	// Another host that leads here: login.localhost:8484 beside acme.localhost:8484.
	neighbour := strings.EqualFold(lastLabel(u.Host), lastLabel(own.Host))
	return to, to.kind != anyHost && (neighbour || salesforceHost(hostname(u.Host)))
}

func lastLabel(host string) string { return host[strings.LastIndex(host, ".")+1:] }
