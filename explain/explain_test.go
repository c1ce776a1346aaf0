package explain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	message.Check(t, files)
}

// Every entry has texts, and every text belongs to an entry.
func TestEntriesAndTextsAgree(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"text/en.toml", "text/ja.toml"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := toml.Unmarshal(content, &file); err != nil {
			t.Fatal(err)
		}
		delete(file, "guess")
		for _, k := range kinds() {
			entry, _ := file[k.ID].(map[string]any)
			if entry["title"] == nil || entry["hints"] == nil {
				t.Errorf("%s: entry %q lacks a title or hints", path, k.ID)
				continue
			}
			for field, value := range entry {
				text, _ := value.(string)
				switch {
				case !slices.Contains([]string{"title", "hints", "causes", "tell"}, field):
					t.Errorf("%s: %s.%s is not a field of an entry", path, k.ID, field)
				case field != "hints" && strings.Contains(text, "{{"):
					t.Errorf("%s: %s.%s has a placeholder: only hints are given data", path, k.ID, field)
				case field == "title" && strings.Contains(text, "\n"):
					t.Errorf("%s: the title of %q is not one line", path, k.ID)
				}
			}
			delete(file, k.ID)
		}
		for id := range file {
			t.Errorf("%s: %q is not in entries.toml", path, id)
		}
	}
}

// entries.toml says what it must: each id once, known parts, flows and evidence, and no sign that fits everything.
func TestEntries(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range kinds() {
		for _, id := range append(k.Errors, k.ID) {
			if seen[id] {
				t.Errorf("%q is named twice", id)
			}
			seen[id] = true
		}
		if !slices.Contains(parts, k.Part) {
			t.Errorf("%s: part %q is not listed", k.ID, k.Part)
		}
		if !slices.Contains([]Evidence{"", Documented, Reported, Inferred}, k.Evidence) {
			t.Errorf("%s: evidence %q", k.ID, k.Evidence)
		}
		if k.Evidence == "" && slices.Contains([]string{"salesforce", "flows", "api", "setup"}, k.Part) {
			t.Errorf("%s: an entry about Salesforce says what it rests on", k.ID)
		}
		for _, s := range k.Signs {
			if len(s.Code)+len(s.Text) == 0 {
				t.Errorf("%s: a sign fits everything", k.ID)
			}
			for _, flow := range s.Flow {
				if !slices.Contains(Flows, flow) {
					t.Errorf("%s: flow %q is not known", k.ID, flow)
				}
			}
			for _, code := range s.Code {
				if !slices.Equal(codesIn(code), []string{code}) {
					t.Errorf("%s: %q is not a code as they are compared", k.ID, code)
				}
			}
		}
	}
}

func TestEntriesAreStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"[[entry]]\nid = 'a'\nsign = []", "[[entry", "[[entry]]\nsigns = [{ texts = ['a'] }]"} {
		if _, err := parseEntries(text); err == nil {
			t.Errorf("parseEntries(%q) gave no error", text)
		}
	}
}

var (
	japanese = regexp.MustCompile(`\p{Hiragana}|\p{Katakana}|\p{Han}`)
	flag     = regexp.MustCompile(`--[a-z-]+`)
)

func TestEveryEntryReads(t *testing.T) {
	t.Parallel()
	// Flags of sftoken login, of api, query and export, and --json and --help, which every command has.
	flags := []string{"--host", "--allow-host", "--redirect-uri", "--timeout", "--force", "--json", "--help", "--unused", "--identity", "--all", "--yes", "--method", "--header", "--jq", "--scope", "--url", "--using", "--update", "--retire", "--cancel", "--client-secret-file", "--client-id", "--out", "--dry-run", "--html", "--set"}
	for _, entry := range All() {
		id := entry.ID
		for _, lang := range []language.Tag{language.English, language.Japanese} {
			hints := entry.Hints(lang, nil)
			full := entry.Hints(lang, map[string]string{
				"alias": "prod", "Redirect": "R", "host": "H", "port": "1", "path": "P",
				"mend": "M", "clockahead": "1m0s", "clockbehind": "1m0s", "server": "S", "issuer": "I", "To": "T",
			})
			if len(full) == 0 || len(hints) > len(full) {
				t.Errorf("%s: %d hints without data, %d with", id, len(hints), len(full))
			}
			for _, line := range append(full, entry.Title(lang)) {
				if strings.Contains(line, "{{") || strings.Contains(line, "<no value>") {
					t.Errorf("%s: %q has an open placeholder", id, line)
				}
				for _, name := range flag.FindAllString(line, -1) {
					if !slices.Contains(flags, name) {
						t.Errorf("%s: %q names flag %s, which is not known here", id, line, name)
					}
				}
			}
			if got := japanese.MatchString(entry.Title(lang)); got != (lang == language.Japanese) {
				t.Errorf("%s: title in %v is %q", id, lang, entry.Title(lang))
			}
		}
	}
}

func TestHintsFillPlaceholders(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("log in: %w", &sftoken.Error{Endpoint: "authorize", Code: "redirect_uri_mismatch"})
	entry := Find(err)
	all := strings.Join(entry.Hints(language.English, map[string]string{"alias": "prod", "redirect": "http://localhost:1717/cb"}), "\n")
	for _, want := range []string{"as it stands: http://localhost:1717/cb", "sftoken login prod --redirect-uri"} {
		if !strings.Contains(all, want) {
			t.Errorf("hints lack %q:\n%s", want, all)
		}
	}
	bare := strings.Join(entry.Hints(language.English, nil), "\n")
	if strings.Contains(bare, "as it stands") || !strings.Contains(bare, "sftoken login --redirect-uri") {
		t.Errorf("without data a hint with an unknown value must go, and an alias must just be missing:\n%s", bare)
	}
}

func TestGuessesSaySo(t *testing.T) {
	t.Parallel()
	hints := Find(&sftoken.Error{Endpoint: "token", Code: "invalid_grant", Description: "invalid code verifier", GrantType: "authorization_code"}).Hints(language.Japanese, nil)
	if len(hints) == 0 || !strings.Contains(hints[len(hints)-1], "推測") {
		t.Errorf("hints are %q, want a word on the guess at the end", hints)
	}
}

// local is an error as other packages make them.
type local struct {
	id   string
	data map[string]string
	err  error
}

func (e local) Error() string                { return e.id }
func (e local) ErrorID() string              { return e.id }
func (e local) ErrorData() map[string]string { return e.data }
func (e local) Unwrap() error                { return e.err }

func TestFindLocal(t *testing.T) {
	t.Parallel()
	dead := &sftoken.Error{Endpoint: "token", GrantType: "refresh_token", Code: "invalid_grant", Description: "expired access/refresh token"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("something"), ""},
		{local{id: "never-heard-of"}, ""},
		{local{id: "port-in-use"}, "port-in-use"},
		{fmt.Errorf("log in: %w", local{id: "port-in-use"}), "port-in-use"},
		{errors.Join(errors.New("x"), local{id: "port-in-use"}), "port-in-use"},
		{local{id: "host-not-ascii"}, "host"},
		{local{id: "host-lightning"}, "host-lightning"},
		{local{id: "client-id-malformed"}, "client-id"},
		{local{id: "client-secret-token"}, "client-secret"},
		{local{id: "redirect-insecure"}, "redirect"},
		{local{id: "store-unsafe-mode"}, "store-unsafe"},
		{local{id: "keyring-unheard-of"}, "keyring-absent"},
		{local{id: "keyring-locked"}, "keyring-locked"},
		{local{id: "keyring-timeout"}, "keyring-timeout"},
		{local{id: "callback-issuer"}, "callback"},
		{local{id: "pasted-token"}, "pasted"},
		{local{id: "scope-malformed"}, "scope"},
		{local{id: "id-token-expired"}, "answer"},
		{local{id: "grant-dead", err: dead}, "refresh-dead"},
		{local{id: "grant-dead"}, "login-required"},
		{local{id: "login-unsaved", err: local{id: "store-no-space"}}, "store-no-space"},
		{local{id: "login-unsaved", err: errors.New("x")}, "login-unsaved"},
		{local{id: "grant-uncertain", err: dead}, "grant-uncertain"},
		{&sftoken.UnexpectedError{Endpoint: "token", Status: 200, ContentType: "text/html;charset=UTF-8", ID: "answer-unreadable"}, "answer-html"},
		{&sftoken.UnexpectedError{Endpoint: "token", Status: 200, ContentType: "application/json", ID: "answer-incomplete"}, "answer"},
		{fmt.Errorf("accept: %w", sftoken.ErrStateMismatch), "state-mismatch"},
		{sftoken.ErrLoginRequired, "login-required"},
		{sftoken.ErrDenied, "denied"},
		{fmt.Errorf("wait: %w", context.Canceled), "interrupted"},
		{context.DeadlineExceeded, ""}, // of what is not known
	} {
		if got := idOf(Find(test.err)); got != test.want {
			t.Errorf("Find(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}

func TestFindCollectsData(t *testing.T) {
	t.Parallel()
	err := local{
		id: "login-unsaved", data: map[string]string{"Path": "/outer"},
		err: local{id: "store-no-space", data: map[string]string{"path": "/inner", "alias": "prod"}},
	}
	hints := strings.Join(Find(err).Hints(language.English, nil), "\n")
	if !strings.Contains(hints, "/outer") {
		t.Errorf("hints are %q", hints)
	}
}

func idOf(e *Entry) string {
	if e == nil {
		return ""
	}
	return e.ID
}

// The forty failures that are met most often have entries, and the pages say which.
func TestDocsName(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile("`([a-z-]+)`")
	for _, path := range []string{"../docs/en/explain.md", "../docs/ja/explain.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(string(page), "<!-- check: failures -->\n")
		table, _, _ = strings.Cut(table, "\n\n")
		failures := 0
		for row := range strings.Lines(table) {
			cells := strings.Split(row, "|")
			entries := quoted.FindAllStringSubmatch(cells[3], -1)
			if len(entries) > 0 {
				failures++
			}
			for _, entry := range entries {
				if Lookup(entry[1]) == nil {
					t.Errorf("%s: %q is no entry", path, entry[1])
				}
			}
		}
		if failures != 40 {
			t.Errorf("%s: %d failures with an entry, want 40", path, failures)
		}
	}
}
