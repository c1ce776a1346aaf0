package emulator

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed page/*.html page/style.css text/*.toml
var files embed.FS

var languages = []language.Tag{language.English, language.Japanese}

// assets are the pages and what they need. They are made by the first New, not when a program that only links the emulator
// starts.
var assets = sync.OnceValue(loadAssets)

type assetSet struct {
	matcher language.Matcher
	texts   *i18n.Bundle
	pages   map[string]*template.Template
	style   template.CSS
	// policy allows the one style sheet by its hash and nothing else. form-action is missing on purpose: Chromium applies it
	// to the redirects after a form too, and the last one of them leads to the app's callback.
	policy string
}

func loadAssets() *assetSet {
	style := string(mustRead("page/style.css"))
	return &assetSet{
		matcher: language.NewMatcher(languages),
		texts:   loadTexts(),
		pages:   loadPages("login", "consent", "error", "success", "home", "verify", "device", "setup_list", "setup_form", "setup_app", "setup_secrets"),
		style:   template.CSS(style), // #nosec G203 -- our own file
		policy:  "default-src 'none'; style-src 'sha256-" + hash(style) + "'; base-uri 'none'; frame-ancestors 'none'",
	}
}

func mustRead(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return content
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func loadTexts() *i18n.Bundle {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, tag := range languages {
		name := "text/" + tag.String() + ".toml"
		bundle.MustParseMessageFileBytes(mustRead(name), name)
	}
	return bundle
}

func loadPages(names ...string) map[string]*template.Template {
	loaded := map[string]*template.Template{}
	for _, name := range names {
		loaded[name] = template.Must(template.ParseFS(files, "page/base.html", "page/"+name+".html"))
	}
	return loaded
}

// page is what every page needs.
type page struct {
	Lang      string
	Style     template.CSS
	localizer *i18n.Localizer
}

// newPage chooses the language: of the person once known, else of the browser.
func (s *Server) newPage(c *call, who *account) page {
	tags, _, err := language.ParseAcceptLanguage(c.r.Header.Get("Accept-Language"))
	if err != nil {
		tags = nil
	}
	if who != nil {
		if tag, err := language.Parse(who.user.Language); err == nil {
			tags = []language.Tag{tag}
		}
	}
	_, index, _ := assets().matcher.Match(tags...)
	tag := languages[index].String()
	return page{Lang: tag, Style: assets().style, localizer: i18n.NewLocalizer(assets().texts, tag)}
}

// T is a text in the page's language. Pairs are the names and values of its placeholders.
func (p page) T(id string, pairs ...string) (string, error) {
	data := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i]] = pairs[i+1]
	}
	return p.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// scopeLabel explains a scope; one that has no text of its own stands for itself.
func (p page) scopeLabel(scope string) string {
	label, err := p.T("scope_" + scope)
	if err != nil {
		return scope
	}
	return label
}

// render writes a page with the headers that keep it out of frames, caches and other sites' hands.
func (s *Server) render(c *call, status int, name string, view any) {
	var body bytes.Buffer
	if err := assets().pages[name].ExecuteTemplate(&body, "base.html", view); err != nil {
		s.log.Error("render page", "page", name, "error", err)
		http.Error(c.w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", assets().policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Language, Cookie")
	c.write(status, "text/html; charset=UTF-8", body.Bytes())
}
