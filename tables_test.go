package mcollective

import (
	"go/ast"
	"testing"
)

// TestTablesAreSubtests holds tests to t.Run for each row of a table, so that one row
// runs alone. A table is a slice of structs that a test goes through and fails by. A
// function that a test gives to others, such as to synctest, may not begin subtests, and
// is left alone; so is a table called steps, whose rows build on one another.
func TestTablesAreSubtests(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		tables := map[string]bool{}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, rhs := range n.Rhs {
					if id, ok := n.Lhs[i].(*ast.Ident); ok && isTable(rhs) {
						tables[id.Name] = true
					}
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if isTable(value) {
						tables[n.Names[i].Name] = true
					}
				}
			}
			return true
		})
		delete(tables, "steps")
		for _, loop := range loopsOfTests(s.file) {
			id, _ := loop.X.(*ast.Ident)
			if (isTable(loop.X) || id != nil && tables[id.Name]) && calls(loop.Body, "Errorf", "Fatalf") && !calls(loop.Body, "Run") {
				t.Errorf("%s: the rows of this table are no subtests; run each by t.Run(subtest.Name(...), ...), or call the table steps when a row builds on the one before", s.set.Position(loop.Pos()))
			}
		}
	}
}

// isTable reports whether an expression is a literal slice of structs.
func isTable(e ast.Expr) bool {
	if literal, ok := e.(*ast.CompositeLit); ok {
		if list, ok := literal.Type.(*ast.ArrayType); ok {
			_, ok = list.Elt.(*ast.StructType)
			return ok
		}
	}
	return false
}

// loopsOfTests are the loops over something in functions that may begin subtests: those
// that have a *testing.T, and in them functions given to t.Run.
func loopsOfTests(file *ast.File) (loops []*ast.RangeStmt) {
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				loops = append(loops, n)
				return !calls(n.Body, "Run") // what is in a subtest runs alone
			case *ast.CallExpr:
				if method(n) == "Run" {
					return true
				}
				for _, arg := range n.Args {
					if _, ok := arg.(*ast.FuncLit); !ok {
						walk(arg)
					}
				}
				return false
			}
			return true
		})
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && takesT(f.Type) {
			walk(f.Body)
		}
	}
	return loops
}

func takesT(f *ast.FuncType) bool {
	for _, p := range f.Params.List {
		if star, ok := p.Type.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "T" {
				return true
			}
		}
	}
	return false
}

// method is the name of the method of t that a call calls.
func method(c *ast.CallExpr) string {
	if sel, ok := c.Fun.(*ast.SelectorExpr); ok {
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == "t" {
			return sel.Sel.Name
		}
	}
	return ""
}

// calls reports whether there is a call of one of the methods of t.
func calls(n ast.Node, names ...string) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			for _, name := range names {
				found = found || method(c) == name
			}
		}
		return true
	})
	return found
}
