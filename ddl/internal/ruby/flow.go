package ruby

import "fmt"

// control evaluates what decides what is evaluated.
func (ev *evaluator) control(n node, s *scope) any {
	switch n := n.(type) {
	case not:
		return !truthy(ev.eval(n.n, s))
	case *logical:
		a := ev.eval(n.a, s)
		if truthy(a) != n.and {
			return a
		}
		return ev.eval(n.b, s)
	case *ifNode:
		for {
			if truthy(ev.eval(n.cond, s)) {
				return ev.eval(n.then, s)
			}
			next, ok := n.other.(*ifNode)
			if !ok {
				return ev.eval(n.other, s)
			}
			n = next
		}
	case *caseNode:
		return ev.caseOf(n, s)
	case *defNode:
		ev.methods[n.name] = n
		return Symbol(n.name)
	}
	panic(fmt.Sprintf("ruby: no meaning for %T", n))
}

func (ev *evaluator) caseOf(n *caseNode, s *scope) any {
	subject := ev.eval(n.subject, s)
	for _, w := range n.whens {
		for _, c := range ev.list(w.conds, s) {
			ev.line = n.line
			if n.subject == nil && truthy(c) || n.subject != nil && ev.matches(c, subject) {
				return ev.eval(w.body, s)
			}
		}
	}
	return ev.eval(n.other, s)
}

// matches is Ruby's pattern === value.
func (ev *evaluator) matches(pattern, v any) bool {
	switch p := pattern.(type) {
	case Class, *Range:
		unsupported(ev.line, "`when` with a class or a range")
	case *Regexp:
		switch v.(type) {
		case *String, Symbol:
			return ev.find(p, ev.text(v)) != nil
		}
		return false
	}
	return ev.equal(pattern, v)
}

// A block is a block with the variables around it.
type block struct {
	node  *blockNode
	scope *scope
}

// call runs the block. A single array is taken apart if there are several
// parameters.
func (b *block) call(ev *evaluator, args ...any) any {
	ev.step(ev.line)
	s := &scope{outer: b.scope}
	if ps := b.node.params; ps != nil {
		if a, ok := first(args).(*Array); ok && len(args) == 1 && len(ps.names) > 1 {
			args = a.Elems
		}
		ev.bind(ps, args, s)
	}
	return ev.eval(b.node.body, s)
}

func first(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// run calls a method that the definition made.
func (ev *evaluator) run(d *defNode, args []any, line int) any {
	least, most := 0, len(d.params.names)
	for _, def := range d.params.defaults {
		if def == nil {
			least++
		}
	}
	if len(args) < least || len(args) > most {
		fail(line, "`%s` of line %d was given %d arguments, it takes %d to %d", d.name, d.line, len(args), least, most)
	}
	s := &scope{}
	ev.bind(d.params, args, s)
	return ev.eval(d.body, s)
}

// bind gives arguments to parameters.
func (ev *evaluator) bind(ps *params, args []any, s *scope) {
	for i, name := range ps.names {
		switch {
		case i < len(args):
			s.own(name, args[i])
		case ps.defaults[i] != nil:
			s.own(name, ev.eval(ps.defaults[i], s))
		default:
			s.own(name, nil)
		}
	}
}
