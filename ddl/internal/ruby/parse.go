package ruby

import "strings"

// parse reads a whole source.
func parse(src string) node {
	p := &parser{src: src, limit: len(src), lines: newLines(src), jumps: map[int]int{}, names: &names{known: map[string]bool{}}}
	p.lineStart()
	body := p.statements()
	if p.terminators(); !p.eof() {
		p.fail("%s stands where nothing can, perhaps there is one `end` or bracket too many", p.found())
	}
	return body
}

// statements reads up to what cannot begin one: a closing bracket or keyword, or
// the end.
func (p *parser) statements() node {
	p.enter()
	noDo, args := p.noDo, p.args
	p.noDo, p.args = 0, 0
	defer func() { p.leave(); p.noDo, p.args = noDo, args }()
	s := &sequence{}
	for {
		p.terminators()
		if p.eof() || strings.IndexByte("})]", p.at(0)) >= 0 || p.keyword("end", "else", "elsif", "when", "rescue", "ensure", "in") {
			return s
		}
		s.body = append(s.body, p.statement())
		p.space()
		if p.eof() || strings.IndexByte("\n;})]", p.at(0)) >= 0 || p.keyword("end", "else", "elsif", "when") {
			continue
		}
		p.fail("%s does not belong behind the expression before it", p.found())
	}
}

// body reads the statements of a construct up to its end.
func (p *parser) body(what string, line int) node {
	b := p.statements()
	p.end(what, line)
	return b
}

func (p *parser) end(what string, line int) {
	p.terminators()
	if p.keyword("rescue", "ensure") {
		unsupported(p.line(), "`"+p.word()+"`")
	}
	if !p.acceptKeyword("end") {
		p.fail("the `%s` of line %d has no `end`: found %s", what, line, p.found())
	}
}

// statement reads an expression and its modifiers.
func (p *parser) statement() node {
	n := p.multiple()
	for {
		p.space()
		line := p.line()
		switch {
		case p.acceptKeyword("if"):
			p.blank()
			n = &ifNode{cond: p.condition(), then: n}
		case p.acceptKeyword("unless"):
			p.blank()
			n = &ifNode{cond: p.condition(), other: n}
		case p.acceptKeyword("while"):
			p.blank()
			n = &whileNode{cond: p.condition(), body: n, line: line}
		case p.acceptKeyword("until"):
			p.blank()
			n = &whileNode{cond: p.condition(), until: true, body: n, line: line}
		case p.keyword("rescue"):
			unsupported(line, "`rescue`")
		default:
			return n
		}
	}
}

// condition reads an expression with "and", "or" and "not".
func (p *parser) condition() node {
	p.enter()
	defer p.leave()
	n := p.negation()
	for {
		p.space()
		and := p.keyword("and")
		if !and && !p.keyword("or") {
			return n
		}
		p.pos += len(p.word())
		p.blank()
		n = &logical{and, n, p.negation()}
	}
}

func (p *parser) negation() node {
	p.enter()
	defer p.leave()
	if p.acceptKeyword("not") {
		p.space()
		return not{p.negation()}
	}
	return p.expression()
}

// multiple reads a, *b = values, or a condition.
func (p *parser) multiple() node {
	line := p.line()
	if start := p.pos; p.at(0) == '*' || p.at(0) == '(' || isStart(p.at(0)) || p.at(0) == '@' {
		if targets, ok := p.targets(); ok {
			p.pos++ // =
			p.blank()
			for _, t := range targets {
				p.declareTarget(t)
			}
			return &multiAssign{targets, p.values(p.expression()), line}
		}
		p.pos = start
	}
	return p.condition()
}

// targets looks for at least two targets of an assignment, and the "=".
func (p *parser) targets() (targets []node, ok bool) {
	for {
		p.space()
		star := p.accept("*")
		var t node
		switch w := p.word(); {
		case p.accept("@"):
			t = instance{p.word()}
			p.pos += len(p.word())
		case w != "" && !isUpper(w[0]) && !keywords[w]:
			t = local{w}
			p.pos += len(w)
		default:
			return nil, false
		}
		if star {
			t = splat{t}
		}
		targets = append(targets, t)
		p.space()
		if !p.accept(",") {
			break
		}
	}
	return targets, (len(targets) > 1 || isSplat(targets[0])) && p.at(0) == '=' && p.at(1) != '=' && p.at(1) != '~' && p.at(1) != '>'
}

func isSplat(n node) bool { _, ok := n.(splat); return ok }

func (p *parser) declareTarget(t node) {
	switch t := t.(type) {
	case local:
		p.declare(t.name)
	case splat:
		p.declareTarget(t.n)
	case *multiAssign:
		for _, t := range t.targets {
			p.declareTarget(t)
		}
	}
}

// values reads the rest of "first, second, ..." as an array.
func (p *parser) values(first node) node {
	p.space()
	if p.at(0) != ',' {
		return first
	}
	a := &arrayNode{elems: []node{first}, line: p.line()}
	for p.space(); p.accept(","); p.space() {
		p.blank()
		if p.accept("*") {
			a.elems = append(a.elems, splat{p.ternary()})
		} else {
			a.elems = append(a.elems, p.ternary())
		}
	}
	return a
}

// expression reads an assignment or what has a value.
func (p *parser) expression() node {
	p.enter()
	defer p.leave()
	line := p.line()
	left := p.ternary()
	at := p.pos
	p.space()
	op, ok := p.assignment()
	if !ok {
		p.pos = at
		return left
	}
	switch t := left.(type) {
	case *call:
		switch {
		case t.recv == nil && !t.paren && t.block == nil && !strings.ContainsAny(t.name, "?!"):
			left = local{t.name}
		case t.name != "[]" || t.block != nil:
			unsupported(line, "an assignment to `"+t.name+"`")
		}
	case local, instance, constant:
	default:
		p.fail("nothing can be assigned to what stands before `%s=`", op)
	}
	p.declareTarget(left)
	p.blank()
	value := p.expression()
	if op == "" && p.args == 0 {
		value = p.values(value)
	}
	return &assign{left, op, value, line}
}

// assignment reads "=", "+=" and the like, and returns the operator before the
// "=".
func (p *parser) assignment() (op string, ok bool) {
	for _, op := range []string{"**", "||", "&&", "<<", ">>", "+", "-", "*", "/", "%", "|", "&", "^"} {
		if p.has(op) && p.at(len(op)) == '=' {
			p.pos += len(op) + 1
			return op, true
		}
	}
	if p.at(0) == '=' && p.at(1) != '=' && p.at(1) != '~' && p.at(1) != '>' {
		p.pos++
		return "", true
	}
	return "", false
}

func (p *parser) ternary() node {
	p.enter()
	defer p.leave()
	cond := p.rangeExpr()
	at := p.pos
	p.space()
	if p.at(0) != '?' {
		p.pos = at
		return cond
	}
	p.pos++
	p.blank()
	then := p.nested(p.expression)
	p.blank()
	p.expect(":", "between the two values of `? :`")
	p.blank()
	return &ifNode{cond, then, p.nested(p.expression)}
}

func (p *parser) rangeExpr() node {
	from := p.binary(1)
	at := p.pos
	p.space()
	line := p.line()
	if !p.accept("..") {
		p.pos = at
		return from
	}
	exclusive := p.accept(".")
	p.space()
	if p.eof() || strings.IndexByte("\n)]", p.at(0)) >= 0 {
		unsupported(line, "a range without an end")
	}
	return &rangeNode{from, p.binary(1), exclusive, line}
}

// precedence are the binary operators from the loosest to the tightest; all of
// them group to the left.
var precedence = map[string]int{
	"||": 1, "&&": 2,
	"<=>": 3, "===": 3, "==": 3, "!=": 3, "=~": 3, "!~": 3,
	"<=": 4, ">=": 4, "<": 4, ">": 4,
	"|": 5, "^": 5, "&": 6, "<<": 7, ">>": 7, "+": 8, "-": 8, "*": 9, "/": 9, "%": 9,
}

// binary reads operators that bind at least as tight as this.
func (p *parser) binary(least int) node {
	left := p.unary()
	for {
		at := p.pos
		p.space()
		op := p.operator()
		level := precedence[op]
		if op == "" || level < least {
			p.pos = at
			return left
		}
		line := p.line()
		p.pos += len(op)
		p.blank()
		right := p.binary(level + 1)
		switch op {
		case "||", "&&":
			left = &logical{op == "&&", left, right}
		case "!=", "!~":
			left = not{&call{recv: left, name: map[string]string{"!=": "==", "!~": "=~"}[op], args: []node{right}, line: line, paren: true}}
		default:
			left = &call{recv: left, name: op, args: []node{right}, line: line, paren: true}
		}
	}
}

// operator is the binary operator that stands here, "" if none or if it is an
// assignment.
func (p *parser) operator() string {
	c := p.at(0)
	if c == 0 || strings.IndexByte("|&<=>!^+-*/%", c) < 0 {
		return ""
	}
	for n := 3; n > 0; n-- {
		if p.pos+n > p.limit {
			continue
		}
		op := p.src[p.pos : p.pos+n]
		if precedence[op] == 0 {
			continue
		}
		next := p.at(n)
		switch {
		case next == '=' && (n == 1 || op == "||" || op == "&&" || op == "<<" || op == ">>"),
			next == '>' && (op == "==" || op == "=~"),
			op == "&" && next == '.', op == "*" && next == '*':
			return ""
		}
		return op
	}
	return ""
}

func (p *parser) unary() node {
	p.enter()
	defer p.leave()
	line := p.line()
	switch c := p.at(0); {
	case c == '!' && p.at(1) != '=' && p.at(1) != '~':
		p.pos++
		p.space()
		return not{p.unary()}
	case c == '-' && p.at(1) == '>':
		unsupported(line, "`->` (a lambda)")
	case c == '-' || c == '+' || c == '~':
		p.pos++
		if c == '-' && isDigit(p.at(0)) {
			return p.negative(line)
		}
		p.space()
		return &call{recv: p.unary(), name: string(c) + "@", line: line}
	case p.keyword("defined") && p.at(7) == '?':
		p.pos += 8
		if p.space(); p.at(0) == '(' {
			return p.postfix(definedNode{p.parenthesis()})
		}
		return definedNode{p.unary()}
	}
	n := p.postfix(p.primary())
	if at := p.pos; !p.power() {
		p.pos = at
		return n
	}
	return p.raised(n, line)
}

// negative reads a number behind its minus, which in -2 ** 2 belongs to the whole.
func (p *parser) negative(line int) node {
	start := p.pos
	n := p.number(true)
	if at := p.pos; !p.power() {
		p.pos = at
		return p.postfix(n)
	}
	p.pos = start
	return &call{recv: p.raised(p.positive(), line), name: "-@", line: line}
}

// positive reads a number and goes to the ** behind it.
func (p *parser) positive() node {
	n := p.number(false)
	p.space()
	return n
}

func (p *parser) power() bool {
	p.space()
	return p.has("**") && p.at(2) != '='
}

func (p *parser) raised(n node, line int) node {
	p.pos += 2
	p.blank()
	return &call{recv: n, name: "**", args: []node{p.unary()}, line: line, paren: true}
}
