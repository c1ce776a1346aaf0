package explain

import (
	"cmp"
	"slices"
	"strings"
)

// Match is what Text found.
type Match struct {
	*Entry
	Code   string    // the error code it was recognised by, if by one
	Text   string    // the words it was recognised by, levelled, if by words; of entries.toml, never of the input
	Flow   Flow      // what was asked for or seen, "" if unknown
	Else   []Reading // the same words in other flows
	Others []*Entry  // further failures in the same text
}

// Reading is what the same words mean in another flow.
type Reading struct {
	Flow  Flow
	Entry *Entry
}

// Text finds the entry of what a person has: an id, an error, the address of an error page or callback, an answer's body,
// the output of curl, lines of a log, what stands on the screen. flow is "" if it is not known. It returns nil if nothing
// in the text is known. What it returns holds no word of the text.
func Text(text string, flow Flow) *Match {
	id := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "_", "-")
	if k := named(id); k != nil {
		return &Match{Entry: &Entry{ID: k.ID}, Flow: flow}
	}
	levelled := level(text)
	for _, phrase := range wrapping {
		levelled = strings.ReplaceAll(levelled, phrase, "")
	}
	c := clue{at: endpointIn(levelled), flow: flow, codes: codesIn(levelled), text: levelled}
	if c.flow == "" {
		c.flow = flowIn(levelled)
	}
	hits := match(c)
	if len(hits) == 0 && c.flow != "" && flow == "" {
		c.flow = "" // what only seems to be the flow must not hide what is known
		hits = match(c)
	}
	if len(hits) == 0 {
		return textElse(id, levelled)
	}
	best := hits[0]
	found := &Match{Entry: &Entry{ID: best.kind.ID}, Code: best.code, Text: best.text, Flow: c.flow}
	for _, h := range hits[1:] {
		if h.text != "" && !h.kind.Yields && !h.guessed && !strings.Contains(best.text, h.text) {
			found.Others = append(found.Others, &Entry{ID: h.kind.ID})
		}
	}
	if flow == "" {
		c.text = best.text // the words, without what stood around them
		found.Else = readings(c, found.ID)
	}
	return found
}

// textElse knows failures by the family of an id of ours, and by a status.
func textElse(id, levelled string) *Match {
	known := statusIn(levelled)
	if idShape().MatchString(id) {
		known = cmp.Or(localEntry(id), known)
	}
	if known == "" {
		return nil
	}
	return &Match{Entry: &Entry{ID: known}}
}

// wrapping is what other programs say around any failure, levelled. It means nothing and must not be taken for it.
var wrapping = []string{
	"invalid client credentials. verify the oauth client secret and id", // the Salesforce CLI before every failed exchange
}

// idShape is that of our ids.
var idShape = lazy(`^[a-z]+(-[a-z]+)*$`)

// readings looks what a clue would mean in each flow.
func readings(c clue, id string) []Reading {
	var all []Reading
	for _, flow := range Flows {
		c.flow = flow
		hits := match(c)
		if len(hits) == 0 || !hits[0].named || hits[0].text == "" || hits[0].kind.ID == id {
			continue
		}
		same := func(r Reading) bool { return r.Entry.ID == hits[0].kind.ID }
		if !slices.ContainsFunc(all, same) {
			all = append(all, Reading{flow, &Entry{ID: hits[0].kind.ID}})
		}
	}
	return all
}

// endpointIn finds out where a levelled text comes from.
func endpointIn(text string) string {
	for _, place := range []struct{ mark, at string }{
		{"/services/oauth2/revoke", "revoke"},
		{"/services/oauth2/token", "token"},
		{"/services/oauth2/authorize", "authorize"},
		{"remoteaccesserrorpage", "authorize"},
		{"?error=", "authorize"},
		{"#error=", "authorize"},
	} {
		if strings.Contains(text, place.mark) {
			return place.at
		}
	}
	return ""
}

// statusLine is the status of an answer, as curl -i, logs and clients write it.
var statusLine = lazy(`(?:http/[0-9.]+ |status(?: code)?[:= ]+)(420|406|429|5[0-9][0-9])\b`)

func statusIn(text string) string {
	found := statusLine().FindStringSubmatch(text)
	switch {
	case found == nil:
		return ""
	case found[1] == "429":
		return "rate-limit"
	}
	return "salesforce-down"
}
