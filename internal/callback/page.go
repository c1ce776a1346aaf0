package callback

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

//go:embed text/*.toml
var textFiles embed.FS

var texts = message.New(textFiles)

//go:embed page.html
var pageSource string

//go:embed style.css
var style string

// Parsing waits for the first page: most commands never show one.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageSource))
})

// policy allows the page nothing but its own style sheet (C-30).
var policy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

// Page is what the browser is shown in the end: a Success or a Failure.
type Page interface {
	status() int
	view(lang language.Tag) view
}

// Success tells that the login is done. Empty fields are left out.
type Success struct {
	Name, Username string   // who logged in
	Org            string   // its name or id
	InstanceURL    string   // where its API answers
	Alias          string   // under which name the grant is kept
	Scopes         []string // what was granted
	Note           string   // one more sentence, such as that no refresh token came
}

func (Success) status() int { return http.StatusOK }

func (p Success) view(lang language.Tag) view {
	text := texts.For(lang)
	v := newView(text, "success")
	v.Kind = "good"
	who := clean(p.Username)
	switch {
	case who == "":
		who = p.Name
	case p.Name != "" && p.Name != p.Username:
		who = text.Text("person", map[string]any{"name": clean(p.Name), "username": who})
	}
	v.fact(text, "user", who)
	v.fact(text, "org", p.Org)
	v.fact(text, "instance", p.InstanceURL)
	v.fact(text, "alias", p.Alias)
	v.fact(text, "scopes", strings.Join(p.Scopes, " "))
	v.Note = clean(p.Note)
	return v
}

// Failure tells why the login did not succeed. Its texts are for people, in Arrival.Language.
type Failure struct {
	Title string   // one line; empty: "The login did not succeed"
	Text  string   // what it means
	Hints []string // what to do
	Code  string   // Salesforce's own words, "invalid_grant: expired authorization code"
}

func (Failure) status() int { return http.StatusBadRequest }

func (p Failure) view(lang language.Tag) view {
	text := texts.For(lang)
	v := newView(text, "failure")
	v.Kind = "bad"
	if p.Title != "" {
		v.Title = clean(p.Title)
	}
	if p.Text != "" {
		v.Text = clean(p.Text)
	}
	for _, hint := range p.Hints {
		v.Hints = append(v.Hints, clean(hint))
	}
	v.fact(text, "code", p.Code)
	return v
}

// noticeView is a page about a request that is not the login's end.
func noticeView(lang language.Tag, id string) view {
	v := newView(texts.For(lang), id)
	v.Kind = "notice"
	return v
}

// view is what page.html shows.
type view struct {
	Lang, Kind, Title, Text, Note, HintsTitle, Footer string
	Facts                                             []fact
	Hints                                             []string
	Style                                             template.CSS
}

type fact struct{ Label, Value string }

func newView(text message.Texts, id string) view {
	return view{
		Lang:       text.Language().String(),
		Title:      text.Text(id+".title", nil),
		Text:       text.Text(id+".text", nil),
		HintsTitle: text.Text("hints", nil),
		Footer:     text.Text("footer", nil),
		Style:      template.CSS(style),
	}
}

func (v *view) fact(text message.Texts, id, value string) {
	if value = clean(value); value != "" {
		v.Facts = append(v.Facts, fact{Label: text.Text("fact."+id, nil), Value: value})
	}
}

// write sends the page.
func write(w http.ResponseWriter, status int, v view) {
	var page bytes.Buffer
	if err := pageTemplate().Execute(&page, v); err != nil {
		plain(w, http.StatusInternalServerError)
		return
	}
	setHeaders(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

func setHeaders(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Vary", "Accept-Language")
}

// clean makes a text from outside fit to be shown: no control or formatting characters, which could hide or reorder
// words, and not longer than anybody reads (C-28). Escaping is html/template's work.
func clean(text string) string {
	const limit = 500
	var kept strings.Builder
	count := 0
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsGraphic(r) || r == unicode.ReplacementChar:
			continue
		}
		if count == limit {
			kept.WriteString("…")
			break
		}
		kept.WriteRune(r)
		count++
	}
	return strings.TrimSpace(kept.String())
}
