// Package message gives the texts that people read, in English and Japanese.
//
// A package that speaks keeps its texts in text/en.toml and text/ja.toml, embeds that folder and makes one Catalogue of
// it. Nothing is read or parsed until the first text is asked for, so a command that says nothing pays nothing.
//
// It does not read the environment and does not escape: whoever puts a text into HTML does that. Only packages of this
// module that talk to people import it.
package message

import (
	"fmt"
	"io/fs"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Catalogue holds one package's texts in every language. It is safe for concurrent use.
type Catalogue struct {
	bundles map[language.Tag]func() *i18n.Bundle // a language is read when it is first spoken
}

// New returns the catalogue of text/en.toml and text/ja.toml in files. A file that is missing or malformed is a fault of
// the program and panics at the first text; Check finds it in a test.
func New(files fs.FS) *Catalogue {
	c := &Catalogue{bundles: map[language.Tag]func() *i18n.Bundle{}}
	for _, tag := range supported {
		c.bundles[tag] = sync.OnceValue(func() *i18n.Bundle {
			bundle, err := load(files, tag)
			if err != nil {
				panic(err)
			}
			return bundle
		})
	}
	return c
}

// For returns the catalogue's texts in the language nearest to tag.
func (c *Catalogue) For(tag language.Tag) Texts {
	spoken, _ := nearest(tag)
	return Texts{catalogue: c, tag: spoken}
}

// Texts are a catalogue's texts in one language.
type Texts struct {
	catalogue *Catalogue
	tag       language.Tag
}

// Language returns the language of the texts.
func (t Texts) Language() language.Tag { return t.tag }

// Text returns the text with data put into its placeholders, {{.name}}. A text that is missing in the language comes in
// English, and one that does not exist at all as its id.
func (t Texts) Text(id string, data map[string]any) string {
	for _, tag := range []language.Tag{t.tag, language.English} {
		localizer := i18n.NewLocalizer(t.catalogue.bundles[tag](), tag.String())
		text, err := localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
		if err == nil {
			return text
		}
	}
	return id
}

func load(files fs.FS, tag language.Tag) (*i18n.Bundle, error) {
	path := fileOf(tag)
	content, err := fs.ReadFile(files, path)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	bundle := i18n.NewBundle(tag)
	if _, err := bundle.ParseMessageBytes(tag, content, toml.Unmarshal); err != nil {
		return nil, fmt.Errorf("read texts: %s: %w", path, err)
	}
	return bundle, nil
}

func fileOf(tag language.Tag) string { return "text/" + tag.String() + ".toml" }
