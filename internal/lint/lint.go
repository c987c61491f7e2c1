// Package lint checks what go vet and staticcheck do not: how errors are compared and wrapped, how log records are written, and what is dangerous.
//
// make lint runs it over the module. A line that has a reason to differ says so in a
// comment on the line or the one before, which names the check:
//
//	//lint:allow logtext the words are the program's
package lint

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzers returns all checks.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		{Name: "errcompare", Doc: "errors are compared by errors.Is and errors.As", Run: each(compareErrors)},
		{Name: "errwrap", Doc: "fmt.Errorf wraps an error by %w", Run: each(wrapErrors)},
		{Name: "logtext", Doc: "log messages are constant, their keys in snake_case", Run: each(logText)},
		{Name: "danger", Doc: "modes of files, weak hashes, predictable numbers, unbounded input, unverified TLS", Run: each(danger)},
	}
}

// A pass is one package seen by one check.
type pass struct {
	*analysis.Pass
	allowed map[string]map[int]bool // by file, the lines on which the check is off
	within  []ast.Node              // what the node is in, the outermost first
}

// each makes the run of a check from a function of every node. Tests are not checked:
// they compare and print as they like.
func each(check func(*pass, ast.Node)) func(*analysis.Pass) (any, error) {
	return func(p *analysis.Pass) (any, error) {
		for _, f := range p.Files {
			name := p.Fset.File(f.Pos()).Name()
			if strings.HasSuffix(name, "_test.go") || ast.IsGenerated(f) {
				continue
			}
			s := &pass{Pass: p, allowed: map[string]map[int]bool{name: allowedLines(p, f)}}
			ast.Inspect(f, func(n ast.Node) bool {
				if n == nil {
					s.within = s.within[:len(s.within)-1]
					return true
				}
				check(s, n)
				s.within = append(s.within, n)
				return true
			})
		}
		return nil, nil
	}
}

// allowedLines returns the lines of a file for which a comment switches the check off. A
// comment without a reason does not.
func allowedLines(p *analysis.Pass, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.Comments {
		for _, c := range group.List {
			words := strings.Fields(strings.TrimPrefix(c.Text, "//"))
			if len(words) > 2 && words[0] == "lint:allow" && words[1] == p.Analyzer.Name {
				line := p.Fset.Position(c.Pos()).Line
				lines[line], lines[line+1] = true, true
			}
		}
	}
	return lines
}

func (p *pass) report(at ast.Node, format string, args ...any) {
	pos := p.Fset.Position(at.Pos())
	if !p.allowed[pos.Filename][pos.Line] {
		p.Reportf(at.Pos(), format, args...)
	}
}

// isError reports whether an expression has the type error.
func (p *pass) isError(e ast.Expr) bool {
	t := p.TypesInfo.TypeOf(e)
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

// implementsError reports whether an expression is an error of whatever type.
func (p *pass) implementsError(e ast.Expr) bool {
	t := p.TypesInfo.TypeOf(e)
	iface := types.Universe.Lookup("error").Type().Underlying().(*types.Interface)
	return t != nil && !isNil(p, e) && types.Implements(t, iface)
}

func isNil(p *pass, e ast.Expr) bool { return p.TypesInfo.Types[e].IsNil() }

// constant returns the text of a constant expression.
func (p *pass) constant(e ast.Expr) (string, bool) {
	v := p.TypesInfo.Types[e].Value
	if v == nil || !types.AssignableTo(p.TypesInfo.TypeOf(e).Underlying(), types.Typ[types.String]) {
		return "", false
	}
	return unquote(v.ExactString()), true
}

// callee returns the function that a call calls, as PACKAGE.NAME or as
// PACKAGE.TYPE.NAME for a method; "" if it is no function with a name.
func (p *pass) callee(c *ast.CallExpr) string {
	var id *ast.Ident
	switch f := ast.Unparen(c.Fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return ""
	}
	f, ok := p.TypesInfo.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil {
		return ""
	}
	name := f.Pkg().Path() + "."
	if recv := f.Signature().Recv(); recv != nil {
		t := recv.Type()
		if ptr, ok := t.(*types.Pointer); ok {
			t = ptr.Elem()
		}
		if named, ok := t.(*types.Named); ok {
			name += named.Obj().Name() + "."
		}
	}
	return name + f.Name()
}

// inMethod reports whether the node is in a method of one of these names.
func (p *pass) inMethod(names ...string) bool {
	for _, n := range p.within {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv != nil {
			for _, name := range names {
				if f.Name.Name == name {
					return true
				}
			}
		}
	}
	return false
}

// compareErrors refuses what misses an error that was wrapped.
func compareErrors(p *pass, n ast.Node) {
	if p.inMethod("Is", "As", "Unwrap") {
		return // which define it
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && p.isError(n.X) && p.isError(n.Y) && !isNil(p, n.X) && !isNil(p, n.Y) {
			p.report(n, "an error is compared by %s, which misses one that was wrapped; use errors.Is", n.Op)
		}
	case *ast.SwitchStmt:
		if n.Tag == nil || !p.isError(n.Tag) {
			return
		}
		for _, c := range n.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				if !isNil(p, e) {
					p.report(e, "an error is compared by a switch, which misses one that was wrapped; use errors.Is")
				}
			}
		}
	case *ast.TypeAssertExpr:
		if p.isError(n.X) {
			p.report(n, "the type of an error is asserted, which misses one that was wrapped; use errors.As")
		}
	}
}
