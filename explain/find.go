package explain

import (
	"context"
	"strings"

	"github.com/sftoken/sftoken"
)

// sentinels have an entry without having an ErrorID.
var sentinels = []struct {
	err error
	id  string
}{
	{sftoken.ErrStateMismatch, "state-mismatch"},
	{sftoken.ErrDenied, "denied"},
	{sftoken.ErrLoginRequired, "login-required"},
	{context.Canceled, "interrupted"},
}

// identify returns the id of the entry of err itself, without what it wraps, or "". It adds to data what it learns.
func identify(err error, data map[string]string) string {
	switch err := err.(type) {
	case *sftoken.Error:
		return matchWire(err)
	case *sftoken.TransportError:
		return matchNetwork(err, data)
	case *sftoken.UnexpectedError:
		if err.ID != "answer-headless" && strings.Contains(strings.ToLower(err.ContentType), "html") {
			return "answer-html"
		}
	}
	if named, ok := err.(interface{ ErrorID() string }); ok {
		return localEntry(named.ErrorID())
	}
	for _, sentinel := range sentinels {
		if err == sentinel.err {
			return sentinel.id
		}
	}
	return ""
}

// localEntry returns the entry for an ErrorID: its own, or that of the family before its last hyphen.
func localEntry(id string) string {
	for id != "" {
		if k := named(id); k != nil {
			return k.ID
		}
		id = id[:max(strings.LastIndexByte(id, '-'), 0)]
	}
	return ""
}

// walk visits err and all that it wraps, the outer before the inner.
func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		walk(err.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			walk(inner, visit)
		}
	}
}

// collect adds what err names for placeholders; an outer error's word counts more than an inner one's.
func collect(data map[string]string, err error) {
	named, ok := err.(interface{ ErrorData() map[string]string })
	if !ok {
		return
	}
	for name, value := range named.ErrorData() {
		if name = strings.ToLower(name); value != "" && data[name] == "" {
			data[name] = value
		}
	}
}
