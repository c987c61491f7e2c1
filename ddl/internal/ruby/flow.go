package ruby

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
	case *whileNode:
		return ev.loop(n.line, func() {
			for truthy(ev.eval(n.cond, s)) != n.until {
				ev.step(n.line)
				ev.body(func() { ev.eval(n.body, s) })
			}
		})
	case *forNode:
		over := ev.eval(n.over, s)
		ev.line = n.line
		return ev.loop(n.line, func() {
			for _, v := range ev.iterated(over) {
				ev.step(n.line)
				if len(n.target.targets) == 1 {
					ev.store(n.target.targets[0], v, s, n.line)
				} else {
					ev.destructure(n.target.targets, v, s, false)
				}
				ev.body(func() { ev.eval(n.body, s) })
			}
		})
	case *defNode:
		ev.methods[n.name] = n
		return Symbol(n.name)
	case jumpNode:
		panic(jump{n.kind, ev.eval(n.value, s), n.line})
	case definedNode:
		return ev.defined(n.n, s)
	case passNode:
		fail(n.line, "`&` stands where a value should")
	}
	fail(ev.line, "a splat stands where a value should")
	return nil
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
	case Class:
		return kindOf(v, p)
	case *Regexp:
		switch v.(type) {
		case *String, Symbol:
			return ev.find(p, ev.text(v), 0) != nil
		}
		return false
	case *Range:
		return ev.within(p, v)
	}
	return ev.equal(pattern, v)
}

// loop runs f and ends at a break.
func (ev *evaluator) loop(line int, f func()) any {
	return ev.catch("break", func() any { f(); return nil })
}

// body runs f, one round of a loop, and ends at a next.
func (ev *evaluator) body(f func()) { ev.catch("next", func() any { f(); return nil }) }

// catch runs f and returns its value, or that of a jump of this kind.
func (ev *evaluator) catch(kind string, f func() any) (v any) {
	depth := ev.depth
	defer func() {
		switch r := recover().(type) {
		case nil:
		case jump:
			if r.kind != kind {
				panic(r)
			}
			ev.depth, v = depth, r.value
		default:
			panic(r)
		}
	}()
	return f()
}

func (ev *evaluator) defined(n node, s *scope) any {
	found := "expression"
	switch n := n.(type) {
	case *sequence:
		if len(n.body) == 1 {
			return ev.defined(n.body[0], s)
		}
	case local:
		found = "local-variable"
	case instance:
		found = "instance-variable"
		if _, ok := ev.instance[n.name]; !ok {
			return nil
		}
	case constant:
		found = "constant"
		if _, ok := ev.constants[n.name]; !ok && !classes[n.name] {
			return nil
		}
	case *call:
		found = "method"
		if n.recv == nil && !ev.knows(n.name) {
			return nil
		}
	case *assign:
		found = "assignment"
	}
	return ev.newString(found)
}

// A block is a block with the variables around it.
type block struct {
	node  *blockNode
	scope *scope
	pass  any // of &:name
}

// call runs the block. A single array is taken apart if there are several
// parameters.
func (b *block) call(ev *evaluator, args ...any) any {
	ev.step(ev.line)
	if b.node == nil {
		if len(args) == 0 {
			fail(ev.line, "`&` of a symbol needs a value to call it on")
		}
		return ev.send(args[0], string(b.pass.(Symbol)), args[1:], nil)
	}
	return ev.catch("next", func() any {
		s := &scope{outer: b.scope}
		if ps := b.node.params; ps != nil {
			if len(args) == 1 && (len(ps.targets) > 1 || len(ps.targets) == 1 && isNested(ps.targets[0])) {
				if a, ok := args[0].(*Array); ok && !isNested(ps.targets[0]) || ok && len(ps.targets) > 1 {
					args = a.Elems
				}
			}
			ev.spread(ps, args, s, true)
		}
		return ev.eval(b.node.body, s)
	})
}

func isNested(n node) bool { _, ok := n.(*multiAssign); return ok }

// run calls a method that the definition made.
func (ev *evaluator) run(d *defNode, args []any, line int) any {
	least, most := 0, 0
	for i, t := range d.params.targets {
		switch {
		case isSplat(t):
			most = 1 << 30
		default:
			most++
			if d.params.defaults[i] == nil {
				least++
			}
		}
	}
	if len(args) < least || len(args) > most {
		fail(line, "`%s` of line %d was given %d arguments, it takes %s", d.name, d.line, len(args), arity(least, most))
	}
	return ev.catch("return", func() any {
		s := &scope{}
		ev.spread(d.params, args, s, true)
		return ev.eval(d.body, s)
	})
}
