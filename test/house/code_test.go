package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

// revealers are the only files that may turn a Secret into text (C-70).
var revealers = []string{
	"secret.go",
	// Onto the wire, and from it: requests, comparisons, checks of shape.
	"accept.go", "app.go", "authorize.go", "assettoken.go", "clientauth.go", "device.go", "exchange.go", "headless.go", "idtoken.go", "introspect.go", "jwtbearer.go", "password.go", "pkce.go", "privatekey.go", "refresh.go", "revoke.go",
	"saml.go", "send.go", "token.go", "tokenexchange.go", "refresh/transport.go", "internal/doctor/bearer.go",
	// To take it out of texts.
	"redact.go", "internal/wire/redact.go",
	// Into an encrypted store.
	"store/record.go", "store/sf/login.go", "internal/apps/apps.go", "internal/login/pending.go",
	"internal/backup/read.go", "internal/backup/write.go",
	// Into the body of a SOAP request, which knows no header for it.
	"internal/appsetup/soap.go",
	// To whom it is for: the person, program or library that asked for just that.
	"authurl.go", "internal/hook/hook.go", "internal/keyfile/keyfile.go", "oauth2source/oauth2source.go", "internal/cli/token.go", "internal/cli/exec.go", "internal/cli/proxy.go", "internal/export/export.go", "internal/cli/export.go", "internal/cli/credential.go", "internal/cli/credential_git.go",
	"internal/cli/refreshtoken.go", "internal/cli/login_useragent.go",
}

func TestReveal(t *testing.T) {
	t.Parallel()
	calls := map[string]bool{}
	for _, s := range sources(t) {
		if s.Test {
			continue
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Reveal" {
				return true
			}
			calls[s.Path] = true
			if !slices.Contains(revealers, s.Path) {
				t.Errorf("%s: Reveal outside the files listed in revealers", s.At(n))
			}
			return true
		})
	}
	for _, path := range revealers {
		if !calls[path] {
			t.Errorf("revealers lists %s, which reveals nothing", path)
		}
	}
}

// excused are uses outside the command line that have their reason.
var excused = []string{
	"internal/browser/browser.go os.Stderr", // the desktop opener writes to standard output unless told another file
}

// Only the command line reads the environment, ends the process or talks to the standard streams. Everything below gets
// what it needs as values, so tests can run whole commands in one process.
func TestProcessBelongsToTheCommandLine(t *testing.T) {
	t.Parallel()
	environment := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Exit", "Args", "Stdin", "Stdout", "Stderr"}
	directories := []string{"UserHomeDir", "UserConfigDir", "UserCacheDir"} // read the environment too
	for _, s := range sources(t) {
		if s.Test || s.Of.Short() == "internal/cli" || strings.HasPrefix(s.Of.Short(), "cmd/") {
			continue
		}
		forbid := func(n ast.Node, name string) {
			if !slices.Contains(excused, s.Path+" "+name) {
				t.Errorf("%s: %s outside internal/cli", s.At(n), name)
			}
		}
		s.uses("os", slices.Concat(environment, directories), forbid)
		s.uses("fmt", []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, forbid)
		for _, logger := range []string{"log", "log/slog"} {
			s.uses(logger, []string{"Print", "Printf", "Println", "Fatal", "Fatalf", "Panic", "SetDefault", "Default", "Info", "Warn", "Error", "Debug"}, forbid)
		}
		s.uses("flag", []string{"Parse", "String", "Bool", "Int"}, forbid)
	}
}

// time.Sleep makes tests slow and flaky and code deaf to its context.
func TestNoSleep(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if len(s.imports("testing/synctest")) > 0 {
			continue // its clock is not the real one
		}
		s.uses("time", []string{"Sleep", "Tick"}, func(n ast.Node, name string) { t.Errorf("%s: %s", s.At(n), name) })
	}
}

func TestFileLength(t *testing.T) {
	t.Parallel()
	const limit = 400
	for _, s := range sources(t) {
		if s.Lines > limit {
			t.Errorf("%s has %d lines, more than %d: it holds more than one thing", s.Path, s.Lines, limit)
		}
	}
}

// Names that say nothing about what is held.
var (
	emptyWord = regexp.MustCompile(`(Manager|Helper|Util|Utils|Impl|Helpers)($|[A-Z0-9])`)
	emptyName = regexp.MustCompile(`^(util|utils|helper|helpers|common|misc|shared|base|types|manager|impl|core|lib|pkg|tools?)$`)
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		file := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(s.Path), ".go"), "_test")
		for _, word := range strings.Split(file, "_") {
			if emptyName.MatchString(word) {
				t.Errorf("%s: file named %q", s.Path, word)
			}
		}
		if emptyName.MatchString(s.Tree.Name.Name) {
			t.Errorf("%s: package named %q", s.Path, s.Tree.Name.Name)
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if emptyWord.MatchString(n.Name.Name) {
					t.Errorf("%s: type named %s", s.At(n), n.Name.Name)
				}
			case *ast.FuncDecl:
				if !s.Test && emptyWord.MatchString(n.Name.Name) {
					t.Errorf("%s: function named %s", s.At(n), n.Name.Name)
				}
			}
			return true
		})
	}
}

func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("package %q has no package comment", p.ImportPath)
		}
	}
}

// unfinished finds what marks work as not done, and machinePath what only one machine has.
var (
	unfinished  = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	machinePath = regexp.MustCompile(`(^|[\s"'(=])/(work|root|home/[a-z]+)/[a-z]`)
)

func TestNothingUnfinishedOrPrivate(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, group := range s.Tree.Comments {
			for _, c := range group.List {
				if word := unfinished.FindString(c.Text); word != "" && !strings.HasSuffix(s.Path, "house/code_test.go") {
					t.Errorf("%s: %s", s.At(c), word)
				}
			}
		}
		text, err := os.ReadFile(filepath.Join(need.Root(t), s.Path))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range machinePath.FindAllString(string(text), -1) {
			if strings.Contains(found, "/work") || strings.Contains(found, "/root") {
				t.Errorf("%s: path of one machine %q", s.Path, found)
			}
		}
	}
}
