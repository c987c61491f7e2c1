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
		if p.at(0) == ',' {
			unsupported(p.line(), "a list of values or variables without brackets")
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
	n := p.condition()
	for {
		p.space()
		switch {
		case p.acceptKeyword("if"):
			p.blank()
			n = &ifNode{cond: p.condition(), then: n}
		case p.acceptKeyword("unless"):
			p.blank()
			n = &ifNode{cond: p.condition(), other: n}
		case p.keyword("rescue", "while", "until"):
			unsupported(p.line(), "`"+p.word()+"`")
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
		if t.recv != nil || t.paren || t.block != nil || strings.ContainsAny(t.name, "?!") {
			unsupported(line, "an assignment to `"+t.name+"`")
		}
		left = local{t.name}
	case local, constant:
	default:
		p.fail("nothing can be assigned to what stands before `%s=`", op)
	}
	if t, ok := left.(local); ok {
		p.declare(t.name)
	}
	p.blank()
	return &assign{left, op, p.expression(), line}
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

// operator returns the binary operator that stands here, "" if none or if it is an
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
			return p.negative()
		}
		unsupported(line, "the sign `"+string(c)+"` before anything but a number")
	}
	return p.unraised(p.postfix(p.primary()))
}

// negative reads a number behind its minus.
func (p *parser) negative() node {
	return p.unraised(p.postfix(p.number(true)))
}

// unraised refuses the power of a value.
func (p *parser) unraised(n node) node {
	at := p.pos
	if p.space(); p.has("**") {
		unsupported(p.line(), "`**`")
	}
	p.pos = at
	return n
}
