package demo

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

// Role is what a part of the text is, for whoever colours it.
type Role int

// The roles.
const (
	Title Role = iota
	Number
	Request
	Response
	Name
	Secret
	Faint
)

// Printer is an Audience that writes the story down.
type Printer struct {
	To       io.Writer
	Language language.Tag
	Width    int                                 // columns; 0: 80
	Paint    func(role Role, text string) string // nil: no colour
}

const indent = "    "

func (p *Printer) texts() message.Texts { return Texts(p.Language) }

func (p *Printer) paint(role Role, text string) string {
	if p.Paint == nil || text == "" {
		return text
	}
	return p.Paint(role, text)
}

func (p *Printer) columns() int {
	if p.Width == 0 {
		return 80
	}
	return p.Width
}

func (p *Printer) line(parts ...string) {
	fmt.Fprintln(p.To, strings.TrimRight(strings.Join(parts, ""), " "))
}

func (p *Printer) paragraph(indent, text string) {
	for _, line := range Wrap(text, p.columns()-len(indent)) {
		p.line(indent, line)
	}
}

// Intro begins the story.
func (p *Printer) Intro() {
	t := p.texts()
	p.line(p.paint(Title, t.Text("title", nil)))
	p.line()
	p.paragraph("", t.Text("intro", nil))
}

// Visit tells a person where to sign in.
func (p *Printer) Visit(v Visit) {
	t := p.texts()
	p.line()
	p.line(indent, p.paint(Title, t.Text("visit.title", nil)))
	p.paragraph(indent, t.Text("visit.text", nil))
	p.line()
	p.line(v.Address) // on a line of its own, from its first column, to be copied whole
	p.line()
	p.facts([]Fact{
		{Name: t.Text("visit.username", nil), Value: v.Username},
		{Name: t.Text("visit.password", nil), Value: v.Password},
	})
	p.line()
	p.paragraph(indent, t.Text("visit.waiting", map[string]any{"timeout": strings.TrimSuffix(v.Timeout.String(), "0s")}))
}

// Step tells a step.
func (p *Printer) Step(s Step) {
	p.line()
	number := strconv.Itoa(s.Number)
	p.line(strings.Repeat(" ", 2-len(number)), p.paint(Number, number), "  ", p.paint(Title, s.Title))
	p.paragraph(indent, s.Text)
	for _, x := range s.Exchanges {
		p.line()
		p.exchange(x)
	}
	if len(s.Facts) > 0 {
		p.line()
		p.facts(s.Facts)
	}
	if len(s.Changes) > 0 {
		p.line()
		p.changes(s.Changes)
	}
}

func (p *Printer) facts(facts []Fact) {
	widest := 0
	for _, f := range facts {
		widest = max(widest, cells(f.Name))
	}
	for _, f := range facts {
		p.field(indent, f.Name, f.Value, widest)
	}
}

func (p *Printer) changes(changes []Change) {
	for _, c := range changes {
		p.line(indent, p.paint(Name, c.Name))
		p.line(indent, "    ", p.value(c.From, p.columns()-8))
		p.line(indent, p.paint(Response, "  → "), p.value(c.To, p.columns()-8))
	}
}

func (p *Printer) exchange(x Exchange) {
	p.line(indent, p.paint(Request, "→ "), x.Method, " ", cut(x.URL, p.columns()-12))
	if x.Bearer != "" {
		p.field(indent+"    ", "Authorization:", "Bearer "+x.Bearer, 0)
	}
	p.fields(x.Parameters, x.asked)
	switch status := strings.TrimSpace(strconv.Itoa(x.Status) + " " + http.StatusText(x.Status)); {
	case x.Location != "":
		p.line(indent, p.paint(Response, "← "), status, p.paint(Faint, "  → "), cut(x.Location, p.columns()-30))
		p.fields(x.Carried, x.shown)
	default:
		p.line(indent, p.paint(Response, "← "), status, "  ", cut(strings.Join(strings.Fields(x.Body), " "), p.columns()-24))
		p.fields(x.Answer, x.shown)
	}
}

// fields shows those that the step is about, and says how many there are besides.
func (p *Printer) fields(fields Fields, shown filter) {
	var chosen Fields
	widest := 0
	for _, f := range fields {
		if shown == nil || shown(f.Name) {
			chosen = append(chosen, f)
			widest = max(widest, cells(f.Name))
		}
	}
	for _, f := range chosen {
		p.field(indent+"    ", f.Name, f.Value, widest)
	}
	if left := len(fields) - len(chosen); left > 0 && len(chosen) > 0 {
		p.line(indent, "    ", p.paint(Faint, p.texts().Text("more", map[string]any{"count": left})))
	}
}

func (p *Printer) field(indent, name, value string, widest int) {
	room := p.columns() - len(indent) - widest - 2
	p.line(indent, p.paint(Name, Pad(name, widest)), "  ", p.value(value, room))
}

// value shows a value in one line, placeholders of secrets set apart.
func (p *Printer) value(value string, columns int) string {
	value = cut(value, columns)
	if before, _, found := strings.Cut(value, "[secret"); found {
		return before + p.paint(Secret, strings.TrimPrefix(value, before))
	}
	return value
}

// Alone says that no browser could be opened. Why matters little here: the story goes on.
func (p *Printer) Alone(error) {
	p.line()
	p.paragraph(indent, p.texts().Text("visit.alone", nil))
}

// End tells what to type next.
func (p *Printer) End(s *Story) {
	t := p.texts()
	p.line()
	p.paragraph("", t.Text("ended", map[string]any{"seconds": strconv.FormatFloat(s.Seconds, 'f', 1, 64)}))
	p.line()
	p.line(p.paint(Title, t.Text("next.title", nil)))
	p.line()
	p.paragraph(indent, t.Text("next.text", nil))
	p.line()
	widest := 0
	for _, c := range s.Next {
		widest = max(widest, cells(c.Line))
	}
	for _, c := range s.Next {
		p.line(indent, p.paint(Number, Pad(c.Line, widest)), "   ", p.paint(Faint, c.Purpose))
	}
}
