package browser

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/emulator"
)

// dead finds what introspection says of a spent token; there may be colours between.
var dead = regexp.MustCompile(`active\S*\s+false`)

// The newcomer's first command, with a person at the browser.
func TestDemo(t *testing.T) {
	t.Parallel()
	b, p := newTab(t, "ja", 1280), newPerson(t, "ja")
	session := p.start("demo")
	b.open(session.address())
	b.signIn(emulator.UsernameJa, emulator.Password)
	b.decide("allow")
	b.says(emulator.UsernameJa)
	session.exits(0)
	if said := session.seen(); !strings.Contains(said, emulator.UsernameJa) || !dead.MatchString(said) {
		t.Errorf("the story lacks who logged in, or that the spent refresh token is dead:\n%s", said)
	}
}

// The line that `sftoken emulator` proposes to type next, typed next: the Salesforce CLI's app at its own port.
func TestEmulatorProgram(t *testing.T) {
	t.Parallel()
	b, p := newTab(t, "en", 1280), newPerson(t, "en")
	server := p.start("emulator", "--addr", "127.0.0.1:0", "--json")
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(server.line()), &ready); err != nil {
		t.Fatal(err)
	}

	session := p.start("login", "try", "--host", ready.URL, "--client-id", emulator.ClientIDPlatformCLI)
	b.logIn(session.address(), "allow")
	b.says(emulator.Username)
	session.exits(0)

	var token string
	p.run(&token, "token", "try")
	if !secrets.MatchString(token) {
		t.Error("no access token on standard output")
	}
	var revoked any
	p.run(&revoked, "logout", "try", "--json")
	server.interrupt()
	server.exits(0)
}
