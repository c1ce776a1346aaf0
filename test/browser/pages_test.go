package browser

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// TestPages takes a picture of every page (.cache/shots, to be looked at) in both languages on a wide screen and on a phone,
// and holds each to what check asks.
func TestPages(t *testing.T) {
	for _, language := range []string{"en", "ja"} {
		for _, width := range []int{1280, 390} {
			t.Run(language+map[bool]string{true: "/phone", false: "/wide"}[width < 500], func(t *testing.T) {
				t.Parallel()
				s := emulatortest.Start(t)
				b, p := newTab(t, language, width), newPerson(t, language)
				shoot := func(name string) { t.Helper(); b.shoot(name, language, width) }
				username := map[string]string{"en": emulator.Username, "ja": emulator.UsernameJa}[language]

				session, _ := p.login(s, "acme", emulator.ClientIDRotating)
				b.open(session.address())
				shoot("1-login")
				b.signIn(username, "not the password")
				shoot("2-login-refused")
				b.signIn(username, emulator.Password)
				shoot("3-consent")
				b.decide("allow")
				shoot("4-success")
				b.says(username)
				session.exits(0)

				session, redirect := p.login(s, "other", emulator.ClientIDPublic)
				address := session.address()
				b.open(redirect + "?error=access_denied&state=forged")
				shoot("5-stray")
				b.open(address)
				if strings.HasPrefix(b.location(), s.URL+"/?") { // asked to sign in again
					b.signIn(username, emulator.Password)
				}
				b.decide("deny")
				shoot("6-denied")
				session.exits(3)

				broken, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				query := broken.Query()
				query.Set("redirect_uri", "http://127.0.0.1:8080/callback") // localhost is registered, its address is not
				broken.RawQuery = query.Encode()
				b.open(broken.String())
				shoot("7-error")
			})
		}
	}
}
