package demo

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/sftoken/sftoken/internal/wire"
)

// Exchange is one request and its answer, without secrets.
type Exchange struct {
	Method     string `json:"method"`
	URL        string `json:"url"`
	Bearer     string `json:"bearer,omitempty"` // the access token in the Authorization header
	Parameters Fields `json:"parameters,omitempty"`
	Status     int    `json:"status"`
	Location   string `json:"location,omitempty"` // of a redirect
	Carried    Fields `json:"carried,omitempty"`  // the parameters it carries there
	Answer     Fields `json:"answer,omitempty"`
	Body       string `json:"body,omitempty"` // an answer without fields

	asked, shown filter // which parameters and which fields of the answer the text shows
}

// Fields keep the order of the wire. In JSON they are an object whose values are all text.
type Fields []wire.Field

// MarshalJSON implements [json.Marshaler].
func (f Fields) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i, field := range f {
		out.WriteByte("{,"[min(i, 1)])
		_ = enc.Encode(field.Name) // a string can always be encoded
		out.WriteByte(':')
		_ = enc.Encode(field.Value)
	}
	if len(f) == 0 {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// filter chooses fields by name; nil takes all.
type filter func(name string) bool

func only(names ...string) filter {
	return func(name string) bool { return slices.Contains(names, name) }
}

func exchange(x wire.Exchange, asked, shown filter) Exchange {
	e := Exchange{
		Method: x.Method, URL: x.URL, Bearer: x.Bearer, Parameters: Fields(append(x.Query, x.Form...)),
		Status: x.Status, Location: x.Location, Carried: x.Carried, Answer: x.Answer, asked: asked, shown: shown,
	}
	if x.Type != "text/html" { // the text of a page says nothing here
		e.Body = x.Body
	}
	return e
}

func exchanges(all []wire.Exchange, asked, shown filter) []Exchange {
	var told []Exchange
	for _, x := range all {
		told = append(told, exchange(x, asked, shown))
	}
	return told
}
