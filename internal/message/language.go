package message

import (
	"strings"

	"golang.org/x/text/language"
)

// supported lists the languages with texts; the first is what everybody else gets.
var supported = []language.Tag{language.English, language.Japanese}

// Choose returns the language for people whose wishes are the candidates, strongest first: a flag, then LC_ALL,
// LC_MESSAGES and LANG, in the form of locale names (ja_JP.UTF-8, C, POSIX) or of language tags (ja-JP). The first one
// that is not empty decides, even if its language has no texts here, as in POSIX; the result is then English. A candidate
// may be a list with colons, as LANGUAGE is: its first language with texts is taken.
func Choose(candidates ...string) language.Tag {
	for _, candidate := range candidates {
		if candidate == "" {
			continue
		}
		for name := range strings.SplitSeq(candidate, ":") {
			if tag, ok := fromLocale(name); ok {
				return tag
			}
		}
		return language.English
	}
	return language.English
}

// FromAcceptLanguage returns the language for a browser that sent this Accept-Language header (RFC 9110 section 12.5.4).
func FromAcceptLanguage(header string) language.Tag {
	// A header has no reason to be long, and parsing time grows with it.
	if len(header) > 500 {
		return language.English
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return language.English
	}
	tag, _ := nearest(wanted...)
	return tag
}

// fromLocale reads a locale name. "ja_JP.UTF-8@currency" names its language before the dot; language.Parse, given the
// whole, would take UTF-8 for a variant and find nothing.
func fromLocale(name string) (language.Tag, bool) {
	if end := strings.IndexAny(name, ".@"); end >= 0 {
		name = name[:end]
	}
	if name == "C" || name == "POSIX" {
		return language.English, true
	}
	tag, err := language.Parse(name)
	if err != nil {
		return language.English, false
	}
	return nearest(tag)
}

func nearest(wanted ...language.Tag) (language.Tag, bool) {
	_, index, confidence := language.NewMatcher(supported).Match(wanted...)
	return supported[index], confidence != language.No
}
