package house

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken/test/need"
)

// The pages list every setting, exit code, JSON field and host. A comment <!-- check: WHAT --> before a table says
// which; the names are those in the table's first column. Both languages are held to the code.

// names is a set.
type names map[string]bool

func (n names) sorted() []string { return slices.Sorted(maps.Keys(n)) }

// eachPage calls check for the page in both languages.
func eachPage(t *testing.T, page string, check func(t *testing.T, text string)) {
	t.Helper()
	for _, language := range []string{"en", "ja"} {
		t.Run(language+"/"+page, func(t *testing.T) {
			check(t, read(t, language, page))
		})
	}
}

func read(t *testing.T, language, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(need.Root(t), "docs", language, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	fence    = regexp.MustCompile("(?s)```.*?```")
	variable = regexp.MustCompile(`^SFTOKEN_[A-Z_]+$`)
	flagName = regexp.MustCompile(`^--([a-z-]+)$`)
)

// table returns the quoted names in the first column of the table behind the mark.
func table(t *testing.T, text, mark string) names {
	t.Helper()
	_, rest, found := strings.Cut(text, "<!-- check: "+mark+" -->\n")
	if !found {
		t.Fatalf("no table is marked %q", mark)
	}
	listed := names{}
	_, rest, _ = strings.Cut(rest, "\n|--") // the headings
	_, rest, _ = strings.Cut(rest, "\n")
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		for _, name := range quoted.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			listed[name[1]] = true
		}
	}
	return listed
}

func same(t *testing.T, what string, code, docs names) {
	t.Helper()
	if diff := cmp.Diff(code.sorted(), docs.sorted()); diff != "" {
		t.Errorf("%s: the code has (-), the page has (+):\n%s", what, diff)
	}
}

func TestDocsEnvironment(t *testing.T) {
	t.Parallel()
	code := names{}
	for _, s := range sources(t) {
		if s.Test || strings.HasPrefix(s.Of.Short(), "emulator") {
			continue
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text := literal(n); variable.MatchString(text) {
					code[text] = true
				}
			case *ast.CallExpr:
				if readsEnvironment(n) && len(n.Args) == 1 && literal(n.Args[0]) != "" {
					code[literal(n.Args[0])] = true
				}
			case *ast.RangeStmt: // over the names themselves
				if list, ok := n.X.(*ast.CompositeLit); ok && callsInside(n.Body) {
					for _, element := range list.Elts {
						if text := literal(element); text != "" {
							code[text] = true
						}
					}
				}
			}
			return true
		})
	}
	eachPage(t, "commands.md", func(t *testing.T, text string) {
		same(t, "variables", code, table(t, text, "environment"))
	})
}

// readsEnvironment reports a call of getenv, Getenv, e.Getenv or LookupEnv.
func readsEnvironment(call *ast.CallExpr) bool {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	return name == "getenv" || name == "Getenv" || name == "LookupEnv"
}

func callsInside(body ast.Node) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && readsEnvironment(call) {
			found = true
		}
		return !found
	})
	return found
}

// literal is the value of a string literal, "" for anything else.
func literal(n ast.Expr) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// Each table of configuration keys and of JSON fields names the struct types that it is about.
func TestDocsFields(t *testing.T) {
	t.Parallel()
	all := sources(t)
	for _, c := range []struct{ page, mark, of, tag string }{
		{"commands.md", "config", "internal/config", "toml"},
		{"commands.md", "json ", "internal/cli", "json"},
		{"emulator.md", "json ", "internal/cli", "json"},
		{"emulator.md", "config ", "emulator", "toml"},
		{"emulator-tests.md", "config ", "emulator", "toml"},
	} {
		eachPage(t, c.page, func(t *testing.T, text string) {
			for _, found := range regexp.MustCompile(`<!-- check: (`+c.mark+`[^>]*) -->`).FindAllStringSubmatch(text, -1) {
				mark := found[1]
				types := strings.Fields(mark)[1:]
				if mark == "config" {
					types = []string{"Config"}
				}
				code := names{}
				for _, name := range types {
					maps.Copy(code, fields(t, all, c.of, name, c.tag))
				}
				same(t, mark, code, table(t, text, mark))
			}
		})
	}
}

// Whatever a command answers with --json has its table.
func TestDocsAnswers(t *testing.T) {
	t.Parallel()
	answers := names{}
	eachSpec(sources(t), "internal/cli", func(spec ast.Spec) {
		if declared, ok := spec.(*ast.TypeSpec); ok && strings.HasSuffix(declared.Name.Name, "Answer") {
			answers[declared.Name.Name] = true
		}
	})
	// They hold the view of a grant and the place, whose tables are there, and nothing else.
	delete(answers, "listAnswer")
	delete(answers, "showAnswer")
	eachPage(t, "commands.md", func(t *testing.T, text string) {
		for _, answer := range answers.sorted() {
			if !regexp.MustCompile(`<!-- check: json [^>]*\b` + answer + `\b`).MatchString(text) {
				t.Errorf("no table of JSON fields is marked %s", answer)
			}
		}
	})
}

// fields returns the tagged names of a struct type, those of embedded types left out.
func fields(t *testing.T, all []*Source, of, typeName, tag string) names {
	t.Helper()
	found := names{}
	eachSpec(all, of, func(spec ast.Spec) {
		declared, ok := spec.(*ast.TypeSpec)
		if !ok || declared.Name.Name != typeName {
			return
		}
		body, ok := declared.Type.(*ast.StructType)
		if !ok {
			return
		}
		for _, field := range body.Fields.List {
			if field.Tag == nil {
				continue
			}
			raw, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name, _, _ := strings.Cut(reflect.StructTag(raw).Get(tag), ","); name != "" && name != "-" {
				found[name] = true
			}
		}
	})
	if len(found) == 0 {
		t.Errorf("there is no struct %s with %s tags in %s", typeName, tag, of)
	}
	return found
}

// eachSpec calls found for each declared type, constant and variable of a package, tests left out.
func eachSpec(all []*Source, of string, found func(ast.Spec)) {
	for _, s := range all {
		if s.Test || s.Of.Short() != of {
			continue
		}
		for _, d := range s.Tree.Decls {
			if general, ok := d.(*ast.GenDecl); ok {
				for _, spec := range general.Specs {
					found(spec)
				}
			}
		}
	}
}

func TestDocsExitCodes(t *testing.T) {
	t.Parallel()
	code := names{}
	eachSpec(sources(t), "internal/cli", func(spec ast.Spec) {
		if value, ok := spec.(*ast.ValueSpec); ok && strings.HasPrefix(value.Names[0].Name, "exit") && len(value.Values) == 1 {
			if number, ok := value.Values[0].(*ast.BasicLit); ok && number.Kind == token.INT {
				code[number.Value] = true
			}
		}
	})
	eachPage(t, "commands.md", func(t *testing.T, text string) {
		same(t, "exit codes", code, table(t, text, "exit codes"))
	})
}

// Every command and flag is named, and no flag that is not there. The emulator's flags have a page of their own.
func TestDocsFlags(t *testing.T) {
	t.Parallel()
	flags, commands := names{}, names{}
	for _, s := range sources(t) {
		if s.Test || s.Of.Short() != "internal/cli" {
			continue
		}
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				method, ok := n.Fun.(*ast.SelectorExpr)
				if ok && regexp.MustCompile(`VarP?$`).MatchString(method.Sel.Name) && len(n.Args) > 2 && literal(n.Args[1]) != "" {
					flags[literal(n.Args[1])] = true
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Use" {
					name, _, _ := strings.Cut(literal(n.Value), " ")
					commands[name] = true
				}
			}
			return true
		})
	}
	if len(flags) < 20 || len(commands) < 10 {
		t.Fatalf("found %d flags and %d commands only", len(flags), len(commands))
	}
	for _, language := range []string{"en", "ja"} {
		var text string
		for _, page := range []string{"commands.md", "emulator.md"} {
			text += fence.ReplaceAllString(read(t, language, page), "")
		}
		for _, command := range commands.sorted() {
			if !regexp.MustCompile("(?m)^### .*\\b"+command+"\\b|`"+command+"\\b").MatchString(text) && command != "sftoken" {
				t.Errorf("docs/%s does not name the command %s", language, command)
			}
		}
		told := names{}
		for _, name := range quoted.FindAllStringSubmatch(text, -1) {
			first, _, _ := strings.Cut(name[1], " ")
			if flag := flagName.FindStringSubmatch(first); flag != nil {
				told[flag[1]] = true
			}
		}
		same(t, "flags in docs/"+language, flags, told)
	}
}

// The hosts that may be sent a token are listed one by one.
func TestDocsHosts(t *testing.T) {
	t.Parallel()
	code := names{}
	eachSpec(sources(t), "", func(spec ast.Spec) {
		value, ok := spec.(*ast.ValueSpec)
		if !ok || value.Names[0].Name != "loginDomains" && value.Names[0].Name != "tokenDomains" {
			return
		}
		ast.Inspect(value.Values[0], func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				code[literal(lit)] = true
			}
			return true
		})
	})
	eachPage(t, "security.md", func(t *testing.T, text string) {
		_, rest, found := strings.Cut(text, "<!-- check: hosts -->")
		if !found {
			t.Fatal(`nothing is marked "hosts"`)
		}
		list, _, _ := strings.Cut(rest, "\n3.")
		docs := names{}
		for _, host := range quoted.FindAllStringSubmatch(list, -1) {
			docs[host[1]] = true
		}
		same(t, "hosts", code, docs)
	})
}

// The Go examples of the pages compile.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the examples of the pages")
	}
	root := need.Root(t)
	for _, page := range []string{"library.md", "emulator.md"} {
		eachPage(t, page, func(t *testing.T, text string) {
			_, rest, found := strings.Cut(text, "```go\n")
			example, _, _ := strings.Cut(rest, "```")
			if !found {
				t.Fatal("there is no example")
			}
			name := "main.go"
			if strings.Contains(example, "*testing.T") {
				name = "example_test.go"
			}
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
				t.Fatal(err)
			}
			vet := exec.CommandContext(t.Context(), "go", "vet", path)
			vet.Dir = root
			if out, err := vet.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
