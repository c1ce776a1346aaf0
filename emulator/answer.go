package emulator

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// fields is an answer of the OAuth endpoints, which can be JSON, form text or XML.
type fields []field

type field struct{ name, value string }

// tokenAnswer is the body of a successful token request, with the fields that Salesforce is known to send for these flows.
func (s *Server) tokenAnswer(c *call, app *App, given *issued) (fields, error) {
	id := identityURL(c.base, given.who)
	issuedAt := strconv.FormatInt(given.at.UnixMilli(), 10)
	answer := append(make(fields, 0, 10), field{"access_token", given.accessToken})
	if given.refreshToken != "" {
		answer = append(answer, field{"refresh_token", given.refreshToken})
	}
	answer = append(answer, fields{
		{"signature", sign(app.ClientSecret, id+issuedAt)},
		{"scope", strings.Join(given.scopes, " ")},
		{"instance_url", c.base},
		{"id", id},
		{"token_type", "Bearer"},
		{"issued_at", issuedAt},
	}...)
	if slices.Contains(given.scopes, "openid") {
		token, err := s.idToken(c.base, app, given)
		if err != nil {
			return nil, err
		}
		answer = append(answer, field{"id_token", token})
	}
	return answer, nil
}

// sign is Salesforce's signature: HMAC-SHA256 over the identity URL and issued_at, keyed with the consumer secret.
func sign(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func identityURL(base string, who *account) string {
	return base + "/id/" + who.orgID() + "/" + who.id()
}

// refuse answers a refusal as the token and introspection endpoints do: status 400 and a body.
func (c *call) refuse(no *refusal) {
	c.entry.Error = no.code
	c.answer(http.StatusBadRequest, fields{{"error", no.code}, {"error_description", no.description}})
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
