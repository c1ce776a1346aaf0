package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Exchange is one request and its answer, without secrets.
type Exchange struct {
	At       time.Time
	Duration time.Duration
	Method   string
	URL      string  // without its query
	Query    []Field // parameters in the URL, in the order they were sent
	Form     []Field // parameters in the body
	Bearer   string  // placeholder of the access token in the Authorization header
	Status   int     // 0: no answer
	Type     string  // media type of the answer
	Location string  // where a redirect leads, without query and fragment
	Carried  []Field // parameters that the redirect carries there
	Answer   []Field // the fields of a JSON object or of form text
	Body     string  // any other text, cut
	Err      string  // why there was no answer, or not all of it

	// What archives want beside it (see [HAR]).
	Waited         time.Duration // until the head of the answer
	Proto          string        // "HTTP/1.1"
	Sent, Received []Field       // headers, by name; of several values of one, each
	JSON           string        // a JSON object as it came, but for secrets
	Up, Down       int64         // bytes of the bodies
}

// Field is one parameter of a request or one field of an answer. A value that is neither text nor a number is JSON.
type Field struct{ Name, Value string }

// Get returns the value of the first field called name.
func Get(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

const (
	maxBody  = 64 << 10 // of each request and answer: kept in memory until it is shown
	maxShown = 2 << 10  // of a body that has no fields
)

func (x *Exchange) request(r *http.Request, body []byte) {
	x.Method, x.Proto, x.Sent = r.Method, r.Proto, headers(r.Header)
	u := *r.URL
	x.Query = form(u.RawQuery)
	u.RawQuery, u.ForceQuery, u.Fragment, u.User = "", false, "", nil
	x.URL = Text(u.String())
	if mediaType(r.Header) == "application/x-www-form-urlencoded" {
		x.Form = form(string(body))
	}
	if name, value, _ := strings.Cut(r.Header.Get("Authorization"), " "); value != "" {
		x.Bearer = name + " [secret]"
		if strings.EqualFold(name, "Bearer") {
			x.Bearer = placeholder(value)
		}
	}
}

func (x *Exchange) answer(status int, header http.Header, body []byte) {
	x.Status, x.Received = status, headers(header)
	x.Type = mediaType(header)
	if location := header.Get("Location"); location != "" {
		location, fragment, _ := strings.Cut(location, "#")
		location, query, _ := strings.Cut(location, "?")
		x.Location, x.Carried = show(location), append(form(query), form(fragment)...)
	}
	if fields, text, ok := object(body); ok {
		x.Answer, x.JSON = fields, text
		return
	}
	text := strings.TrimSpace(string(body))
	if x.Type == "application/x-www-form-urlencoded" || strings.HasPrefix(text, "error=") {
		x.Answer = form(text) // Salesforce sends some errors as form text with an empty Content-Type (observed)
		return
	}
	x.Body = show(text)
}

// show returns text fit for a terminal: without secrets or control characters, and cut.
func show(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(Text(text), "\uFFFD"))
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

func mediaType(h http.Header) string {
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return media
}

// form reads form text in its own order, which url.ParseQuery would lose. What can't be decoded is shown as it is.
func form(text string) []Field {
	var fields []Field
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		fields = append(fields, Field{show(name), clean(Value(name, value))})
	}
	return fields
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// object reads the fields of a JSON object in their order, and writes the object again without its secrets.
func object(body []byte) (fields []Field, text string, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, "", false
	}
	fields = []Field{}
	var again strings.Builder
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, "", false
		}
		name, _ := key.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, "", false
		}
		shown, written := jsonValue(name, raw)
		again.WriteString("{,"[min(len(fields), 1):][:1] + encode(show(name)) + ":" + written)
		fields = append(fields, Field{show(name), clean(shown)})
	}
	if len(fields) == 0 {
		again.WriteString("{")
	}
	_, err := dec.Token()
	return fields, again.String() + "}", err == nil
}

// jsonValue returns a value as it is shown, and as JSON.
func jsonValue(name string, raw json.RawMessage) (shown, written string) {
	var value any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&value) != nil {
		return "", "null"
	}
	value = hide(name, value)
	written = encode(value)
	if text, ok := value.(string); ok {
		return text, written
	}
	return written, written
}

func encode(value any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // what was decoded can be encoded
	return strings.TrimSpace(out.String())
}

// headers are the fields of a header by their names. A cookie is a secret whatever its name.
func headers(h http.Header) []Field {
	var fields []Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if name == "Location" || name == "Referer" {
				value, _, _ = strings.Cut(value, "?") // what it carries has its place of its own
				value, _, _ = strings.Cut(value, "#")
			}
			fields = append(fields, Field{show(name), show(Value(name, value))})
		}
	}
	return fields
}

// hide replaces the secrets anywhere in a decoded JSON value.
func hide(name string, value any) any {
	switch v := value.(type) {
	case string:
		return Value(name, v)
	case json.Number:
		if isSecret(name) {
			return Value(name, v.String())
		}
	case []any:
		for i := range v {
			v[i] = hide(name, v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = hide(key, v[key])
		}
	}
	return value
}
