package sftoken

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// answer is a whole answer of an endpoint, before anything in it is believed.
//
// What it holds is judged by its body, not by its Content-Type, which Salesforce leaves empty on some errors (observed).
type answer struct {
	endpoint    string
	grantType   string
	status      int
	contentType string
	location    string
	retryAfter  time.Duration
	skew        time.Duration
	body        []byte
	secrets     []Secret
}

// fields are the members of an answer's object. Taking one removes it, so that what remains is unknown.
type fields map[string]json.RawMessage

// object reads the body as one JSON object or as form text. When the body breaks off, it returns what came before and an
// error.
func (a *answer) object() (fields, error) {
	body := bytes.TrimSpace(bytes.TrimPrefix(a.body, []byte("\ufeff")))
	switch {
	case len(a.body) > bodyLimit:
		return nil, fmt.Errorf("longer than %d bytes", bodyLimit)
	case len(body) == 0:
		return nil, errors.New("empty")
	case body[0] == '{':
		return jsonObject(body)
	case body[0] == '<':
		return nil, errors.New("a web page, not JSON")
	case body[0] == '[':
		return nil, errors.New("a list, not an object")
	}
	if f := formText(string(body)); f != nil {
		return f, nil
	}
	return nil, errors.New("not JSON")
}

var errCut = errors.New("cut off or damaged")

func jsonObject(body []byte) (fields, error) {
	f := fields{}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return f, errors.New("not JSON")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return f, errCut
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return f, errCut
		}
		f[name.(string)] = value // within an object the decoder gives strings for names, or an error
	}
	if _, err := d.Token(); err != nil {
		return f, errCut
	}
	if d.More() {
		return f, errors.New("followed by something else")
	}
	return f, nil
}

var formStart = lazy(`^[a-z_]+=`)

// formText reads a=b&c=d, which revoke answers and some errors of authorize and token are (observed).
func formText(body string) fields {
	if !formStart().MatchString(body) || strings.ContainsAny(body, "<{\r\n") {
		return nil
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil
	}
	f := fields{}
	for name := range values {
		f[name], _ = json.Marshal(values.Get(name))
	}
	return f
}

// text takes a string, or a number as it is written; anything else counts as absent.
func (f fields) text(name string) string {
	raw := f[name]
	delete(f, name)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

func (f fields) secret(name string) Secret { return NewSecret(f.text(name)) }

// words takes a list that is written as one string with spaces, or as an array; nil when absent.
func (f fields) words(name string) []string {
	var list []string
	if json.Unmarshal(f[name], &list) == nil {
		delete(f, name)
		return list
	}
	if text := f.text(name); text != "" {
		return strings.Fields(text)
	}
	return nil
}

// seconds takes a time in seconds since 1970; zero when absent or absurd.
func (f fields) seconds(name string) time.Time {
	if n, err := strconv.ParseFloat(f.text(name), 64); err == nil && n > 0 && n < 1e11 {
		return time.Unix(int64(n), 0).UTC()
	}
	return time.Time{}
}

// duration takes a number of seconds; zero when absent or absurd.
func (f fields) duration(name string) time.Duration {
	if n, err := strconv.ParseInt(f.text(name), 10, 64); err == nil && n > 0 && n < 1e9 {
		return time.Duration(n) * time.Second
	}
	return 0
}

// millis reads a time in milliseconds since 1970; zero when absent or absurd.
func millis(text string) time.Time {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < 1e14 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// read returns the object of a successful answer; anything else is the error it stands for.
func (a *answer) read() (fields, error) {
	f, err := a.object()
	switch {
	case a.status < 200 || a.status > 299:
		return nil, a.failure()
	case err != nil:
		return nil, a.unexpected("answer-unreadable", err.Error())
	case f["error"] != nil && f["access_token"] == nil:
		return nil, a.failure()
	}
	return f, nil
}

func (a *answer) unexpected(id, reason string) *UnexpectedError {
	return &UnexpectedError{
		Endpoint: a.endpoint, Status: a.status, ContentType: clean(a.contentType, 80),
		Snippet: a.snippet(), Reason: reason, ID: id,
	}
}

var bareWord = lazy(`^[A-Za-z][A-Za-z_-]{2,60}$`)

// failure reads an error in each of its shapes: {"error":…}, [{"errorCode":…}], error=…, one bare word, or none of them.
func (a *answer) failure() *Error {
	e := &Error{Endpoint: a.endpoint, Status: a.status, GrantType: a.grantType, RetryAfter: a.retryAfter, ClockSkew: a.skew}
	body := bytes.TrimSpace(a.body)
	if len(body) > bodyLimit {
		body = body[:bodyLimit]
	}
	var list []struct {
		ErrorCode string `json:"errorCode"`
		Message   string `json:"message"`
	}
	if f, _ := a.object(); f != nil {
		e.Code = first(f.text("error"), f.text("errorCode"))
		e.Description = first(f.text("error_description"), f.text("message"))
	} else if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		e.Code, e.Description = list[0].ErrorCode, list[0].Message
	} else if bareWord().Match(body) {
		e.Code = string(body)
	}
	e.Code = clean(a.redact(e.Code), 80)
	e.Description = clean(a.redact(e.Description), descriptionLimit)
	if e.Code == "" {
		e.Body = a.snippet()
	}
	return e
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func retryAfter(header string) time.Duration {
	const longest = 24 * time.Hour
	if n, err := strconv.Atoi(header); err == nil {
		return min(max(time.Duration(min(n, 86400))*time.Second, 0), longest)
	}
	if at, err := time.Parse(time.RFC1123, header); err == nil {
		return min(max(time.Until(at), 0), longest)
	}
	return 0
}
