package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/rest"
)

const origin = "https://acme.my.salesforce.com"

// org answers by path, and notes what it was asked.
type org struct {
	answers map[string]string
	status  int
	asked   []string
}

func (o *org) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "" {
		return nil, fmt.Errorf("host %s", r.URL.Host)
	}
	o.asked = append(o.asked, r.Method+" "+r.URL.String())
	status := o.status
	body, ok := o.answers[r.URL.String()]
	if !ok || status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestPath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"limits":                      "/services/data/v66.0/limits",
		"/limits":                     "/services/data/v66.0/limits",
		"query?q=SELECT+Id+FROM+A":    "/services/data/v66.0/query?q=SELECT+Id+FROM+A",
		"sobjects/A/Key__c/a%2Fb":     "/services/data/v66.0/sobjects/A/Key__c/a%2Fb",
		"/services/data/v50.0/limits": "/services/data/v50.0/limits",
		"services/apexrest/x?y=1#z":   "/services/apexrest/x?y=1",
		"id/00D/005":                  "/id/00D/005",
		origin + "/services/data":     "/services/data",
		"HTTPS://ACME.my.salesforce.com/services/data": "/services/data",
	} {
		client := rest.New(&org{}, origin)
		client.Version = "66.0"
		if got, err := client.Path(t.Context(), text); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

// The token goes to the org itself: not to another org, not over plain http, not to a lookalike (B-23, C-44).
func TestOtherHosts(t *testing.T) {
	t.Parallel()
	o := &org{}
	for _, text := range []string{
		"https://other.my.salesforce.com/services/data", "http://acme.my.salesforce.com/services/data", "//evil.example/x",
		"https://acme.my.salesforce.com.evil.example/", "https://acme.my.salesforce.com:444/x", "https://acme.my.salesforce.com@evil.example/",
		"ftp://acme.my.salesforce.com/",
	} {
		client := rest.New(o, origin)
		client.Version = "66.0"
		res, err := client.Do(t.Context(), "GET", text, nil, nil)
		if other, ok := errors.AsType[*rest.OtherHostError](err); !ok || res != nil || other.Origin != origin {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if len(o.asked) > 0 {
		t.Errorf("the org was asked: %q", o.asked)
	}
}

// A refusal is read in each shape that Salesforce gives it, and cannot move the cursor of a terminal.
func TestFailures(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]sftoken.Error{
		`[{"message":"gone","errorCode":"NOT_FOUND"}]`:                                               {Code: "NOT_FOUND", Description: "gone"},
		`[{"message":"bad","errorCode":"A","fields":["X","Y"]},{"message":"worse","errorCode":"B"}]`: {Code: "A", Description: "bad [X, Y]; B: worse"},
		`{"error":"invalid_request","error_description":"no"}`:                                       {Code: "invalid_request", Description: "no"},
		`{"errorCode":"X","message":"y"}`:                                                            {Code: "X", Description: "y"},
		"Bad_OAuth_Token\n":                                                                          {Code: "Bad_OAuth_Token"},
		"<html>":                                                                                     {},
		``:                                                                                           {},
		`[{"message":"a\u001b[2Jb\u202ec\nd","errorCode":"X"}]`:                                      {Code: "X", Description: "a [2Jb c d"},
	} {
		o := &org{status: 400, answers: map[string]string{"/services/data": body}}
		res, err := rest.New(o, origin).Do(t.Context(), "GET", "/services/data", nil, nil)
		wire, ok := errors.AsType[*sftoken.Error](err)
		if !ok {
			t.Errorf("%s: got %v", body, err)
			continue
		}
		want.Endpoint, want.Status = "api", 400
		if diff := cmp.Diff(want, *wire); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		if again, err := io.ReadAll(res.Body); err != nil || string(again) != body {
			t.Errorf("%s: the body reads %q, %v afterwards", body, again, err)
		}
	}
}

// A session that a new token does not bring back is a policy.
func TestSessionPolicy(t *testing.T) {
	t.Parallel()
	o := &org{status: 401, answers: map[string]string{"/services/data": `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`}}
	if err := rest.New(o, origin).Get(t.Context(), "/services/data", nil); !errors.Is(err, sftoken.ErrBlocked) {
		t.Errorf("got %v", err)
	}
}

// The newest version is asked for once a week, whatever the order of the list.
func TestVersion(t *testing.T) {
	t.Parallel()
	o := &org{answers: map[string]string{"/services/data": `[{"version":"9.0"},{"version":"68.0"},{"version":"67.0"},{"version":"99/../x"}]`}}
	now := time.Now()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := func(at string) string {
		client := rest.New(o, at)
		client.Known = rest.Remember(dir, func() time.Time { return now })
		got, err := client.Path(t.Context(), "limits")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 3 {
		if got := path(origin); got != "/services/data/v68.0/limits" {
			t.Errorf("got %s", got)
		}
	}
	path("https://other.my.salesforce.com")
	if len(o.asked) != 2 {
		t.Errorf("asked %d times for two orgs", len(o.asked))
	}
	now = now.Add(8 * 24 * time.Hour)
	path(origin)
	if len(o.asked) != 3 {
		t.Errorf("asked %d times after a week", len(o.asked))
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	o := &org{answers: map[string]string{
		"/services/data/v66.0/query?q=SELECT+Id+FROM+A":    `{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g-2000","records":[{"Id":"1"},{"Id":"2"}]}`,
		"/services/data/v66.0/query/01g-2000":              `{"totalSize":3,"done":true,"records":[{"Id":"3"}]}`,
		"/services/data/v66.0/queryAll?q=SELECT+Id+FROM+A": `{"totalSize":1,"done":false,"nextRecordsUrl":"https://evil.example/x","records":[]}`,
	}}
	client := rest.New(o, origin)
	client.Version = "66.0"
	var ids []string
	for page, err := range client.Query(t.Context(), "query", "SELECT Id FROM A") {
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range page.Records {
			ids = append(ids, string(record))
		}
	}
	if diff := cmp.Diff([]string{`{"Id":"1"}`, `{"Id":"2"}`, `{"Id":"3"}`}, ids); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	var last error
	for _, err := range client.Query(t.Context(), "queryAll", "SELECT Id FROM A") {
		last = err
	}
	if _, ok := errors.AsType[*rest.OtherHostError](last); !ok {
		t.Errorf("a page on another host: got %v", last)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	var rows []*rest.Row
	for _, record := range []string{
		`{"attributes":{"type":"Case"},"Id":"1","Account":null,"n":1.50,"ok":true}`,
		`{"attributes":{"type":"Case"},"Id":"2","Account":{"attributes":{},"Name":"Acme","Owner":{"Name":"A"}},"Kids":{"totalSize":1,"done":true,"records":[{"Id":"3"}]},"n":null}`,
	} {
		row, err := rest.Flatten(json.RawMessage(record))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	columns := rest.ColumnsOf(rows)
	if diff := cmp.Diff([]string{"Id", "n", "ok", "Account.Name", "Account.Owner.Name", "Kids"}, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	got := []string{}
	for _, row := range rows {
		for _, column := range columns {
			got = append(got, row.Value(strings.ToUpper(column)))
		}
	}
	want := []string{"1", "1.50", "true", "", "", "", "2", "", "", "Acme", "A", `{"totalSize":1,"done":true,"records":[{"Id":"3"}]}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	for soql, want := range map[string][]string{
		"SELECT Id, Account.Name\nFROM Case":         {"Id", "Account.Name"},
		"select id from case":                        {"id"},
		"SELECT COUNT(Id) FROM Case":                 nil,
		"SELECT Id, (SELECT Id FROM Kids) FROM A":    nil,
		"SELECT Name n, COUNT(Id) FROM A GROUP BY x": nil,
		"SELECT FIELDS(ALL) FROM A LIMIT 2":          nil,
		"no query":                                   nil,
	} {
		if got, _ := rest.Columns(soql); !cmp.Equal(want, got) {
			t.Errorf("%s: got %q, want %q", soql, got, want)
		}
	}
}

// Whatever an org answers with, reading it neither panics nor lets control characters through.
func FuzzFlatten(f *testing.F) {
	f.Add([]byte(`{"Id":"1","A":{"B":[1,{"c":null}]}}`))
	f.Add([]byte(`[1]`))
	f.Add([]byte(`""`))
	f.Add([]byte(`{"a":`))
	f.Fuzz(func(t *testing.T, record []byte) {
		row, err := rest.Flatten(record)
		if err != nil {
			return
		}
		for _, name := range rest.ColumnsOf([]*rest.Row{row}) {
			_ = row.Value(name)
		}
	})
}
