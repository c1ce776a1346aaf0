package appsetup

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	message.Check(t, files)
}

// What Setup is called stands in one place: every name in the texts is one of names, and every one of names has a text.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, lang := range []language.Tag{language.English, language.Japanese} {
		content, err := files.ReadFile("text/" + lang.String() + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`\{\{\.([A-Z]\w*)\}\}`).FindAllStringSubmatch(string(content), -1) {
			if !slices.Contains(names, found[1]) {
				t.Errorf("%v: %s is no name of Setup", lang, found[1])
			}
		}
		for _, id := range names {
			if name, elsewhere := Name(lang, id); strings.HasPrefix(name+elsewhere, "name.") {
				t.Errorf("%v: %s has no text", lang, id)
			}
		}
	}
}
