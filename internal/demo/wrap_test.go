package demo

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"averylongword", []string{"averylongword"}}, // an address must stay whole
		{"あいうえおか", []string{"あいうえ", "おか"}},
		{"あいうえ。か", []string{"あいう", "え。か"}},
		{"あいう「えお」", []string{"あいう", "「えお」"}},
		{"あい token あい", []string{"あい", "token あ", "い"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Wrap(tt.text, 9)); diff != "" {
			t.Errorf("Wrap(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("ab あい。", uint8(3))
	f.Fuzz(func(t *testing.T, text string, columns uint8) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\n") {
			t.Skip()
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := squeeze(strings.Join(Wrap(text, int(columns)), "")); got != squeeze(text) {
			t.Errorf("Wrap(%q) changes the text to %q", text, got)
		}
	})
}

// Japanese columns stand under each other.
func TestPadAndCut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"user", "ユーザー", "アクセストークン", ""} {
		if n := cells(Pad(text, 20)); n != 20 {
			t.Errorf("Pad(%q, 20) takes %d columns", text, n)
		}
		if n := cells(cut(text, 7)); n > 7 {
			t.Errorf("cut(%q, 7) takes %d columns", text, n)
		}
	}
}
