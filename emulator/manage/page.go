package manage

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"
)

//go:embed page text
var files embed.FS

var languages = []language.Tag{language.English, language.Japanese}

// assets are read when the first page is asked for.
var assets = sync.OnceValue(func() *assetSet {
	style := string(mustRead("page/style.css"))
	sum := sha256.Sum256([]byte(style))
	set := &assetSet{
		style:  template.CSS(style), // #nosec G203 -- our own file
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		page:   template.Must(template.ParseFS(files, "page/index.html")),
		texts:  map[string]map[string]string{},
	}
	for _, tag := range languages {
		var texts map[string]string
		if err := toml.Unmarshal(mustRead("text/"+tag.String()+".toml"), &texts); err != nil {
			panic(err) // our own file
		}
		set.texts[tag.String()] = texts
	}
	return set
})

type assetSet struct {
	style  template.CSS
	policy string
	page   *template.Template
	texts  map[string]map[string]string
}

func mustRead(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return content
}

// view is what the page shows.
type view struct {
	Lang, Other       string
	Style             template.CSS
	LiveURL, OtherURL string
	Refresh           int // seconds; 0: it stays as it is
	Now, Seed         string
	Requests          []arrow
	Grants            []grantRow
	Faults            []string
	Users             []userRow
	Apps              []appRow
}

// T is a text in the page's language.
func (v *view) T(id string) (string, error) {
	text, ok := assets().texts[v.Lang][id]
	if !ok {
		return "", fmt.Errorf("no text %q", id)
	}
	return text, nil
}

func (a *API) page(w http.ResponseWriter, r *http.Request) {
	v := &view{Style: assets().style, Lang: chosenLanguage(r), Now: a.emulator.Now().Format(time.DateTime), Seed: strconv.FormatUint(a.emulator.Seed(), 10)}
	v.Other = map[string]string{"en": "ja", "ja": "en"}[v.Lang]
	if seconds, err := number(r, "refresh"); err == nil {
		v.Refresh = min(seconds, 60)
	}
	// Every address says all that it can, so that following and language outlive each other.
	here := func(lang string, refresh int) string {
		query := url.Values{"lang": {lang}}
		if refresh > 0 {
			query.Set("refresh", strconv.Itoa(refresh))
		}
		return "?" + query.Encode()
	}
	const pace = 2
	v.OtherURL, v.LiveURL = here(v.Other, v.Refresh), here(v.Lang, pace)
	if v.Refresh > 0 {
		v.LiveURL = here(v.Lang, 0)
	}
	a.fill(v)

	var body bytes.Buffer
	if err := assets().page.Execute(&body, v); err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Sprintf("make page: %v", err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", assets().policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Language")
	_, _ = w.Write(body.Bytes()) // a client that has gone is told nothing
}

// chosenLanguage is the one that the address asks for, else the browser's.
func chosenLanguage(r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); assets().texts[asked] != nil {
		return asked
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		tags = nil
	}
	_, index, _ := language.NewMatcher(languages).Match(tags...)
	return languages[index].String()
}

// switches are the keys of value, as JSON has them, that are switched on or set to a number of their own.
func switches(value any, leaveOut ...string) []string {
	encoded, err := json.Marshal(value)
	var keys map[string]any
	if err == nil {
		err = json.Unmarshal(encoded, &keys)
	}
	if err != nil {
		return []string{err.Error()}
	}
	var on []string
	for key, value := range keys {
		text := fmt.Sprint(value)
		switch {
		case slices.Contains(leaveOut, key), text == "", text == "false", text == "0", text == "0s", text == "[]", text == "map[]", text == "<nil>":
		case text == "true":
			on = append(on, key)
		default:
			on = append(on, key+" = "+text)
		}
	}
	slices.Sort(on)
	return on
}
