//go:build unix

package cli

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/refresh"
)

// awkward is a command with everything that any of the formats could take for something else.
const awkward = `tee -a "/tmp/a b/$HOME/%h" | sed 's/\\n/%%/' & <x> é $(id) ` + "`id`" + ` END_OF_UNIT 'q'`

// installed prints the unit, runs it as the person would, with the system's own commands replaced, and returns the home.
func installed(t *testing.T, kind, home string) {
	t.Helper()
	var out bytes.Buffer
	env := &Env{Stdout: &out, Store: "sqlite:/var/my % $db", Getenv: func(name string) string {
		return map[string]string{"HOME": home, "SFTOKEN_HOME": home + "/my % $files"}[name]
	}}
	env.rotation.Command = awkward
	u, err := env.unit("/opt/my tools/100%/sftoken", &keepaliveOptions{unit: kind, within: days(7 * day), limit: days(refresh.IdleLimit)}, []string{"prod", "本番"})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.write(env, kind); err != nil {
		t.Fatal(err)
	}
	script := `systemctl() { echo "$@" >> "$HOME/ran"; }
launchctl() { echo "$@" >> "$HOME/ran"; }
crontab() { if [ "$1" = - ]; then cat > "$HOME/crontab"; else cat "$HOME/before"; fi; }
` + out.String()
	sh := exec.Command("/bin/sh", "-eu")
	sh.Env, sh.Stdin = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}, strings.NewReader(script)
	if said, err := sh.CombinedOutput(); err != nil || len(said) > 0 {
		t.Fatalf("the script: %v\n%s\n%s", err, said, out.String())
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantArgs(home string) []string {
	return []string{"/opt/my tools/100%/sftoken", "keepalive", "prod", "本番", "--within=7d", "--on-rotate=" + awkward, "--store=sqlite:/var/my % $db"}
}

func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	installed(t, "systemd", home)
	service := read(t, home, ".config/systemd/user/sftoken-keepalive.service")
	_, line, _ := strings.Cut(service, "\nExecStart=")
	line, _, _ = strings.Cut(line, "\n")
	if diff := cmp.Diff(wantArgs(home), systemdWords(t, line)); diff != "" {
		t.Errorf("ExecStart (-want +got):\n%s", diff)
	}
	for _, want := range []string{`Environment="SFTOKEN_HOME=` + home + `/my %% $files"`, "NoNewPrivileges=yes", "UMask=0077"} {
		if !strings.Contains(service, want) {
			t.Errorf("no %s in\n%s", want, service)
		}
	}
	if !strings.Contains(read(t, home, ".config/systemd/user/sftoken-keepalive.timer"), "RandomizedDelaySec=") {
		t.Error("the timer does not spread")
	}
	if ran := read(t, home, "ran"); ran != "--user daemon-reload\n--user enable --now sftoken-keepalive.timer\n" {
		t.Errorf("ran %q", ran)
	}
}

// systemdWords reads a command line as systemd.service(5) says.
func systemdWords(t *testing.T, line string) (words []string) {
	for rest := line; rest != ""; {
		if rest[0] != '"' {
			t.Fatalf("unquoted %q", rest)
		}
		word, i := "", 1
		for ; rest[i] != '"'; i++ {
			if c := rest[i]; c == '\\' || c == '%' || c == '$' {
				i++
				if c != '\\' && rest[i] != c {
					t.Fatalf("a lone %c in %q", c, line)
				}
			}
			word += rest[i : i+1]
		}
		words, rest = append(words, word), strings.TrimPrefix(rest[i+1:], " ")
	}
	return words
}

func TestLaunchdUnit(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	installed(t, "launchd", home)
	var plist struct {
		Dict struct {
			Array struct {
				String []string `xml:"string"`
			} `xml:"array"`
			Dict []struct {
				String []string `xml:"string"`
			} `xml:"dict"`
		} `xml:"dict"`
	}
	if err := xml.Unmarshal([]byte(read(t, home, "Library/LaunchAgents/sftoken.keepalive.plist")), &plist); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantArgs(home), plist.Dict.Array.String); diff != "" {
		t.Errorf("ProgramArguments (-want +got):\n%s", diff)
	}
	if got := plist.Dict.Dict[0].String; len(got) != 1 || got[0] != home+"/my % $files" {
		t.Errorf("EnvironmentVariables %q", got)
	}
}

// The line goes where the old one was, keeps the others, and means to cron and sh what was meant.
func TestCronUnit(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "before"), []byte("1 2 * * * other\n3 4 * * * old # sftoken-keepalive\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	installed(t, "cron", home)
	lines := strings.Split(strings.TrimSpace(read(t, home, "crontab")), "\n")
	if len(lines) != 2 || lines[0] != "1 2 * * * other" {
		t.Fatalf("crontab %q", lines)
	}
	command := strings.SplitN(lines[1], " ", 6)[5]
	if i := strings.IndexByte(strings.ReplaceAll(command, `\%`, ""), '%'); i >= 0 {
		t.Errorf("a bare %% ends the command: %s", command)
	}
	command = strings.ReplaceAll(command, `\%`, "%") // as cron does
	command = strings.Replace(command, "'/opt/my tools/100%/sftoken'", "show", 1)
	command = strings.Replace(command, ">/dev/null", "", 1)
	out, err := exec.Command("/bin/sh", "-c", `show() { printf '%s\n' "$SFTOKEN_HOME" "$@"; }; `+command).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{home + "/my % $files"}, wantArgs(home)[1:]...)
	if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")); diff != "" {
		t.Errorf("cron runs (-want +got):\n%s", diff)
	}
}

func TestUnitRefusesLineBreaks(t *testing.T) {
	t.Parallel()
	env := &Env{Getenv: func(string) string { return "" }}
	env.rotation.Command = "a\nb"
	if _, err := env.unit("/sftoken", &keepaliveOptions{unit: "cron"}, nil); err == nil {
		t.Error("a line break is let through")
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"7d": "7d", "36h": "36h0m0s", "48h": "2d", "0d": "", "-1d": "", "7": "", "d": "", "1.5d": "", "99999d": ""} {
		var d days
		if err := d.Set(text); (err == nil) != (want != "") || d.String() != want {
			t.Errorf("Set(%q) = %v, %q; want %q", text, err, d.String(), want)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	if worst(nil) != exitOK || worst([]int{exitTryAgain, exitLogin, exitTryAgain}) != exitLogin || worst([]int{exitFailed, exitStore}) != exitStore {
		t.Error("not the worst")
	}
}
