package approvals_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/internal/approvals"
)

const user = "005000000000001AAA"

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// org answers with rows "app,minutes ago,uses", two a page.
type org struct {
	rows  []string
	asked []string
}

func (o *org) Get(_ context.Context, path string, into any) error {
	o.asked = append(o.asked, path)
	var first int
	_, _ = fmt.Sscanf(path, "/next/%d", &first)
	page := map[string]any{"totalSize": len(o.rows)}
	var records []any
	for i := first; i < min(first+2, len(o.rows)); i++ {
		var app string
		var minutes, uses int
		fields := strings.Split(o.rows[i], ",")
		app = fields[0]
		_, _ = fmt.Sscan(fields[1], &minutes)
		_, _ = fmt.Sscan(fields[2], &uses)
		record := map[string]any{
			"AppName": app, "UserId": user, "UseCount": uses, "AppMenuItemId": nil, "DeleteToken": fmt.Sprintf("token-%d", i),
			"LastUsedDate": noon.Add(-time.Duration(minutes) * time.Minute).Format("2006-01-02T15:04:05.000-0700"),
		}
		if minutes < 0 {
			record["LastUsedDate"] = nil
		}
		records = append(records, record)
	}
	page["records"] = records
	if first+2 < len(o.rows) {
		page["nextRecordsUrl"] = fmt.Sprintf("/next/%d", first+2)
	}
	data, err := json.Marshal(page)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func list(t *testing.T, rows ...string) []*approvals.Approval {
	t.Helper()
	all, err := approvals.List(t.Context(), &org{rows: rows}, user)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// told is "app uses ours", with ! for what a further login revokes.
func told(all []*approvals.Approval) (texts []string) {
	for _, a := range all {
		text := fmt.Sprintf("%s %d %s", a.App, a.Uses, a.Ours)
		if a.NextOut {
			text += " !"
		}
		texts = append(texts, text)
	}
	return texts
}

func TestList(t *testing.T) {
	t.Parallel()
	all := list(t, "A,50,1", "A,10,2", "B,20,3", "A,30,4", "A,-1,5", "A,40,6")
	want := []string{"A 2 unknown", "B 3 unknown", "A 4 unknown", "A 6 unknown", "A 1 unknown", "A 5 unknown !"}
	if diff := cmp.Diff(want, told(all)); diff != "" {
		t.Errorf("approvals (-want +got):\n%s", diff)
	}
	for _, id := range []string{"", "005' OR Name != '", "short"} {
		o := &org{}
		if _, err := approvals.List(t.Context(), o, id); err == nil || len(o.asked) > 0 {
			t.Errorf("user id %q: got %v, asked %q", id, err, o.asked)
		}
	}
}

func TestGuess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"one":  {[]string{"A,1,1", "A,60,2"}, []string{"A 1 probably", "A 2 no"}},
		"two":  {[]string{"A,0,1", "B,2,2", "A,60,3"}, []string{"A 1 possibly", "B 2 possibly", "A 3 no"}},
		"none": {[]string{"A,3,1", "A,-1,2"}, []string{"A 1 unknown", "A 2 unknown"}},
	} {
		all := list(t, c.rows...)
		approvals.Guess(all, noon)
		if diff := cmp.Diff(c.want, told(all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after []string
		want          []string
	}{
		"use counted":      {[]string{"A,9,1", "A,8,2"}, []string{"A,9,1", "A,8,3"}, []string{"A 3 yes", "A 1 no"}},
		"used now":         {[]string{"A,9,1", "A,8,2"}, []string{"A,0,1", "A,8,2"}, []string{"A 1 yes", "A 2 no"}},
		"a new row":        {[]string{"A,9,1"}, []string{"A,9,1", "A,0,1"}, []string{"A 1 yes", "A 1 no"}},
		"two at work":      {[]string{"A,9,1", "B,8,2"}, []string{"A,9,2", "B,8,3"}, []string{"B 3 possibly", "A 2 possibly"}},
		"nothing happened": {[]string{"A,9,1"}, []string{"A,9,1"}, []string{"A 1 unknown"}},
	} {
		after := list(t, c.after...)
		approvals.Compare(list(t, c.before...), after)
		if diff := cmp.Diff(c.want, told(after)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
