package house

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

// The English and the Japanese pages are peers: the same pages, with the same headings at the same levels.
func TestPeers(t *testing.T) {
	t.Parallel()
	root := need.Root(t)
	pairs := map[string]string{"README.md": "README.ja.md"}
	for _, language := range []string{"en", "ja"} {
		for _, page := range markdown(t, filepath.Join(root, "docs", language)) {
			pairs[filepath.Join("docs", "en", page)] = filepath.Join("docs", "ja", page)
		}
	}
	for english, japanese := range pairs {
		e, errE := os.ReadFile(filepath.Join(root, english))
		j, errJ := os.ReadFile(filepath.Join(root, japanese))
		if errE != nil || errJ != nil {
			t.Errorf("%s and %s must both be there: %v, %v", english, japanese, errE, errJ)
			continue
		}
		if a, b := headings(string(e)), headings(string(j)); !slices.Equal(a, b) {
			t.Errorf("%s has headings %q, %s has %q", english, a, japanese, b)
		}
	}
}

// headings returns the marks of a page's headings, "#", "##", …, and of its code blocks, in their order.
func headings(page string) (marks []string) {
	code := false
	for line := range strings.Lines(page) {
		switch mark, _, found := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "```"):
			code = !code
			if code {
				marks = append(marks, "code")
			}
		case !code && found && strings.Trim(mark, "#") == "" && mark != "":
			marks = append(marks, mark)
		}
	}
	return marks
}

// link finds the target of a link to a file of this checkout.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)\s]*)?\)`)

func TestLinks(t *testing.T) {
	t.Parallel()
	root := need.Root(t)
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range markdown(t, filepath.Join(root, "docs")) {
		pages = append(pages, filepath.Join(root, "docs", page))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(found[1]))); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), found[1])
			}
		}
	}
}

// tokenShape finds what looks like a Salesforce access or refresh token: even one that is dead, or an emulator's, teaches readers
// to paste them.
var tokenShape = regexp.MustCompile(`\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{20,}|\b5Aep861[A-Za-z0-9._]{20,}`)

// conflict is what git leaves in a file that two people changed.
var conflict = regexp.MustCompile(`(?m)^(<{7}|>{7}) `)

func TestNoTokensInTexts(t *testing.T) {
	t.Parallel()
	root := need.Root(t)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin"):
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".md", ".toml", ".txt", ".txtar", ".golden", ".html", ".json"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if found := tokenShape.Find(text); found != nil {
			t.Errorf("%s holds a token: %.16s…", path, found)
		}
		if conflict.Match(text) {
			t.Errorf("%s holds both sides of a conflict", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func markdown(t *testing.T, dir string) (pages []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			page, relErr := filepath.Rel(dir, path)
			pages, err = append(pages, page), relErr
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return pages
}

// Every catalogue has a test that holds ids and placeholders of its languages together.
func TestCataloguesAreChecked(t *testing.T) {
	t.Parallel()
	root, found := need.Root(t), 0
	for _, p := range list(t) {
		if _, err := os.Stat(filepath.Join(p.Dir, "text", "en.toml")); err != nil {
			continue
		}
		found++
		checked := slices.ContainsFunc(slices.Concat(p.TestGoFiles, p.XTestGoFiles), func(name string) bool {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			return err == nil && (strings.Contains(string(content), "message.Check(t") || strings.Contains(string(content), "func TestCatalogues("))
		})
		if !checked {
			t.Errorf("%s: no test checks the texts", strings.TrimPrefix(p.Dir, root))
		}
	}
	if found < 5 {
		t.Errorf("found %d catalogues only", found)
	}
}

// Every export format has its line.
func TestDocsFormats(t *testing.T) {
	t.Parallel()
	code := names{}
	for _, s := range sources(t) {
		if s.Test || s.Of.Short() != "internal/export" {
			continue
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			values := map[string]string{}
			for _, element := range list.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := pair.Key.(*ast.Ident); ok {
						values[key.Name] = literal(pair.Value)
					}
				}
			}
			if values["Name"] != "" && values["For"] != "" {
				code[values["Name"]] = true
			}
			return true
		})
	}
	eachPage(t, "exporting.md", func(t *testing.T, text string) {
		same(t, "formats", code, table(t, text, "formats"))
	})
}
