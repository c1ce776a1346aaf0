package cli

import (
	"embed"
	"encoding/xml"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/sftoken/sftoken/refresh"
)

//go:embed unit
var units embed.FS

var unitKinds = []string{"systemd", "launchd", "cron"}

// unit is what the templates print. They are shell scripts whose here-documents are quoted, so that each value needs the
// quotes of the file it lands in and no others.
type unit struct {
	Args        []string
	Environment []string   // NAME=value
	Variables   []variable // the same
	Again       string     // the command line that printed this
	Systemd     string     // ExecStart
	Cron        string
	Hook        bool
	Log         string
	Hour        int
	Minute      int
}

type variable struct{ Name, Value string }

// unitVariables say where the files are. A service does not have the environment of the terminal. PGPASSWORD is not among
// them: it would stand in the unit.
var unitVariables = []string{
	"SFTOKEN_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "SFTOKEN_LANG", "SFTOKEN_SESSION_TIMEOUT", "PGPASSFILE", "PGSERVICEFILE",
}

// printUnit prints a script that has the system run keepalive every day. It installs nothing.
func (e *Env) printUnit(o *keepaliveOptions, aliases []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	u, err := e.unit(program, o, aliases)
	if err != nil {
		return err
	}
	return u.write(e, o.unit)
}

func (e *Env) unit(program string, o *keepaliveOptions, aliases []string) (*unit, error) {
	if !slices.Contains(unitKinds, o.unit) {
		return nil, &usageError{id: "unit-unknown", data: map[string]any{"unit": o.unit}, command: "sftoken keepalive"}
	}
	args := slices.Concat([]string{program, "keepalive"}, aliases)
	if o.within != 0 {
		args = append(args, "--within="+o.within.String())
	}
	if o.limit != days(refresh.IdleLimit) {
		args = append(args, "--idle-limit="+o.limit.String())
	}
	if e.rotation.Command != "" {
		args = append(args, "--on-rotate="+e.rotation.Command)
	}
	if e.Store != "" || e.Getenv("SFTOKEN_STORE") != "" {
		at, err := e.location() // absolute, and without a password
		if err != nil {
			return nil, err
		}
		args = append(args, "--store="+at.String())
	}
	// Not at the same minute on every machine.
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(e.Getenv("HOME") + "\n" + program))
	u := &unit{
		Args: args, Hook: e.rotation.Command != "", Hour: int(hash.Sum32() / 60 % 24), Minute: int(hash.Sum32() % 60),
		Log: filepath.Join(e.Getenv("HOME"), "Library", "Logs", "sftoken-keepalive.log"),
	}
	for _, name := range unitVariables {
		if value := e.Getenv(name); value != "" {
			u.Variables = append(u.Variables, variable{name, value})
			u.Environment = append(u.Environment, name+"="+value)
		}
	}
	for _, word := range slices.Concat(args, u.Environment) {
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, &usageError{id: "unit-word", data: map[string]any{"word": strconv.Quote(word)}, command: "sftoken keepalive"}
		}
	}
	u.Again = joinQuoted(args[:1], shellWord) + " " + joinQuoted(slices.Concat(args[1:], []string{"--install-unit=" + o.unit}), shellWord)
	u.Systemd = joinQuoted(args, systemdWord)
	u.Cron = cronLine(u.Variables, args)
	return u, nil
}

func (u *unit) write(e *Env, kind string) error {
	t, err := template.New(kind+".sh").Funcs(template.FuncMap{"systemd": systemdAssignment, "xml": xmlText}).ParseFS(units, "unit/"+kind+".sh")
	if err != nil {
		return err
	}
	return t.Execute(e.Stdout, u)
}

func joinQuoted(words []string, quote func(string) string) string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = quote(word)
	}
	return strings.Join(out, " ")
}

// systemdWord quotes for ExecStart= (systemd.service(5), "Command lines"): C escapes in double quotes, %% for the
// specifiers, $$ for the variables.
func systemdWord(word string) string {
	return strings.ReplaceAll(systemdAssignment(word), "$", "$$")
}

// systemdAssignment quotes for Environment= (systemd.exec(5)), where $ has no meaning.
func systemdAssignment(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(word) + `"`
}

func xmlText(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// cronLine is a command of a crontab(5): sh's, with each % behind a backslash, since a bare one is a line break there.
func cronLine(variables []variable, args []string) string {
	words := make([]string, 0, len(variables)+len(args))
	for _, v := range variables {
		words = append(words, v.Name+"="+shellWord(v.Value))
	}
	for _, arg := range args {
		words = append(words, shellWord(arg))
	}
	return strings.ReplaceAll(strings.Join(words, " "), "%", `\%`)
}
