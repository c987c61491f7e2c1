package ruby

// conditional reads if and unless behind the word.
func (p *parser) conditional(w string, line int) node {
	first := &ifNode{}
	last := first
	first.cond, first.then = p.guarded()
	for {
		p.terminators()
		if p.acceptKeyword("elsif") {
			if w == "unless" {
				p.fail("`unless` has no `elsif`")
			}
			next := &ifNode{}
			next.cond, next.then = p.guarded()
			last.other, last = next, next
			continue
		}
		if p.acceptKeyword("else") {
			last.other = p.statements()
		}
		break
	}
	p.end(w, line)
	if w == "unless" {
		first.then, first.other = first.other, first.then
	}
	return first
}

// guarded reads a condition and what it guards.
func (p *parser) guarded() (cond, body node) {
	p.blank()
	cond = p.outside(p.condition)
	p.terminators()
	p.acceptKeyword("then")
	return cond, p.statements()
}

// outside reads with f as if no call without parentheses were around.
func (p *parser) outside(f func() node) node {
	noDo, args := p.noDo, p.args
	p.noDo, p.args = 0, 0
	n := f()
	p.noDo, p.args = noDo, args
	return n
}

func (p *parser) caseOf(line int) node {
	c := &caseNode{line: line}
	p.space()
	if p.at(0) != '\n' && p.at(0) != ';' && !p.keyword("when") {
		c.subject = p.outside(p.condition)
	}
	for p.terminators(); p.acceptKeyword("when"); p.terminators() {
		w := when{}
		for {
			p.blank()
			w.conds = append(w.conds, p.nested(p.ternary))
			if p.space(); !p.accept(",") {
				break
			}
		}
		p.terminators()
		p.acceptKeyword("then")
		w.body = p.statements()
		c.whens = append(c.whens, w)
	}
	if p.keyword("in") {
		unsupported(p.line(), "`case ... in` (a pattern)")
	}
	if len(c.whens) == 0 {
		fail(line, "`case` has no `when`")
	}
	if p.acceptKeyword("else") {
		c.other = p.statements()
	}
	p.end("case", line)
	return c
}

func (p *parser) def(line int) node {
	p.space()
	if p.keyword("self") && p.at(4) == '.' {
		p.pos += len("self.")
	}
	d := &defNode{name: p.method(), params: &params{}, line: line}
	if d.name == "" {
		p.fail("expected the name of a method behind `def`, found %s", p.found())
	}
	p.pos += len(d.name)
	p.inside(nil, func() {
		closer := ""
		if p.space(); p.accept("(") {
			closer = ")"
		}
		if p.at(0) == '=' {
			unsupported(line, "a method that assigns, or has no `end`,")
		}
		d.params = p.parameters(closer)
		if p.space(); p.at(0) == '=' {
			unsupported(line, "a method without `end`")
		}
		d.body = p.body("def", line)
	})
	return d
}
