package doctor

import (
	"embed"
	"fmt"
	"maps"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
	"github.com/sftoken/sftoken/internal/wire"
)

//go:embed text/*.toml
var textFiles embed.FS

var texts = message.New(textFiles)

// Report is a result in the words of a language. Nothing in it is secret, so that it can be shown to anybody.
type Report struct {
	Lang    language.Tag
	Level   Level // of the verdict
	Title   string
	Message string // what was seen; empty if the title says all
	Check   string // whose finding it is; "" if nothing is wrong
	Entry   string // id in package explain; "" if there is none
	Hints   []string

	Facts    []Fact
	Findings []Line
	Took     time.Duration
	At       time.Time
}

// Fact is one thing about the subject.
type Fact struct{ Label, Value string }

// Line is a finding in words.
type Line struct {
	Check, ID string
	Level     Level
	Title     string // of the check
	Message   string
	Entry     string
	Hints     []string
	Decides   bool // it is the verdict
}

// Tell puts a result into words. about holds what hints may name: alias, host, redirect.
func (r *Result) Tell(s *Subject, lang language.Tag, about map[string]string) *Report {
	w := words{texts.For(lang), about}
	report := &Report{Lang: w.text.Language(), Level: OK, Took: r.Took, At: s.Now, Facts: w.facts(s)}
	verdict := r.Verdict()
	for i := range r.Findings {
		line := w.line(&r.Findings[i])
		line.Decides = &r.Findings[i] == verdict
		report.Findings = append(report.Findings, line)
	}
	if verdict == nil {
		report.Title = w.healthy(r, s)
		return report
	}
	line := w.line(verdict)
	report.Level, report.Check, report.Title, report.Entry, report.Hints = verdict.Level, verdict.Check, line.Message, line.Entry, line.Hints
	if verdict.Entry != nil {
		report.Title, report.Message = w.plain(verdict.Entry.Title(lang)), w.message(verdict)
	}
	if verdict.Level == Warning && s.Grant != nil {
		report.Title = w.say("verdict.works", map[string]any{"alias": s.Grant.Alias, "problem": report.Title})
	}
	return report
}

// words speaks one language.
type words struct {
	text  message.Texts
	about map[string]string
}

// say returns a text without anything in the shape of a secret, whatever was put into it.
func (w words) say(id string, data map[string]any) string { return w.plain(w.text.Text(id, data)) }

func (w words) plain(text string) string { return strings.TrimSpace(wire.Text(text)) }

// message is what a finding says by itself.
func (w words) message(f *Finding) string { return w.say("found."+f.ID, w.data(f)) }

func (w words) data(f *Finding) map[string]any {
	data := map[string]any{}
	for name, value := range w.about {
		data[name] = value
	}
	maps.Copy(data, f.Data)
	if sure, ok := data["sure"].(string); ok {
		data["sure"] = w.text.Text("sure."+sure, nil)
	}
	return data
}

func (w words) line(f *Finding) Line {
	data := w.data(f)
	line := Line{Check: f.Check, ID: f.ID, Level: f.Level, Title: w.say("check."+f.Check, nil), Message: w.message(f)}
	if f.Entry != nil {
		line.Entry = f.Entry.ID
		if f.Check == "pasted" || f.Check == "history" {
			line.Message = w.say("found."+f.ID+"-as", map[string]any{"message": line.Message, "title": f.Entry.Title(w.text.Language())})
		}
	}
	if f.Level == OK || f.Level == Note {
		return line
	}
	if id := "mend." + f.ID; w.text.Text(id, data) != id {
		line.Hints = strings.Split(w.say(id, data), "\n")
	}
	if f.Entry != nil {
		for _, hint := range f.Entry.Hints(w.text.Language(), w.about) {
			line.Hints = append(line.Hints, w.plain(hint))
		}
	}
	return line
}

// healthy is the one line for a subject with which nothing is wrong.
func (w words) healthy(r *Result, s *Subject) string {
	data := map[string]any{"seconds": fmt.Sprintf("%.1f", r.Took.Seconds())}
	switch {
	case s.Grant != nil:
		data["alias"], data["user"], data["org"] = s.Grant.Alias, s.Grant.Username, s.Grant.OrgID
		return w.say("verdict.healthy", data)
	case s.App.ClientID != "" && !s.App.Host.IsZero():
		data["host"] = s.App.Host
		return w.say("verdict.ready", data)
	}
	return w.say("verdict.machine", data)
}

// facts say whom the report is about. A consumer key is shown as far as it takes to find the app.
func (w words) facts(s *Subject) []Fact {
	var all []Fact
	add := func(id, value string) {
		if value != "" {
			all = append(all, Fact{w.say("fact."+id, nil), w.plain(value)})
		}
	}
	if g := s.Grant; g != nil {
		add("alias", g.Alias)
		add("user", g.Username)
		add("org", g.OrgID)
		add("instance", g.InstanceURL)
		add("flow", g.Flow.String())
	}
	add("host", s.App.Host.String())
	add("client", short(s.App.ClientID))
	add("redirect", s.App.RedirectURI)
	return all
}

func short(id string) string {
	if len(id) <= 24 {
		return id
	}
	return id[:12] + "…" + id[len(id)-6:]
}

// TitleOf is the name of a check.
func TitleOf(c Check, lang language.Tag) string { return texts.For(lang).Text("check."+c.ID, nil) }

// LevelName is the word for a level.
func LevelName(l Level, lang language.Tag) string {
	return texts.For(lang).Text("level."+string(l), nil)
}
