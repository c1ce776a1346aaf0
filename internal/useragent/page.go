package useragent

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// form is what a person could fill in and press.
type form struct {
	action   string
	method   string
	fields   url.Values // with the values that the page put in
	username string     // name of the input for the user name, "" when there is none
	password string     // likewise
	buttons  []button
}

type button struct{ name, value string }

// read finds the page's title, its text and the form that matters: the one that asks for a password, else the first that
// has a decision to make. A page without such a form is the end of the journey.
func read(body []byte) (*Page, *form, error) {
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	page, forms := new(Page), []*form(nil)
	var text []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && !unseen(n.Parent):
			if words := strings.Join(strings.Fields(n.Data), " "); words != "" {
				text = append(text, words)
			}
		case n.DataAtom == atom.Title && n.FirstChild != nil && page.Title == "":
			page.Title = strings.TrimSpace(n.FirstChild.Data)
		case n.DataAtom == atom.Form:
			forms = append(forms, readForm(n))
		}
	}
	page.Text = strings.Join(text, " ")
	for _, f := range forms {
		if f.password != "" {
			return page, f, nil
		}
	}
	for _, f := range forms {
		if f.decides() || f.confirms() {
			return page, f, nil
		}
	}
	return page, nil, nil
}

func unseen(n *html.Node) bool {
	return n == nil || slices.Contains([]atom.Atom{atom.Script, atom.Style, atom.Title, atom.Head, atom.Noscript, atom.Template}, n.DataAtom)
}

func readForm(node *html.Node) *form {
	f := &form{action: attr(node, "action"), method: strings.ToUpper(attr(node, "method")), fields: url.Values{}}
	for n := range node.Descendants() {
		name, value, kind := attr(n, "name"), attr(n, "value"), strings.ToLower(attr(n, "type"))
		switch {
		case n.DataAtom == atom.Button && (kind == "submit" || kind == ""),
			n.DataAtom == atom.Input && kind == "submit":
			f.buttons = append(f.buttons, button{name, value})
		case n.DataAtom != atom.Input || name == "" || has(n, "disabled"):
		case kind == "checkbox" || kind == "radio":
			if has(n, "checked") {
				f.fields.Add(name, value)
			}
		case kind == "password":
			f.password = name
		case kind == "hidden":
			f.fields.Add(name, value)
		case kind == "" || kind == "text" || kind == "email":
			f.fields.Add(name, value)
			if f.username == "" || strings.Contains(strings.ToLower(name), "user") {
				f.username = name
			}
		}
	}
	return f
}

func (f *form) decides() bool {
	return slices.ContainsFunc(f.buttons, func(b button) bool { return b.name == "decision" })
}

// confirms reports the page of the device flow on which a person looks at the code that the address has filled in.
func (f *form) confirms() bool {
	return !f.decides() && f.username == "user_code" && f.fields.Get("user_code") != ""
}

// answer fills the form in and presses its button.
func (v *visit) answer(base *url.URL, page *Page, f *form) (*step, error) {
	values := f.fields
	if f.password != "" {
		if v.signedIn {
			return nil, fmt.Errorf("sign in at %s as %s: %w", base.Host, v.agent.Username, ErrRefused)
		}
		v.signedIn = true
		if f.username != "" {
			values.Set(f.username, v.agent.Username)
		}
		values.Set(f.password, v.agent.Password)
		if len(f.buttons) > 0 && f.buttons[0].name != "" {
			values.Set(f.buttons[0].name, f.buttons[0].value)
		}
	} else if !f.confirms() {
		decision := v.agent.Decision
		if decision == "" {
			decision = Allow
		}
		if !slices.Contains(f.buttons, button{"decision", string(decision)}) {
			return nil, fmt.Errorf("answer page %q: it has no button %q", page.Title, decision)
		}
		values.Set("decision", string(decision))
	}
	to, err := base.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("answer page %q: the form's address is malformed", page.Title)
	}
	if f.method != http.MethodPost {
		if f.password != "" {
			return nil, fmt.Errorf("answer page %q: the form would put the password into an address", page.Title)
		}
		to.RawQuery = values.Encode()
		return &step{method: http.MethodGet, url: to.String()}, nil
	}
	return &step{method: http.MethodPost, url: to.String(), form: values}, nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}
