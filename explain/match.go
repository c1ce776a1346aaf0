package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
)

// sign is one way to recognise an entry; entries.toml says how its fields work together.
type sign struct {
	At   []string // where it came: authorize, token, revoke
	Flow []Flow   // the same words mean different things in different flows
	Code []string // lower case, with underscores
	Text []string // levelled when read
}

// clue is what is known of a failure.
type clue struct {
	at    string // the endpoint, "" if not known
	flow  Flow   // "" if not known
	codes []string
	text  string // levelled
}

// hit is an entry that fits a clue, and how well.
type hit struct {
	kind       *kind
	code, text string // what was recognised, in the words of entries.toml: never what somebody gave
	named      bool   // by the flow it was in
	guessed    bool   // its flow is not known to be the failure's
}

// match returns the entries that fit, the best one first.
func match(c clue) []hit {
	var hits []hit
	for _, k := range kinds() {
		best, found := hit{}, false
		for _, s := range k.Signs {
			h, ok := s.fit(c)
			h.kind = k
			if ok && (!found || compare(h, best) < 0) {
				best, found = h, true
			}
		}
		if found {
			hits = append(hits, best)
		}
	}
	slices.SortStableFunc(hits, compare)
	return hits
}

// compare orders hits: what only says where a failure led last; text before code alone, the longer text first, then what
// names its flow.
func compare(a, b hit) int {
	return cmp.Or(
		cmp.Compare(bit(a.kind.Yields), bit(b.kind.Yields)),
		cmp.Compare(len(b.text), len(a.text)),
		cmp.Compare(bit(b.named), bit(a.named)),
		cmp.Compare(bit(a.guessed), bit(b.guessed)),
	)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s sign) fit(c clue) (hit, bool) {
	var h hit
	if len(s.At) > 0 && !slices.Contains(s.At, c.at) {
		return h, false
	}
	if len(s.Flow) > 0 {
		h.named = slices.Contains(s.Flow, c.flow)
		h.guessed = !h.named
		if c.flow != "" && h.guessed || c.flow == "" && len(s.Text) == 0 {
			return h, false
		}
	}
	for _, code := range s.Code {
		if slices.Contains(c.codes, code) {
			h.code = code
			break
		}
	}
	for _, text := range s.Text {
		if len(text) > len(h.text) && strings.Contains(c.text, text) {
			h.text = text
		}
	}
	return h, (len(s.Code) == 0 || h.code != "") && (len(s.Text) == 0 || h.text != "")
}

// matchWire returns the entry of an error that Salesforce reported, or "".
func matchWire(err *sftoken.Error) string {
	hits := match(clue{
		at:    err.Endpoint,
		flow:  flowOf(err.GrantType),
		codes: codesIn(level(err.Code)),
		text:  level(err.Description),
	})
	if len(hits) > 0 {
		return hits[0].kind.ID
	}
	// Salesforce's front door answers 420 and 406 with a web page when it is busy (observed by others).
	if err.Status >= 500 || err.Status == 420 || err.Status == 406 {
		return "salesforce-down"
	}
	if err.Status == 429 {
		return "rate-limit"
	}
	return ""
}

// codeWord is a word as error codes are: invalid_grant, and access-denied as one of Salesforce's pages writes it.
var codeWord = lazy(`[a-z][a-z0-9]*(?:[_-][a-z0-9]+)+`)

// codesIn returns the words of a levelled text that may be codes.
func codesIn(text string) []string {
	words := codeWord().FindAllString(text, -1)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "-", "_")
	}
	return words
}
