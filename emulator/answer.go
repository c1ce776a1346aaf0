package emulator

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	stdhash "hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// fields is an answer of the OAuth endpoints, which can be JSON, form text or XML.
type fields []field

type field struct{ name, value string }

// tokenAnswer is the body of a successful token request, with the fields that Salesforce is known to send for each flow. Their
// order, the order of the scopes and whether some optional fields are there differ from answer to answer, so that nobody relies
// on them.
func (s *Server) tokenAnswer(c *call, given *issued) (fields, error) {
	if given.who == nil {
		return shuffle(c, given.extra), nil // an asset token, which is nobody's
	}
	s.handedOut(c, given)
	if given.app.JWTAccessTokens {
		if err := s.seal(c, given); err != nil {
			return nil, err
		}
	}
	id := identityURL(c.base, given.who)
	issuedAt := strconv.FormatInt(given.at.UnixMilli(), 10)
	answer := append(make(fields, 0, 12+len(given.extra)),
		field{"access_token", given.accessToken},
		field{"refresh_token", given.refreshToken},
		field{"signature", s.sign(given.app.ClientSecret, id+issuedAt)},
		field{"scope", strings.Join(shuffle(c, slices.Clone(given.scopes)), " ")},
		field{"instance_url", c.instanceURL(given.who)},
		field{"id", id},
		field{"token_type", "Bearer"},
		field{"issued_at", issuedAt},
	)
	if slices.Contains(given.scopes, "openid") && !slices.Contains(given.without, "id_token") {
		token, err := s.idToken(c.base, given)
		if err != nil {
			return nil, err
		}
		answer = append(answer, field{"id_token", token})
	}
	if site := given.who.org.site(given.who.user.Site); site != nil {
		answer = append(answer, c.communityFields(given.who, site)...)
	}
	switch {
	case given.app.JWTAccessTokens:
		answer = append(answer, field{"token_format", "jwt"}, field{"api_instance_url", c.root})
	case c.random.below(4) == 0:
		answer = append(answer, field{"token_format", "opaque"}) // believed
	}
	answer = slices.DeleteFunc(append(answer, given.extra...), func(f field) bool {
		return slices.Contains(given.without, f.name) || f.name == "refresh_token" && f.value == ""
	})
	return shuffle(c, answer), nil
}

// instanceURL is the address that the client already uses; below a site it is the org's.
func (c *call) instanceURL(who *account) string {
	if c.realm.site != nil {
		return c.orgBase(&who.org)
	}
	return c.base
}

// communityFields tell a site's user where the site is.
func (c *call) communityFields(who *account, site *Site) fields {
	return fields{{"sfdc_community_url", c.orgBase(&who.org) + "/" + site.Prefix}, {"sfdc_community_id", id18(site.ID)}}
}

// shuffle changes the order of a list, and returns it.
func shuffle[S ~[]E, E any](c *call, list S) S {
	for i := len(list) - 1; i > 0; i-- {
		j := c.random.below(i + 1)
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// sign is Salesforce's signature: HMAC-SHA256 over the identity URL and issued_at, keyed with the consumer secret. To set up
// the key costs more than to sign.
func (s *Server) sign(secret, message string) string {
	pool, ok := s.signers.Load(secret)
	if !ok {
		pool, _ = s.signers.LoadOrStore(secret, &sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(secret)) }})
	}
	mac := pool.(*sync.Pool).Get().(stdhash.Hash)
	defer pool.(*sync.Pool).Put(mac)
	mac.Reset()
	var room [128]byte
	mac.Write(append(room[:0], message...))
	return base64.StdEncoding.EncodeToString(mac.Sum(room[:0]))
}

func identityURL(base string, who *account) string {
	return base + "/id/" + who.orgID() + "/" + who.id()
}

// refuse answers a refusal as the token and introspection endpoints do: status 400 and a body. The order of its members is
// not stable at Salesforce (believed).
func (c *call) refuse(no *refusal) {
	c.entry.Error = no.code
	answer := fields{{"error", no.code}, {"error_description", no.description}}
	if no.uri != "" {
		answer = append(answer, field{"error_uri", c.base + no.uri})
	}
	c.answer(http.StatusBadRequest, shuffle(c, answer))
}

// answer writes f in the format that the parameter format asks for, else the Accept header, else as JSON.
func (c *call) answer(status int, f fields) {
	contentType, body := "application/json;charset=UTF-8", f.json
	switch cmp.Or(c.form.Get("format"), acceptedFormat(c.r.Header.Get("Accept"))) {
	case "urlencoded":
		contentType, body = "application/x-www-form-urlencoded;charset=UTF-8", f.urlencoded
	case "xml":
		contentType, body = "application/xml;charset=UTF-8", f.xml
	}
	c.write(status, contentType, body())
}

// acceptedFormat is the first of the three formats that the header names.
func acceptedFormat(accept string) string {
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(strings.TrimSpace(kind), ";")
		switch kind {
		case "application/json", "*/*":
			return "json"
		case "application/xml":
			return "xml"
		case "application/x-www-form-urlencoded":
			return "urlencoded"
		}
	}
	return "json"
}

// Values of headers, made once: there is one of each in every answer.
var (
	neverStored = []string{"no-cache,must-revalidate,max-age=0,no-store,private"}
	notSniffed  = []string{"nosniff"}
	notIndexed  = []string{"none"}
)

// write sends a body with the headers of Salesforce's OAuth answers (captured). Nothing may keep it (RFC 6749 section 5.1).
func (c *call) write(status int, contentType string, body []byte) {
	h := c.w.Header()
	h["Content-Type"] = []string{contentType}
	if contentType == "" {
		h["Content-Type"] = nil // not even a guessed one
	}
	h["Cache-Control"], h["X-Content-Type-Options"], h["X-Robots-Tag"] = neverStored, notSniffed, notIndexed
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // a client that has gone is told nothing
}

// writeJSON sends any value as JSON.
func (c *call) writeJSON(status int, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // our own types: a bug
	}
	c.write(status, "application/json;charset=UTF-8", bytes.TrimSpace(body.Bytes()))
}

func (f fields) json() []byte {
	size := 2
	for _, field := range f {
		size += len(field.name) + len(field.value) + 6
	}
	out := append(make([]byte, 0, size), '{')
	for i, field := range f {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendJSON(out, field.name)
		out = append(out, ':')
		if field.name == "expires_in" || field.name == "interval" { // the numbers, says Salesforce's help
			out = append(out, field.value...)
			continue
		}
		out = appendJSON(out, field.value)
	}
	return append(out, '}')
}

func appendJSON(out []byte, text string) []byte {
	if !needsQuoting(text) {
		out = append(out, '"')
		out = append(out, text...)
		return append(out, '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always encodes
	}
	return append(out, quoted...)
}

// needsQuoting reports whether text holds anything that encoding/json would write differently.
func needsQuoting(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return true
		}
	}
	return false
}

func (f fields) urlencoded() []byte {
	var parts []string
	for _, field := range f {
		parts = append(parts, field.name+"="+escape(field.value))
	}
	return []byte(strings.Join(parts, "&"))
}

// xml uses the root element OAuth (believed).
func (f fields) xml() []byte {
	var out bytes.Buffer
	out.WriteString(xml.Header[:len(xml.Header)-1] + "<OAuth>")
	for _, field := range f {
		out.WriteString("<" + field.name + ">")
		_ = xml.EscapeText(&out, []byte(field.value)) // a bytes.Buffer takes everything
		out.WriteString("</" + field.name + ">")
	}
	out.WriteString("</OAuth>")
	return out.Bytes()
}

// escape percent-encodes for a query. A space becomes %20, which every decoder understands.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
