package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"charm.land/lipgloss/v2"

	"github.com/sftoken/sftoken/internal/demo"
	"github.com/sftoken/sftoken/internal/doctor"
)

// looking shows on a terminal how far the checks are: one line that is gone in the end.
type looking struct {
	env  *Env
	mu   sync.Mutex
	seen int
	live bool
}

func (e *Env) startProgress() *looking {
	p := &looking{env: e, live: e.StderrTTY && !e.dumb() && !e.JSON}
	p.draw(e.Text("doctor.begin", nil))
	return p
}

func (p *looking) draw(text string) {
	if p.live {
		fmt.Fprintf(p.env.Stderr, "\r\x1b[K%s", text)
	}
}

func (p *looking) done(c doctor.Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	p.draw(p.env.Text("doctor.progress", map[string]any{
		"number": p.seen, "of": len(doctor.Checks()), "check": doctor.TitleOf(c, p.env.Language()),
	}))
}

func (p *looking) end() { p.draw("") }

// tellDoctor gives the verdict, then what it rests on, then what to do. That all is well takes one line.
func (e *Env) tellDoctor(o *doctorOptions, r *doctor.Report, p *patient) error {
	if e.JSON {
		return e.WriteJSON(doctorAnswerOf(r, p.subject, o.report))
	}
	if o.report != "" {
		e.Say("doctor.written", map[string]any{"file": o.report})
	}
	_, err := io.WriteString(e.Stdout, e.diagnosis(r, o.all))
	return err
}

func (e *Env) diagnosis(r *doctor.Report, all bool) string {
	var b strings.Builder
	strong := lipgloss.NewStyle().Bold(e.ColorOut())
	width := e.storyWidth()
	for _, line := range demo.Wrap(r.Title, width) {
		fmt.Fprintln(&b, strong.Render(line))
	}
	if r.Message != "" {
		fmt.Fprintln(&b, strings.Join(demo.Wrap(r.Message, width), "\n"))
	}
	items := func(id string, list []string) {
		if len(list) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", strong.Render(e.Text(id, nil)))
		for _, item := range list {
			fmt.Fprintf(&b, "  - %s\n", strings.Join(demo.Wrap(item, width-4), "\n    "))
		}
	}
	var evidence []string
	for _, f := range r.Findings {
		if all || r.Level != doctor.OK && f.Level != doctor.OK && !f.Decides {
			evidence = append(evidence, fmt.Sprintf("%s: %s: %s", doctor.LevelName(f.Level, e.Language()), f.Title, f.Message))
		}
	}
	items("doctor.evidence", evidence)
	items("doctor.next", r.Hints)
	return b.String()
}

// writeReport writes the page for an administrator. It holds user and org: nobody else needs to read it on this machine.
func writeReport(path string, r *doctor.Report) error {
	page, err := r.Page()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, page, 0o600); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
