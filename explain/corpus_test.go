package explain

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// rates counts what became of messages. Unknown is an answer that says so, wrong one that leads astray.
type rates struct{ right, unknown, wrong int }

func (r rates) all() int { return r.right + r.unknown + r.wrong }

func (r rates) String() string {
	percent := func(n int) float64 { return 100 * float64(n) / float64(max(1, r.all())) }
	return fmt.Sprintf("%d messages: %d right (%.1f %%), %d unknown (%.1f %%), %d wrong (%.1f %%)",
		r.all(), r.right, percent(r.right), r.unknown, percent(r.unknown), r.wrong, percent(r.wrong))
}

// Messages that people met in public: a was looked at while the matcher was written, b was labelled when it was finished,
// c was gathered when b had been mended, d by somebody who had not seen the matcher. What was found each time before mending
// stands in docs/en/explain.md.
func TestCorpus(t *testing.T) {
	t.Parallel()
	parts := map[string]*rates{"a": {}, "b": {}, "c": {}, "d": {}}
	for _, row := range rows(t, "testdata/corpus.tsv", 5) {
		part, message, flow, want := row[0], row[1], Flow(row[2]), row[4]
		got := entryOf(Text(message, flow))
		if byHash := string("ab"[sha256.Sum256([]byte(message))[0]&1]); part < "c" && part != byHash {
			t.Errorf("%s is in part %s, and its hash says %s", message, part, byHash)
		}
		r := parts[part]
		switch {
		case got == want, got == "" && want == "-":
			r.right++
		case got == "":
			r.unknown++
			t.Logf("part %s, unknown: %s: want %s", part, message, want)
		default:
			r.wrong++
			t.Logf("part %s, wrong: %s: %s, want %s", part, message, got, want)
		}
		if want != "-" && !slices.ContainsFunc(kinds(), func(k *kind) bool { return k.ID == want }) {
			t.Errorf("%s: %q is no entry", message, want)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		r := parts[part]
		t.Logf("part %s: %v", part, r)
		if 100*r.wrong >= 2*r.all() || 100*r.right < 85*r.all() {
			t.Errorf("part %s: %v; less than 2 %% may be wrong, and 85 %% must be right", part, r)
		}
	}
}
