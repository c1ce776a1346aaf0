package house

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// mayImport says which of our packages a package may import: cmd → internal/cli → internal/* → refresh → store → sftoken.
// Patterns are those of path.Match, "" is package sftoken; a package's own line goes before a pattern that fits it too. Who
// needs more changes the line here, in review.
var mayImport = map[string][]string{
	"":                      {},
	"store":                 {""},
	"store/*":               {"", "keys", "store", "internal/*"}, // adapters; never each other
	"store/memory":          {"", "store"},
	"store/storetest":       {"", "store"},
	"keys":                  {"", "store", "internal/*"},
	"refresh":               {"", "store"},
	"explain":               {"", "store", "internal/message"},
	"emulator":              {},
	"emulator/emulatortest": {"emulator"},
	"emulator/manage":       {"emulator"},
	"oauth2source":          {"refresh"},

	"internal/*":         {"", "explain", "keys", "store", "internal/*"},
	"internal/browser":   {},
	"internal/callback":  {"internal/message"},
	"internal/message":   {},
	"internal/stores":    {"", "keys", "store", "store/*", "internal/*"}, // opens the one that the settings name
	"internal/useragent": {},
	"internal/demo":      {"", "explain", "emulator", "keys", "refresh", "store", "store/*", "internal/*"},
	"internal/cli":       {"", "emulator", "emulator/manage", "explain", "internal/*", "keys", "refresh", "store", "store/*"},
	"cmd/*":              {"internal/cli"},

	"store/*/*test": {"", "keys", "store", "store/*", "test/need"},
	"test/*":        {"", "*", "*/*", "*/*/*"}, // black box: what they need
	"test/bench/*":  {},
	"test/house":    {"test/need"},
	"test/need":     {},
}

// onlyFrom names the ends of the arrows: who alone may import a package.
var onlyFrom = map[string]string{"internal/cli": "cmd/*", "internal/demo": "internal/cli"}

// allowed returns the line for a package.
func allowed(name string) ([]string, bool) {
	if line, ok := mayImport[name]; ok {
		return line, true
	}
	for pattern, line := range mayImport {
		if ok, _ := path.Match(pattern, name); ok {
			return line, true
		}
	}
	return nil, false
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		line, known := allowed(p.Short())
		if !known {
			t.Errorf("package %q has no line in mayImport: say there what it may import", p.Short())
			continue
		}
		imports := p.Imports
		if p.ForTests() {
			imports = slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		}
		for _, imported := range imports {
			if !ours(imported) || imported == p.ImportPath {
				continue
			}
			if only, ok := onlyFrom[short(imported)]; !matches(line, short(imported)) || ok && !matches([]string{only}, p.Short()) {
				t.Errorf("package %q imports %q, which it may not", p.Short(), short(imported))
			}
		}
	}
}

// Adapters of one port know nothing of each other, the root package nothing but the standard library, and nothing but
// tests and the test support imports test support.
func TestImportsOfSpecialPlaces(t *testing.T) {
	t.Parallel()
	support := map[string]bool{}
	for _, p := range list(t) {
		support[p.ImportPath] = p.ForTests()
	}
	for _, p := range list(t) {
		for _, imported := range p.Imports {
			switch {
			case p.Short() == "" && !standard(imported):
				t.Errorf("package sftoken imports %q: standard library only", imported)
			case strings.HasPrefix(p.Short(), "store/") && strings.HasPrefix(short(imported), "store/"):
				t.Errorf("adapter %q imports adapter %q", p.Short(), short(imported))
			case support[imported] && !p.ForTests():
				t.Errorf("package %q imports %q, which is for tests", p.Short(), short(imported))
			case !p.ForTests() && (imported == "testing" || strings.HasPrefix(imported, "net/http/httptest")):
				t.Errorf("package %q imports %q", p.Short(), imported)
			}
		}
	}
}

// The emulator and the client are two readings of the same documents, so not even the emulator's tests may use the client.
func TestTestImports(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if p.Short() != "emulator" && p.Short() != "" {
			continue
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if !ours(imported) || imported == p.ImportPath || short(imported) == "test/need" {
				continue
			}
			if p.Short() == "emulator" && !strings.HasPrefix(short(imported), "emulator/") {
				t.Errorf("a test of the emulator imports %q", imported)
			}
			if p.Short() == "" && !strings.HasPrefix(short(imported), "emulator") {
				t.Errorf("a test of package sftoken imports %q", imported)
			}
		}
	}
}

// importers names who imports a module of somebody else: one package each, then it can be replaced in one place. More
// than one needs its reason here. Modules of the Go project itself (golang.org/x) may be used anywhere.
var importers = map[string][]string{
	"charm.land/huh/v2":                   {"internal/cli"},
	"charm.land/lipgloss/v2":              {"internal/cli"},
	"filippo.io/age":                      {"internal/backup"},
	"github.com/BurntSushi/toml":          {"emulator", "emulator/manage", "explain", "internal/config", "internal/message"}, // a format: each reads its own files
	"github.com/beevik/etree":             {"emulator"},
	"github.com/cenkalti/backoff/v5":      {"refresh"},
	"github.com/cli/browser":              {"internal/browser"},
	"github.com/go-jose/go-jose/v4":       {"emulator"},
	"github.com/gofrs/flock":              {"internal/lock"},
	"github.com/itchyny/gojq":             {"internal/cli"},
	"github.com/jackc/pgx/v5":             {"store/postgres"},
	"github.com/muesli/cancelreader":      {"internal/cli"},
	"github.com/nicksnyder/go-i18n/v2":    {"emulator", "internal/message"}, // the emulator imports nothing of ours
	"github.com/pressly/goose/v3":         {"internal/schema"},
	"github.com/russellhaering/goxmldsig": {"emulator"},
	"github.com/spf13/cobra":              {"cmd/sftoken-man", "internal/cli"}, // its writer of man pages
	"github.com/spf13/pflag":              {"internal/cli"},
	"github.com/zalando/go-keyring":       {"keys"},
	"modernc.org/sqlite":                  {"store/sqlite"},
	"software.sslmate.com/src":            {"internal/keyfile"},
}

func TestOneImporterEach(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	for _, p := range list(t) {
		if p.ForTests() {
			continue
		}
		for _, imported := range p.Imports {
			if m := moduleOf(imported); m != "" && !slices.Contains(found[m], p.Short()) {
				found[m] = append(found[m], p.Short())
			}
		}
	}
	for _, m := range slices.Sorted(maps.Keys(found)) {
		got, want := slices.Sorted(slices.Values(found[m])), importers[m]
		if !slices.Equal(got, want) {
			t.Errorf("module %s is imported by %q, importers says %q", m, got, want)
		}
	}
	for m := range importers {
		if found[m] == nil {
			t.Errorf("importers has a line for %s, which nobody imports", m)
		}
	}
}

// moduleOf cuts an import path to its module by the hosts' customs, "" for ours and Go's own.
func moduleOf(importPath string) string {
	if standard(importPath) || ours(importPath) || strings.HasPrefix(importPath, "golang.org/x/") {
		return ""
	}
	parts := strings.Split(importPath, "/")
	n := min(len(parts), 2)
	if parts[0] == "github.com" {
		n = min(len(parts), 3)
	}
	if len(parts) > n && len(parts[n]) > 1 && parts[n][0] == 'v' && strings.Trim(parts[n][1:], "0123456789") == "" {
		n++
	}
	return strings.Join(parts[:n], "/")
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}
