package browser

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// TestSetupPages makes an app by hand in Chromium, as the article does in Setup, and takes a picture of every page.
func TestSetupPages(t *testing.T) {
	for _, language := range []string{"en", "ja"} {
		for _, width := range []int{1280, 390} {
			t.Run(language+map[bool]string{true: "/phone", false: "/wide"}[width < 500], func(t *testing.T) {
				t.Parallel()
				s := emulatortest.Start(t)
				b := newTab(t, language, width)
				shoot := func(name string) { t.Helper(); b.shoot("setup-"+name, language, width) }
				b.open(s.URL + "/")
				b.signIn(map[string]string{"en": emulator.Username, "ja": emulator.UsernameJa}[language], emulator.Password)
				shoot("1-home")
				b.press("a[href='/setup/apps']")
				shoot("2-list")
				b.press("a[href='/setup/apps/new']")
				shoot("3-new")
				b.do(
					chromedp.SendKeys(chromedp.CSS("#label"), "My tool"),
					chromedp.SendKeys(chromedp.CSS("#callbacks"), "http://192.0.2.1/callback"),
				)
				b.press("form button")
				shoot("4-mistake")
				eval[string](b, "document.querySelector('#callbacks').value = 'http://localhost:1717/OauthRedirect'")
				b.press("form button")
				shoot("5-app")
				b.says("My tool", "My_tool", "http://localhost:1717/OauthRedirect")
				b.press("a.primary")
				shoot("6-check")
				code := eval[string](b, "document.querySelector('.note code').innerText")
				b.do(chromedp.SendKeys(chromedp.CSS("#emc"), code))
				b.press("form button")
				shoot("7-secrets")
				b.says("3MVG9")
			})
		}
	}
}
