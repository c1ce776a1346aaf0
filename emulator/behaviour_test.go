package emulator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page that says what is emulated agrees with the code, in both languages: each route and each refusal has a row and each row
// is of one, a behaviour names tests that exist, and both languages say the same of each row.
func TestBehaviourPage(t *testing.T) {
	t.Parallel()
	tests, refusals := declared(t)
	var routes []string
	for _, pattern := range newWorld(t).patterns {
		_, path, found := strings.Cut(pattern, " ")
		if !found {
			path = pattern
		}
		if path = strings.TrimSuffix(path, "{$}"); path != "/" {
			path = strings.TrimSuffix(path, "/")
		}
		routes = append(routes, path)
	}
	slices.Sort(routes)
	routes = slices.Compact(routes)

	english := behaviours(t, "en", map[string]string{"emulated": "emulated", "differs": "differs", "not emulated": "not emulated"}, tests)
	japanese := behaviours(t, "ja", map[string]string{"あり": "emulated", "違い": "differs", "なし": "not emulated"}, tests)
	if diff := cmp.Diff(english, japanese); diff != "" {
		t.Errorf("behaviours (-en +ja):\n%s", diff)
	}
	for _, language := range []string{"en", "ja"} {
		listed := map[string][]string{}
		for mark, columns := range map[string]int{"routes": 1, "refusals": 2} {
			for _, row := range rows(t, language, mark) {
				listed[mark] = append(listed[mark], strings.ReplaceAll(strings.Join(row[:columns], ": "), "`", ""))
			}
			slices.Sort(listed[mark])
		}
		if diff := cmp.Diff(routes, listed["routes"]); diff != "" {
			t.Errorf("routes (-code +docs/%s):\n%s", language, diff)
		}
		if diff := cmp.Diff(refusals, listed["refusals"]); diff != "" {
			t.Errorf("refusals (-code +docs/%s):\n%s", language, diff)
		}
	}
}

// behaviour is what both languages must agree on.
type behaviour struct{ Evidence, Here, Tests string }

var tagged = regexp.MustCompile(`\b[VOQIB]\b`)

func behaviours(t *testing.T, language string, words map[string]string, tests []string) (all []behaviour) {
	t.Helper()
	for _, row := range rows(t, language, "behaviour") {
		b := behaviour{strings.Join(tagged.FindAllString(row[1], -1), " "), words[row[2]], row[3]}
		if b.Here == "" || b.Evidence == "" || (b.Here == "not emulated") != (b.Tests == "") {
			t.Errorf("docs/%s: %q: evidence %q, here %q, tests %q", language, row[0], row[1], row[2], row[3])
		}
		for name := range strings.SplitSeq(strings.ReplaceAll(b.Tests, "`", ""), ", ") {
			if name != "" && !slices.Contains(tests, name) {
				t.Errorf("docs/%s: %q: there is no test %s", language, row[0], name)
			}
		}
		all = append(all, b)
	}
	return all
}

// rows are the cells of the table that a mark is before.
func rows(t *testing.T, language, mark string) (all [][]string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", language, "emulator-behaviour.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- check: "+mark+" -->\n")
	if !found {
		t.Fatalf("docs/%s: no table is marked %q", language, mark)
	}
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	return all[2:] // after the headings
}

// declared are the tests of this package, and the refusals in its code as "code: text".
func declared(t *testing.T) (tests, refusals []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && strings.HasPrefix(n.Name.Name, "Test") {
					tests = append(tests, n.Name.Name)
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "refusal" && !strings.HasSuffix(name, "_test.go") {
					refusals = append(refusals, words(n, "code")+": "+words(n, "description"))
				}
			}
			return true
		})
	}
	slices.Sort(refusals)
	return tests, slices.Compact(refusals)
}

// words is the text of a literal's field.
func words(literal *ast.CompositeLit, field string) string {
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok || pair.Key.(*ast.Ident).Name != field {
			continue
		}
		if text, ok := pair.Value.(*ast.BasicLit); ok {
			unquoted, _ := strconv.Unquote(text.Value) // the parser has read it
			return unquoted
		}
	}
	return "?"
}
