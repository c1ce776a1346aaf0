package message_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		candidates []string
		want       language.Tag
	}{
		{nil, language.English},
		{[]string{"", "", ""}, language.English},
		{[]string{"ja_JP.UTF-8"}, language.Japanese},
		{[]string{"ja_JP.eucJP@cjkwide"}, language.Japanese},
		{[]string{"ja_JP@currency=JPY"}, language.Japanese},
		{[]string{"ja"}, language.Japanese},
		{[]string{"ja-JP"}, language.Japanese},
		{[]string{"en_US.UTF-8"}, language.English},
		{[]string{"C.UTF-8"}, language.English},
		{[]string{"POSIX"}, language.English},
		{[]string{"C", "ja_JP.UTF-8"}, language.English},           // LC_ALL=C wins over LANG
		{[]string{"", "", "ja_JP.UTF-8"}, language.Japanese},       // only LANG is set
		{[]string{"fr_FR.UTF-8", "ja_JP.UTF-8"}, language.English}, // French was asked for; Japanese was not
		{[]string{"fr:ja:en"}, language.Japanese},                  // LANGUAGE
		{[]string{"not a locale!"}, language.English},
		{[]string{"ja_JP.UTF-8", "en_US.UTF-8"}, language.Japanese},
	} {
		if got := message.Choose(test.candidates...); got != test.want {
			t.Errorf("Choose(%q) = %v, want %v", test.candidates, got, test.want)
		}
	}
}

func TestFromAcceptLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]language.Tag{
		"":                                    language.English,
		"ja":                                  language.Japanese,
		"ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7": language.Japanese,
		"en-US,en;q=0.9,ja;q=0.8":             language.English,
		"fr-FR,fr;q=0.9,ja;q=0.5":             language.Japanese,
		"fr":                                  language.English,
		"*":                                   language.English,
		";;q=x":                               language.English,
		strings.Repeat("ja,", 10_000):         language.English,
	} {
		if got := message.FromAcceptLanguage(header); got != want {
			t.Errorf("FromAcceptLanguage(%.40q) = %v, want %v", header, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	catalogue := message.New(folder("greet = 'Hello {{.name}}'\nonly = 'English'\n[page]\ntitle = 'Done'", "greet = '{{.name}}さん'\n[page]\ntitle = '完了'"))
	english, japanese := catalogue.For(language.English), catalogue.For(language.MustParse("ja-JP"))
	var group sync.WaitGroup
	for range 4 { // concurrent use
		group.Go(func() {
			for _, test := range []struct {
				texts    message.Texts
				id, want string
			}{
				{english, "greet", "Hello Ann"},
				{japanese, "greet", "Annさん"},
				{japanese, "page.title", "完了"},
				{japanese, "only", "English"},
				{english, "absent", "absent"},
			} {
				if got := test.texts.Text(test.id, map[string]any{"name": "Ann"}); got != test.want {
					t.Errorf("Text(%q) in %v = %q, want %q", test.id, test.texts.Language(), got, test.want)
				}
			}
		})
	}
	group.Wait()
}

// A command that says nothing must not pay for texts, not even find out that they are broken.
func TestNewReadsNothing(t *testing.T) {
	t.Parallel()
	message.New(nil).For(language.Japanese)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ en, ja, want string }{
		{"a = 'x {{.n}}'", "a = 'え {{.n}}'", ""},
		{"a = 'x'\n[b]\nc = 'y'", "a = 'え'", `text "b.c" is in English only`},
		{"a = 'x'", "a = 'え'\nb = 'お'", `text "b" is in Japanese only`},
		{"a = 'x {{.n}}'", "a = 'え {{.m}}'", `text "a" takes [n] in English and [m] in Japanese`},
		{"a = '{{if .n}}x{{end}}'", "a = 'え'", `text "a" takes [n] in English and [] in Japanese`},
		{"a = 'x'", "a = ' '", `text "a" is empty in a language`},
		{"a = 'x", "a = 'え'", "text/en.toml"},
	} {
		var seen recorder
		func() {
			defer func() { _ = recover() }() // Fatalf of recorder
			message.Check(&seen, folder(test.en, test.ja))
		}()
		if got := strings.Join(seen, "\n"); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("Check(%q, %q) reported %q, want %q", test.en, test.ja, got, test.want)
		}
	}
}

type recorder []string

func (r *recorder) Helper()                      {}
func (r *recorder) Errorf(f string, args ...any) { *r = append(*r, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); panic("fatal") }
func folder(english, japanese string) fstest.MapFS {
	return fstest.MapFS{
		"text/en.toml": {Data: []byte(english)},
		"text/ja.toml": {Data: []byte(japanese)},
	}
}
