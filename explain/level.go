package explain

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Patterns are compiled when first used: a command that works does not pay for them.
var (
	escapedRune = lazy(`\\u[0-9a-fA-F]{4}`)
	percents    = lazy(`(?:%[0-9a-fA-F]{2})+`)
)

func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// level takes out of a text what does not change its meaning, in which Salesforce and the ways a text travels differ:
// capitals, percent-encoding, plus signs for spaces, HTML entities, escapes of JSON, apostrophes and quotes of all kinds,
// full-width letters, long vowels in Japanese (サーバー and サーバ), spaces beside Japanese, line ends, a full stop.
func level(text string) string {
	// An address inside an address is encoded twice.
	for range 3 {
		if !percents().MatchString(text) {
			break
		}
		text = percents().ReplaceAllStringFunc(strings.ReplaceAll(text, "+", " "), func(encoded string) string {
			if plain, err := url.PathUnescape(encoded); err == nil {
				return plain
			}
			return encoded
		})
	}
	text = html.UnescapeString(strings.ReplaceAll(text, "+", " "))
	text = escapedRune().ReplaceAllStringFunc(text, func(escaped string) string {
		r, _ := strconv.ParseUint(escaped[2:], 16, 16)
		return string(rune(r))
	})
	text = strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(text, "")))
	text = strings.NewReplacer(`\n`, " ", `\r`, " ", `\t`, " ").Replace(text)
	text = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("'’‘`´\"“”「」『』\\ー", r):
			return -1
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		}
		return r
	}, text)
	words := strings.Fields(text)
	var b strings.Builder
	for i, word := range words {
		if i > 0 && !(japaneseEnd(words[i-1]) || japaneseStart(word)) {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return strings.TrimRight(b.String(), ".。")
}

func japaneseStart(word string) bool {
	for _, r := range word {
		return isJapanese(r)
	}
	return false
}

func japaneseEnd(word string) bool {
	last := rune(0)
	for _, r := range word {
		last = r
	}
	return isJapanese(last)
}

func isJapanese(r rune) bool {
	return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) || r == '、' || r == '。'
}
