package browser

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// TestReport takes a picture of doctor's report: of a login that works, of one that is dead, and of an app that cannot be
// logged in to.
func TestReport(t *testing.T) {
	for _, language := range []string{"en", "ja"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			s := emulatortest.Start(t)
			wide, phone, p := newTab(t, language, 1280), newTab(t, language, 390), newPerson(t, language)
			shoot := func(name string, args ...string) {
				t.Helper()
				file := filepath.Join(p.home, name+".html")
				command := exec.CommandContext(t.Context(), program(t), append(append([]string{"doctor"}, args...), "--report", file)...)
				command.Env = p.env
				out, err := command.CombinedOutput()
				if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() > 6) {
					t.Fatalf("doctor: %v\n%s", err, out)
				}
				p.said = append(p.said, out...)
				for width, b := range map[int]*tab{1280: wide, 390: phone} {
					b.open("file://" + file)
					b.shoot(name, language, width)
				}
			}
			session, _ := p.login(s, "acme", emulator.ClientIDRotating)
			wide.open(session.address())
			wide.signIn(map[string]string{"en": emulator.Username, "ja": emulator.UsernameJa}[language], emulator.Password)
			wide.decide("allow")
			session.exits(0)
			shoot("doctor-1-healthy", "acme")
			shoot("doctor-2-callback", "--host", s.URL, "--client-id", "PlatformCLI", "--redirect-uri", "http://localhost:1718/OauthRedirect")
			if err := s.Emulator().RevokeGrant(1); err != nil {
				t.Fatal(err)
			}
			token := exec.CommandContext(t.Context(), program(t), "token", "acme", "--min-ttl", "24h")
			token.Env = p.env
			if out, err := token.CombinedOutput(); err == nil {
				t.Fatalf("token still comes: %d bytes", len(out))
			}
			shoot("doctor-3-dead", "acme")
		})
	}
}
