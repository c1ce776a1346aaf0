package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/sftoken/sftoken"
)

// failureLimit is how much of an answer is read to see what it refuses.
const failureLimit = 256 << 10

var bareWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{2,60}$`) })

// failure returns the error that an answer stands for, nil for 2xx, and leaves the body to be read.
func failure(res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(res.Body, failureLimit))
	res.Body = &readAgain{io.MultiReader(bytes.NewReader(head), res.Body), res.Body}
	if err != nil {
		return &sftoken.TransportError{Endpoint: "api", URL: res.Request.URL.Path, Err: err}
	}
	e := &sftoken.Error{Endpoint: "api", Status: res.StatusCode}
	e.Code, e.Description = read(bytes.TrimSpace(head))
	if e.Code == "INVALID_SESSION_ID" {
		e.Err = sftoken.ErrBlocked // the transport has tried a new token: this is a policy
	}
	return e
}

type readAgain struct {
	io.Reader
	io.Closer
}

// read takes code and description from [{"errorCode":…}], which the REST API answers, from {"error":…}, and from the bare
// words of the identity endpoints.
func read(body []byte) (code, description string) {
	var list []struct {
		ErrorCode string   `json:"errorCode"`
		Message   string   `json:"message"`
		Fields    []string `json:"fields"`
	}
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		var texts []string
		for _, one := range list {
			text := one.Message
			if len(one.Fields) > 0 && !strings.Contains(text, one.Fields[0]) {
				text += " [" + strings.Join(one.Fields, ", ") + "]"
			}
			if one.ErrorCode != list[0].ErrorCode {
				text = one.ErrorCode + ": " + text
			}
			texts = append(texts, text)
		}
		return clean(list[0].ErrorCode, 80), clean(strings.Join(texts, "; "), 1000)
	}
	var object struct {
		Error, ErrorDescription, ErrorCode, Message string
	}
	if json.Unmarshal(bytes.ReplaceAll(body, []byte(`"error_description"`), []byte(`"errorDescription"`)), &object) == nil {
		code, description = object.Error, object.ErrorDescription
		if code == "" {
			code, description = object.ErrorCode, object.Message
		}
		return clean(code, 80), clean(description, 1000)
	}
	if bareWord().Match(body) {
		return string(body), ""
	}
	return "", ""
}

// clean makes one line of what somebody else wrote, without what moves a terminal's cursor.
func clean(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + " …"
	}
	return text
}

// isNetwork tells a failure on the way from a fault of ours.
func isNetwork(err error) bool {
	_, network := errors.AsType[net.Error](err)
	_, system := errors.AsType[syscall.Errno](err)
	return network || system
}
