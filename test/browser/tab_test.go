package browser

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/test/need"
)

// tab is a Chromium of its own with one page open.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab starts Chromium as somebody who reads a language ("en", "ja") on a screen of a width (390: a phone).
func newTab(t *testing.T, language string, width int) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need.Chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", language),
		chromedp.Flag("accept-lang", language),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to be run by root with it
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until Chromium has left its folder
		cancel()
		stop()
	})
	b := &tab{t: t, ctx: ctx}
	var viewport []chromedp.EmulateViewportOption
	height := 800
	if width < 500 {
		viewport, height = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch), 844
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), int64(height), viewport...)); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}},
		})
		return err
	}))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
}

func (b *tab) open(address string) { b.t.Helper(); b.do(chromedp.Navigate(address)) }

// again stops to wait for an answer and asks for it once more, as a person does who reloads.
func (b *tab) again(address string) {
	b.t.Helper()
	b.do(chromedp.Stop(), chromedp.Navigate(address))
}

// press clicks and waits for the page that follows.
func (b *tab) press(button string) {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(button)))(ctx, t)
		return chromedp.Void{}, err
	})
}

// leave clicks a button that leads to target, and returns the whole address when the request for it is on its way.
func (b *tab) leave(button, target string) (address string) {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		e, err := chromedp.WaitEvent(network.RequestWillBeSent, func(e network.EventRequestWillBeSent) bool {
			return strings.HasPrefix(e.Request.URL, target)
		}, chromedp.Click(chromedp.CSS(button)))(ctx, t)
		if err == nil {
			address = e.Request.URL
		}
		return chromedp.Void{}, err
	})
	return address
}

// signIn fills in the login page as Salesforce names its fields.
func (b *tab) signIn(username, password string) {
	b.t.Helper()
	eval[string](b, "document.querySelector('input[name=username]').value = ''")
	b.do(
		chromedp.SendKeys(chromedp.CSS("input[name=username]"), username),
		chromedp.SendKeys(chromedp.CSS("input[name=pw]"), password),
	)
	b.press("form button")
}

func (b *tab) decide(decision string) {
	b.t.Helper()
	b.press("button[name=decision][value=" + decision + "]")
}

// logIn goes through login and consent to the page that follows.
func (b *tab) logIn(address, decision string) {
	b.t.Helper()
	b.open(address)
	b.signIn(emulator.Username, emulator.Password)
	b.decide(decision)
}

// eval runs an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
	return v
}

func (b *tab) text() string     { b.t.Helper(); return eval[string](b, "document.body.innerText") }
func (b *tab) location() string { b.t.Helper(); return eval[string](b, "location.href") }

// says fails unless the page holds all of words.
func (b *tab) says(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, word := range words {
		if !strings.Contains(text, word) {
			b.t.Errorf("the page at %s does not say %q but:\n%s", b.path(), word, text)
		}
	}
}

// path is the location without its query, which may hold a code.
func (b *tab) path() string {
	b.t.Helper()
	return eval[string](b, "location.origin + location.pathname")
}

// shoot writes a picture of the whole page to .cache/shots and holds the page against what every page must keep.
func (b *tab) shoot(name, language string, width int) {
	b.t.Helper()
	file := filepath.Join(need.Root(b.t), ".cache", "shots", name+"-"+language+"-"+map[bool]string{true: "phone", false: "wide"}[width < 500]+".png")
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.check(name, language, width)
}

// check fails when the page is in another language, scrolls sideways, runs scripts, loads anything from elsewhere, keeps a
// code in its address, or breaks a rule of axe-core.
func (b *tab) check(name, language string, width int) {
	b.t.Helper()
	is := eval[condition](b, `({
		Lang: document.documentElement.lang,
		Width: document.documentElement.scrollWidth,
		Scripts: [...document.scripts].map(s => s.outerHTML.slice(0, 80)),
		Outside: performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(location.origin)),
		Code: /[?&#]code=/.test(location.href),
	})`)
	switch {
	case is.Lang != language:
		b.t.Errorf("%s: lang is %q, want %q", name, is.Lang, language)
	case is.Width > width:
		b.t.Errorf("%s: %d px wide on a screen of %d", name, is.Width, width)
	case len(is.Scripts)+len(is.Outside) > 0:
		b.t.Errorf("%s: scripts %q, from elsewhere %q", name, is.Scripts, is.Outside)
	case is.Code:
		b.t.Errorf("%s: the address bar shows the code", name)
	}
	for _, v := range b.axe() {
		b.t.Errorf("%s: %s: %s: %q", name, v.ID, v.Help, v.Where)
	}
}

// condition is what check looks at.
type condition struct {
	Lang             string
	Width            int // pixels
	Scripts, Outside []string
	Code             bool
}

type violation struct {
	ID, Help string
	Where    []string
}

// axe runs axe-core, the accessibility checker, in the page.
func (b *tab) axe() []violation {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join(need.Package(b.t, "axe-core"), "axe.min.js"))
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, string(source)+"; true")
	found := eval[json.RawMessage](b, `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => ({ID: v.id, Help: v.help, Where: v.nodes.map(n => n.html)})))`)
	var violations []violation
	if err := json.Unmarshal(found, &violations); err != nil {
		b.t.Fatal(err)
	}
	return violations
}
