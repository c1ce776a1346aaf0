package demo

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cells is the number of columns that text takes on a terminal. Japanese characters take two.
func cells(text string) int {
	n := 0
	for _, r := range text {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch kind := width.LookupRune(r).Kind(); {
	case unicode.Is(unicode.Mn, r):
		return 0
	case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Pad fills text up to a number of columns.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-cells(text)))
}

// cut shortens text to a number of columns.
func cut(text string, columns int) string {
	if cells(text) <= columns {
		return text
	}
	used := 1 // the ellipsis
	for i, r := range text {
		if used += runeCells(r); used > columns {
			return text[:i] + "…"
		}
	}
	return text
}

// Wrap breaks text into lines: English between words, Japanese between any two characters, except that no line begins with
// closing punctuation or ends with an opening bracket (JIS X 4051's first rule).
func Wrap(text string, columns int) []string {
	var lines []string
	line := ""
	for _, piece := range pieces(text) {
		if cells(line)+cells(strings.TrimRight(piece, " ")) > columns && line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += piece
	}
	return append(lines, strings.TrimRight(line, " "))
}

// pieces cuts text into parts that stay together.
func pieces(text string) []string {
	var parts []string
	start := 0
	var before rune
	for i, r := range text {
		if i > start && mayBreak(before, r) {
			parts = append(parts, text[start:i])
			start = i
		}
		before = r
	}
	return append(parts, text[start:])
}

const (
	closing = "、。，．・：；？！」』）］｝〉》】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;?!)]}"
	opening = "「『（［｛〈《【([{"
)

func mayBreak(before, after rune) bool {
	switch {
	case after == ' ':
		return false // spaces end a piece
	case before == ' ':
		return true
	case strings.ContainsRune(closing, after), strings.ContainsRune(opening, before):
		return false
	}
	return runeCells(before) == 2 || runeCells(after) == 2
}
