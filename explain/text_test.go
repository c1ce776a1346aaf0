package explain

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// rows reads a table of testdata: columns are parted by tabs, lines that begin with "# " are remarks.
func rows(t *testing.T, path string, columns int) [][]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) != columns {
			t.Fatalf("%s: %q has %d columns, want %d", path, line, len(row), columns)
		}
		all = append(all, row)
	}
	return all
}

// Whatever Salesforce is known to say, word for word, finds its entry, or is unknown on purpose.
func TestTextKnown(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, "testdata/known.tsv", 3) {
		if got, want := entryOf(Text(row[0], Flow(row[1]))), strings.TrimPrefix(row[2], "-"); got != want {
			t.Errorf("%s (flow %q) gives %q, want %q", row[0], row[1], got, want)
		}
	}
}

func entryOf(m *Match) string {
	if m == nil {
		return ""
	}
	return m.ID
}

// Each code and each text of entries.toml alone leads to its entry, whatever else is there.
func TestTextSigns(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		for _, s := range k.Signs {
			if len(s.At) > 0 || len(s.Code) > 0 && len(s.Text) > 0 {
				continue
			}
			flow := Flow("")
			if len(s.Flow) > 0 {
				flow = s.Flow[0]
			}
			for _, given := range slices.Concat(s.Code, s.Text) {
				if got := entryOf(Text(given, flow)); got != k.ID {
					t.Errorf("%q (flow %q) gives %q, want %q", given, flow, got, k.ID)
				}
			}
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		flow       Flow
		want       string
	}{
		{"an id", "refresh-dead", "", "refresh-dead"},
		{"an id as people write it", " REFRESH_DEAD\n", "", "refresh-dead"},
		{"the id of an error of ours that shares an entry", "lease-lost", "", "store-locked"},
		{"nothing", "", "", ""},
		{"something else", "the cat sat on the mat", "", ""},
		{"capitals, a line end, a full stop", "Expired Access/Refresh\n  Token.", "", "refresh-dead"},
		{"full-width letters", "ｉｎｖａｌｉｄ＿ｃｌｉｅｎｔ＿ｉｄ", "", "client-id-unknown"},
		{"a curl that shows its flow", "curl -d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer …\n" +
			`{"error":"invalid_grant","error_description":"expired authorization code"}`, "", "jwt-expired"},
		{"the same, encoded", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=x expired authorization code", "", "jwt-expired"},
		{"a flag beats what the text looks like", "jwt: expired authorization code", "web", "code-dead"},
		{"what the text looks like must not hide what is known", "security token… expired authorization code", "", "code-dead"},
		{"a text that means nothing in a flow", "expired authorization code", "device", ""},
		{"a busy server", "< HTTP/2 503 \n<html>", "", "salesforce-down"},
		{"too many requests", "status: 429", "", "rate-limit"},
		{"the page and its address", "OAUTH_APPROVAL_ERROR_GENERIC\nhttps://x.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp?error=invalid_client&error_description=app+must+be+installed+into+org", "", "app-not-installed"},
		{"bytes that are no text", "\xff\xfe invalid_scope \x00", "", "scope-not-on-app"},
	} {
		if got := entryOf(Text(test.text, test.flow)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// One text has other meanings in other flows, and Text says so, unless the flow was given.
func TestTextElse(t *testing.T) {
	t.Parallel()
	match := Text("invalid_grant: expired authorization code", "")
	if match.ID != "code-dead" || len(match.Else) != 1 || match.Else[0].Flow != "jwt" || match.Else[0].Entry.ID != "jwt-expired" {
		t.Errorf("found %+v", match)
	}
	if match = Text("invalid_grant: expired authorization code", "web"); len(match.Else) != 0 {
		t.Errorf("with a flow: %+v", match.Else)
	}
}

func TestTextOthers(t *testing.T) {
	t.Parallel()
	match := Text("10:00 Token request is already being processed\n10:05 ip restricted", "")
	if match.ID != "refresh-parallel" || len(match.Others) != 1 || match.Others[0].ID != "ip-restricted" {
		t.Errorf("found %+v", match)
	}
}

// What Text returns is made of entries.toml: no word of what was pasted, which may hold tokens, comes back (C-70).
func TestTextHoldsNothingOfTheInput(t *testing.T) {
	t.Parallel()
	var own []string
	for _, k := range kinds() {
		for _, s := range k.Signs {
			own = append(append(own, s.Code...), s.Text...)
		}
	}
	for _, row := range rows(t, "testdata/known.tsv", 3) {
		match := Text(row[0]+" refresh_token=5Aep861secret access_token=00Dxx!AQsecret", "")
		if match == nil {
			continue
		}
		for _, said := range []string{match.Code, match.Text} {
			if said != "" && !slices.Contains(own, said) {
				t.Errorf("%q comes back", said)
			}
		}
		if match.data != nil {
			t.Errorf("%s: data %v", row[0], match.data)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "%%%41%", "error=invalid_grant&error_description=expired+access%2Frefresh+token", `{"error":"x"`, "\\u00", "サーバー エラー"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if once := level(text); len(once) > 4*len(text)+64 {
			t.Errorf("level(%q) grew to %d bytes", text, len(once))
		}
		if match := Text(text, ""); match != nil && Lookup(match.ID) == nil {
			t.Errorf("Text(%q) = %q, which is no entry", text, match.ID)
		}
	})
}
