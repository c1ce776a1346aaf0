package sf

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// object is a JSON object that keeps the order of its keys and the text of the values that nobody sets.
type object struct {
	keys   []string
	values map[string]json.RawMessage
}

var errNoObject = errors.New("not a JSON object")

func newObject() *object { return &object{values: map[string]json.RawMessage{}} }

// parseObject fails with an error that quotes nothing: the text holds secrets.
func parseObject(data []byte) (*object, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errNoObject
	}
	o := newObject()
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNoObject
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, errNoObject
		}
		o.put(name.(string), value)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNoObject
	}
	return o, nil
}

func (o *object) put(key string, value json.RawMessage) {
	if _, known := o.values[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// text is the value of a key if that is a text, else "".
func (o *object) text(key string) string {
	var text string
	_ = json.Unmarshal(o.values[key], &text)
	return text
}

// set sets a text, or removes the key if the text is empty.
func (o *object) set(key, text string) {
	if text == "" {
		delete(o.values, key)
		o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
		return
	}
	o.put(key, quote(text))
}

// pretty is the object as JSON.stringify(…, null, 2) writes it.
func (o *object) pretty() []byte { return o.write("{", "\n  ", ": ", "\n}") }

// compact is the object as JSON.stringify writes it.
func (o *object) compact() []byte { return o.write("{", "", ":", "}") }

func (o *object) write(open, before, between, end string) []byte {
	if len(o.keys) == 0 {
		return []byte("{}")
	}
	b := []byte(open)
	for i, key := range o.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, before...)
		b = append(b, quote(key)...)
		b = append(b, between...)
		b = append(b, o.values[key]...)
	}
	return append(b, end...)
}

// quote leaves < > & as they are, as JavaScript does.
func quote(text string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text can always be encoded
	return bytes.TrimSpace(b.Bytes())
}
