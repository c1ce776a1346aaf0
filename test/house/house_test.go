// Package house holds the rules of this house as tests: which package may import which, where a secret may be revealed,
// who reads the environment, how long a file may be. They read the code with go list and go/ast; DESIGN.md says why the
// rules are as they are. A rule that stands in the way is changed here, in review, not worked around.
package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sftoken/sftoken/test/need"
)

const module = "github.com/sftoken/sftoken"

// Package is what `go list -json` says of one.
type Package struct {
	ImportPath, Dir, Name, Doc         string
	GoFiles, IgnoredGoFiles            []string // ignored: those of other systems
	TestGoFiles, XTestGoFiles          []string
	Imports, TestImports, XTestImports []string
}

// Short is the import path without the module's: "" for the root package, "internal/cli" for that one.
func (p *Package) Short() string { return short(p.ImportPath) }

// ForTests reports whether only tests import p, by its place.
func (p *Package) ForTests() bool {
	return strings.HasPrefix(p.Short(), "test/") || strings.HasSuffix(p.Short(), "test")
}

// Source is a parsed file. Path is relative to the checkout, with slashes.
type Source struct {
	Path  string
	Test  bool
	Lines int
	Tree  *ast.File
	Set   *token.FileSet
	Of    *Package
}

// At says where a node is: "store/grant.go:12".
func (s *Source) At(n ast.Node) string {
	p := s.Set.Position(n.Pos())
	return s.Path + ":" + strconv.Itoa(p.Line)
}

var packages = sync.OnceValues(func() ([]*Package, error) {
	out, err := exec.Command("go", "list", "-e", "-json", module+"/...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, errors.New(string(exit.Stderr))
		}
		return nil, err
	}
	var all []*Package
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(Package)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if _, err := os.ReadDir(p.Dir); err != nil { // lets go test's cache know of files that come and go
			return nil, err
		}
		all = append(all, p)
	}
})

func list(t *testing.T) []*Package {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	if len(all) < 10 {
		t.Fatalf("list packages: found %d only", len(all))
	}
	return all
}

// sources parses every Go file of the module, those of other systems and tests included.
func sources(t *testing.T) []*Source {
	t.Helper()
	root := need.Root(t)
	var all []*Source
	for _, p := range list(t) {
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			set := token.NewFileSet()
			full := filepath.Join(p.Dir, name)
			tree, err := parser.ParseFile(set, full, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			path, err := filepath.Rel(root, full)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &Source{
				Path:  filepath.ToSlash(path),
				Test:  strings.HasSuffix(name, "_test.go") || p.ForTests(),
				Lines: set.File(tree.Pos()).LineCount(),
				Tree:  tree, Set: set, Of: p,
			})
		}
	}
	return all
}

// imports returns the names under which s imports a path, usually one: {"os"}.
func (s *Source) imports(path string) (names []string) {
	for _, spec := range s.Tree.Imports {
		if strings.Trim(spec.Path.Value, `"`) != path {
			continue
		}
		if spec.Name != nil {
			names = append(names, spec.Name.Name)
		} else {
			names = append(names, path[strings.LastIndex(path, "/")+1:])
		}
	}
	return names
}

// uses calls found for each mention in s of one of the names of a package: uses("os", {"Exit"}, …).
func (s *Source) uses(path string, names []string, found func(n ast.Node, name string)) {
	locals := s.imports(path)
	if len(locals) == 0 {
		return
	}
	ast.Inspect(s.Tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(names, sel.Sel.Name) {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(locals, x.Name) {
				found(n, path+"."+sel.Sel.Name)
			}
		}
		return true
	})
}

func short(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// standard reports whether a path is of the standard library: no dot in its first element.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
