package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// HAR returns exchanges as an HTTP archive, version 1.2 (the format of browsers' developer tools), which tools draw and
// compare. creator and version say who made it. Requests without an answer have status 0 and the reason as a comment.
func HAR(exchanges []Exchange, creator, version string) ([]byte, error) {
	archive := harFile{Log: harLog{Version: "1.2", Creator: harCreator{creator, version}, Entries: []harEntry{}}}
	for _, x := range exchanges {
		archive.Log.Entries = append(archive.Log.Entries, entry(x))
	}
	text, err := json.MarshalIndent(archive, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write archive: %w", err)
	}
	return append(text, '\n'), nil
}

type (
	harFile struct {
		Log harLog `json:"log"`
	}
	harLog struct {
		Version string     `json:"version"`
		Creator harCreator `json:"creator"`
		Entries []harEntry `json:"entries"`
	}
	harCreator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	harEntry struct {
		Started  time.Time   `json:"startedDateTime"`
		Time     float64     `json:"time"` // ms
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Comment  string      `json:"comment,omitempty"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		QueryString []harPair `json:"queryString"`
		PostData    *harPost  `json:"postData,omitempty"`
		HeadersSize int       `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harPost struct {
		MimeType string    `json:"mimeType"`
		Params   []harPair `json:"params"`
		Text     string    `json:"text"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
	}
	harContent struct {
		Size     int64  `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text,omitempty"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// unknown is what the format writes for a size that nobody has counted.
const unknown = -1

func entry(x Exchange) harEntry {
	e := harEntry{
		Started: x.At, Time: milliseconds(x.Duration),
		Timings: harTimings{Wait: milliseconds(x.Waited), Receive: milliseconds(max(0, x.Duration-x.Waited))},
		Comment: x.Err,
	}
	e.Request = harRequest{
		Method: x.Method, URL: join(x.URL, "?", x.Query), HTTPVersion: cmp.Or(x.Proto, "HTTP/1.1"), Cookies: []harPair{},
		Headers: pairs(x.Sent), QueryString: pairs(x.Query), HeadersSize: unknown, BodySize: x.Up,
	}
	if x.Form != nil {
		e.Request.PostData = &harPost{MimeType: "application/x-www-form-urlencoded", Params: pairs(x.Form), Text: encodeForm(x.Form)}
	}
	e.Response = harResponse{
		Status: x.Status, StatusText: http.StatusText(x.Status), HTTPVersion: cmp.Or(x.Proto, "HTTP/1.1"), Cookies: []harPair{},
		Headers: pairs(x.Received), RedirectURL: join(x.Location, "?", x.Carried), HeadersSize: unknown, BodySize: x.Down,
		Content: harContent{Size: x.Down, MimeType: x.Type, Text: cmp.Or(x.JSON, x.Body)},
	}
	if e.Response.Content.Text == "" {
		e.Response.Content.Text = encodeForm(x.Answer)
	}
	return e
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func pairs(fields []Field) []harPair {
	list := make([]harPair, len(fields))
	for i, f := range fields {
		list[i] = harPair(f)
	}
	return list
}

func join(address, mark string, fields []Field) string {
	if len(fields) == 0 {
		return address
	}
	return address + mark + encodeForm(fields)
}

// encodeForm writes fields as form text, in their order.
func encodeForm(fields []Field) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value)
	}
	return strings.Join(texts, "&")
}
