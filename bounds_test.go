package mcollective

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// What a reader can hold in the head at once. The exceptions are today's: each holds
// the figure that it may not exceed, and the test fails when one is not needed any
// more, so that the lists only shrink.
const (
	maxComplexity   = 25
	maxPackageLines = 4000
	maxFanOut       = 10
)

var complexFunctions = map[string]int{}

var largePackages = map[string]int{}

// The first four wire parts together; an application looks at answers itself, and a
// report is made of all that nodes say. The rest is to be cut.
var wideImports = map[string]int{
	"internal/app":             14, // starts everything that a node and a demo have
	"internal/fleettest":       15, // the same for tests
	"internal/cli/collective":  14, // flags, configuration and the terminal become an operation
	"internal/cli/application": 13, // words become calls, and a task calls
	"internal/cli/inventory":   12,
	"internal/cli/puppet":      11,
	"internal/cli/shell":       12,
	"internal/cli/why":         13,
}

// bound compares figures with a bound and its exceptions.
func bound(t *testing.T, what string, most int, figures, exceptions map[string]int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		n, allowed := figures[name], exceptions[name]
		switch {
		case n > max(most, allowed):
			t.Errorf("%s: %s is %d, more than %d", name, what, n, max(most, allowed))
		case allowed > 0 && n <= most:
			t.Errorf("%s: %s is %d and needs no exception any more; remove it", name, what, n)
		}
	}
	for name := range exceptions {
		if _, ok := figures[name]; !ok {
			t.Errorf("%s: there is an exception for what is not there", name)
		}
	}
}

// complexity counts the ways through a function: one, and one more for each branch.
func complexity(f *ast.FuncDecl) int {
	n := 1
	ast.Inspect(f, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

func TestComplexity(t *testing.T) {
	figures := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				name := path.Join(s.dir, functionName(f))
				figures[name] = max(figures[name], complexity(f))
			}
		}
	}
	bound(t, "the complexity", maxComplexity, figures, complexFunctions)
}

// functionName is NAME, or TYPE.NAME for a method.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// TestPackagesAreSmall bounds the lines of a package and how many others of ours it
// imports. The wiring list, the table of commands and the program know everybody: that
// is their job.
func TestPackagesAreSmall(t *testing.T) {
	lines, wide := map[string]int{}, map[string]int{}
	imported := map[string]map[string]bool{}
	for _, s := range sources(t) {
		if s.test || s.dir == "" || strings.HasPrefix(s.dir, "bench") || strings.HasPrefix(s.dir, "interop") {
			continue
		}
		lines[s.dir] += s.set.File(s.file.Pos()).LineCount()
		if imported[s.dir] == nil {
			imported[s.dir] = map[string]bool{}
		}
		for _, p := range imports(s) {
			if dep, ours := strings.CutPrefix(p, "mcollective/"); ours {
				imported[s.dir][dep] = true
			}
		}
	}
	for dir, all := range imported {
		if dir != "internal/plugins" && dir != "internal/cli/commands" && dir != "cmd/mco" {
			wide[dir] = len(all)
		}
	}
	bound(t, "the number of lines", maxPackageLines, lines, largePackages)
	bound(t, "the number of imported packages", maxFanOut, wide, wideImports)
}

// maxDepth is how many packages of ours may stand on one another; docs/architecture.md
// says why so many. It may only sink. maxMarshal is how many may know Ruby's own format.
const (
	maxDepth   = 13
	maxMarshal = 5
)

func TestDepth(t *testing.T) {
	imported := map[string]map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if imported[s.dir] == nil {
			imported[s.dir] = map[string]bool{}
		}
		for _, p := range imports(s) {
			if dep, ours := strings.CutPrefix(p, "mcollective/"); ours {
				imported[s.dir][dep] = true
			}
		}
	}
	longest := map[string][]string{}
	var chain func(dir string) []string
	chain = func(dir string) []string {
		if c, ok := longest[dir]; ok {
			return c
		}
		var below []string
		for dep := range imported[dir] {
			if c := chain(dep); len(c) > len(below) {
				below = c
			}
		}
		longest[dir] = append([]string{dir}, below...)
		return longest[dir]
	}
	if c := chain("cmd/mco"); len(c) > maxDepth {
		t.Errorf("%d packages stand on one another, more than %d: %s", len(c), maxDepth, strings.Join(c, " > "))
	}
	var users []string
	for dir, all := range imported {
		if all["marshal"] && !strings.HasPrefix(dir, "bench") {
			users = append(users, dir)
		}
	}
	if slices.Sort(users); len(users) > maxMarshal {
		t.Errorf("%d packages import marshal, more than %d: %v", len(users), maxMarshal, users)
	}
}
