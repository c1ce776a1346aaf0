package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/muesli/cancelreader"
	"github.com/sftoken/sftoken/internal/browser"
	"github.com/sftoken/sftoken/internal/callback"
	"github.com/sftoken/sftoken/internal/config"
	"github.com/sftoken/sftoken/internal/login"
)

// hintAfter is when somebody whose browser is on another machine is told that the address can be pasted.
const hintAfter = 20 * time.Second

// travel sends the person to the browser and waits for the answer.
func (e *Env) travel(ctx context.Context, o *loginOptions, p *plan) (*login.Outcome, error) {
	settings, err := e.Config()
	if err != nil {
		return nil, err
	}
	j := p.journey
	j.Timeout = cmp.Or(o.timeout, settings.Timeout, login.DefaultTimeout)
	server, err := e.listen(ctx, o, p)
	if err != nil {
		return nil, err
	}
	if server != nil {
		defer server.Close()
	}
	e.Say("login.url", nil)
	fmt.Fprintln(e.Stderr, j.Attempt.URL) // one line, nothing around it: it is copied, and a frame would be copied too
	opened := e.openBrowser(ctx, o, j.Attempt.URL, settings)
	w := &waiting{env: e, deadline: e.Now().Add(j.Timeout), listening: server != nil, paste: e.Interactive()}
	if w.listening && !opened && w.paste {
		e.Say("login.paste-offer", nil)
	}
	j.OnIgnored = w.ignored
	j.OnStep = w.step
	lines, stopLines := e.pastedLines()
	defer stopLines()
	stopWaiting := w.start(opened)
	defer stopWaiting()
	return j.Await(ctx, server, lines)
}

// listen binds the redirect URI. One that nobody can listen on means that the answer is pasted: then the server is nil.
func (e *Env) listen(ctx context.Context, o *loginOptions, p *plan) (*callback.Server, error) {
	server, err := p.journey.Listen(ctx)
	refusal, ok := errors.AsType[*callback.NotListenableError](err)
	if !ok {
		return server, err
	}
	if !e.Interactive() {
		return nil, &localError{id: "paste-needs-terminal", code: exitLogin, hints: true, data: map[string]any{
			"redirect": p.app.RedirectURI, "start": o.command("sftoken login start --json", p.journey.Alias),
		}}
	}
	e.Say("login.paste-only", map[string]any{"redirect": p.app.RedirectURI, "reason": refusal.Reason})
	return nil, nil
}

// openBrowser opens the address, or says why it does not. It reports whether a browser was started.
func (e *Env) openBrowser(ctx context.Context, o *loginOptions, url string, settings *config.Config) bool {
	if o.noBrowser || settings.NoBrowser && o.browser == "" {
		return false
	}
	command := cmp.Or(o.browser, settings.Browser)
	if command == "" {
		if available, reason := browser.Available(e.Getenv, exists); !available {
			e.Say("browser."+reason, nil)
			return false
		}
	}
	err := browser.Open(ctx, url, browser.Options{Command: command, Getenv: e.Getenv, Stderr: e.Stderr})
	if err != nil {
		e.Warn("browser.failed", map[string]any{"reason": err})
		return false
	}
	e.Say("browser.opened", nil)
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// pastedLines reads what the person pastes. stop gives stdin back untouched and returns when nobody reads it any more. Nil
// lines: nobody is there.
func (e *Env) pastedLines() (lines <-chan string, stop func()) {
	if !e.Interactive() {
		return nil, func() {}
	}
	reader, err := cancelreader.NewReader(e.Stdin)
	if err != nil {
		return nil, func() {}
	}
	found, quit, done := make(chan string), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer close(found)
		scanner := bufio.NewScanner(io.LimitReader(reader, 1<<20))
		for scanner.Scan() {
			if strings.TrimSpace(scanner.Text()) == "" {
				continue
			}
			select {
			case found <- scanner.Text():
			case <-quit:
				return
			}
		}
	}()
	return found, func() {
		close(quit)
		if reader.Cancel() {
			<-done
		}
		reader.Close()
	}
}

// waiting shows that something is being waited for, and for how long yet.
type waiting struct {
	env       *Env
	deadline  time.Time
	id        string // of the line with the time; empty: that of a browser on its way
	listening bool   // a browser on this machine can answer
	paste     bool   // a pasted answer can be read

	mu      sync.Mutex
	prompt  bool // the cursor stands behind the sign after which to paste, below the line with the time
	drawn   bool // the line with the time is there
	arrived bool
}

// start begins to show the wait: with the sign after which to paste at once if no browser was opened here. stop ends it,
// and has taken the line with the time away when it returns.
func (w *waiting) start(opened bool) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live() {
		fmt.Fprintln(w.env.Stderr, w.text())
	} else {
		w.draw()
	}
	if !w.listening || !opened {
		w.showPrompt()
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		hint := time.NewTimer(hintAfter)
		defer hint.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				w.tick()
			case <-hint.C:
				w.hint()
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		w.mu.Lock()
		defer w.mu.Unlock()
		w.clear()
	}
}

// live reports whether the line with the time is drawn again and again: on a terminal that can move its cursor.
func (w *waiting) live() bool { return w.env.StderrTTY && !w.env.dumb() }

func (w *waiting) text() string {
	left := max(0, w.deadline.Sub(w.env.Now())).Round(time.Second)
	id := cmp.Or(w.id, "wait.browser")
	if !w.listening {
		id = "wait.paste"
	}
	return w.env.Text(id, map[string]any{"left": fmt.Sprintf("%d:%02d", int(left.Minutes()), int(left.Seconds())%60)})
}

func (w *waiting) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.arrived && w.live() {
		w.draw()
	}
}

// draw writes the line with the time: where the cursor stands, or above the sign after which something may be half typed.
func (w *waiting) draw() {
	if w.prompt {
		fmt.Fprintf(w.env.Stderr, "\x1b7\x1b[A\r\x1b[K%s\x1b8", w.text())
		return
	}
	fmt.Fprintf(w.env.Stderr, "\r\x1b[K%s", w.text())
	w.drawn = true
}

// hint tells after a while how to go on if the browser is on another machine.
func (w *waiting) hint() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.arrived || w.prompt || !w.paste {
		return
	}
	w.clear()
	w.env.Say("login.paste-hint", nil)
	if w.live() {
		w.draw()
	}
	w.showPrompt()
}

// showPrompt puts the sign after which to paste below the line with the time.
func (w *waiting) showPrompt() {
	if !w.paste {
		return
	}
	if w.drawn {
		fmt.Fprintln(w.env.Stderr)
	}
	fmt.Fprint(w.env.Stderr, "> ")
	w.prompt = true
}

// clear takes the line with the time away.
func (w *waiting) clear() {
	switch {
	case w.prompt:
		fmt.Fprintln(w.env.Stderr)
	case w.drawn:
		fmt.Fprint(w.env.Stderr, "\r\x1b[K")
	}
	w.prompt, w.drawn = false, false
}

func (w *waiting) ignored(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.drawn && !w.prompt {
		fmt.Fprint(w.env.Stderr, "\r\x1b[K")
	}
	w.prompt, w.drawn = false, false
	w.env.tell(err)
	w.env.Say("login.paste-again", nil)
	if w.live() {
		w.draw()
	}
	w.showPrompt()
}

func (w *waiting) step(s login.Step) {
	if s != login.StepArrived {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrived = true
	w.clear()
	w.env.Say("login.arrived", nil)
}
