package ruby

import "strings"

// postfix reads the method calls, indexes and blocks behind a value.
func (p *parser) postfix(n node) node {
	for {
		line := p.line()
		switch {
		case p.at(0) == '[':
			p.pos++
			n = &call{recv: n, name: "[]", args: p.arguments("]"), paren: true, line: line}
			continue
		case p.dot():
			n = p.methodCall(n)
			continue
		case p.has("::"):
			p.pos += 2
			w := p.word()
			if c, ok := n.(constant); ok && w != "" && isUpper(w[0]) {
				p.pos += len(w)
				n = constant{c.name + "::" + w, line}
				continue
			}
			n = p.methodCall(n)
			continue
		}
		at := p.pos
		p.space()
		if c, ok := n.(*call); ok && c.block == nil {
			if p.at(0) == '{' || p.noDo == 0 && p.keyword("do") {
				c.block = p.block()
				continue
			}
		}
		if _, ok := n.(local); ok && p.at(0) == '[' {
			continue // x [0] of a variable
		}
		if p.chained() {
			continue
		}
		p.pos = at
		return n
	}
}

// dot reports whether a call with a receiver follows at once.
func (p *parser) dot() bool {
	return p.at(0) == '.' && p.at(1) != '.' || p.at(0) == '&' && p.at(1) == '.'
}

// chained goes to the ".name" that begins a later line, if there is one.
func (p *parser) chained() bool {
	if p.at(0) != '\n' {
		return p.dot()
	}
	at, limit := p.pos, p.limit
	p.blank()
	if p.dot() {
		return true
	}
	p.pos, p.limit = at, limit
	return false
}

// methodCall reads ".name(args)", or ".name args" behind the dot of "::".
func (p *parser) methodCall(recv node) node {
	c := &call{recv: recv, line: p.line()}
	if p.has("&.") {
		unsupported(c.line, "`&.`")
	}
	p.accept(".")
	p.blank()
	if p.at(0) == '(' {
		unsupported(c.line, "`.()` (the call of a lambda)")
	}
	c.name = p.method()
	if c.name == "" {
		p.fail("expected the name of a method behind the dot, found %s", p.found())
	}
	p.pos += len(c.name)
	p.callArguments(c)
	return c
}

// callArguments reads the arguments of a call, in parentheses or not.
func (p *parser) callArguments(c *call) {
	if p.at(0) == '(' {
		p.pos++
		c.paren = true
		c.args = p.arguments(")")
		return
	}
	at := p.pos
	tight := p.pairFollows()
	p.space()
	if tight || p.pos > at && p.beginsArgument() {
		c.paren = true
		c.args = p.arguments("")
		return
	}
	p.pos = at
}

// pairFollows reports whether ":key =>" stands at once behind a name, as in
// "metadata:name => value".
func (p *parser) pairFollows() bool {
	if p.at(0) != ':' || !isStart(p.at(1)) {
		return false
	}
	at := p.pos
	defer func() { p.pos = at }()
	p.pos++
	p.pos += len(p.method())
	p.space()
	return p.has("=>")
}

// beginsArgument reports whether what stands here, behind a name and a blank, is
// the first argument of a call without parentheses.
func (p *parser) beginsArgument() bool {
	c, next := p.at(0), p.at(1)
	tight := !isSpace(next) && next != '\n' && next != 0
	switch {
	case p.eof():
		return false
	case isStart(c):
		return !p.keyword("do", "if", "unless", "while", "until", "and", "or", "then", "end", "rescue", "in", "else", "elsif", "when", "ensure")
	case isDigit(c) || strings.IndexByte(`"'@$`+"`", c) >= 0:
		return true
	case c == ':':
		return tight && next != ':' || next == ':' && isUpper(p.at(2))
	case c == '!':
		return next != '=' && next != '~'
	case c == '[' || c == '(':
		return true
	case c == '-':
		return tight && next != '='
	case c == '+' || c == '/' || c == '^':
		return c == '/' && tight && next != '='
	}
	return p.signBeginsArgument(c, next, tight)
}

// signBeginsArgument is beginsArgument for signs that may also stand between two values.
func (p *parser) signBeginsArgument(c, next byte, tight bool) bool {
	switch {
	case c == '*' || c == '&':
		return tight && next != '=' && next != c && next != '.' || c == '*' && next == '*' && isPart(p.at(2))
	case c == '%':
		return tight && next != '=' && (!isPart(next) || strings.IndexByte("wWiIqQrs", next) >= 0 && !isPart(p.at(2)) && !isSpace(p.at(2)))
	case c == '<':
		return next == '<' && (p.at(2) == '~' || p.at(2) == '-' || p.at(2) == '"' || p.at(2) == '\'' || isUpper(p.at(2)))
	case c == '?':
		return tight && !isPart(p.at(2))
	}
	return false
}

// nested reads with f where a comma belongs to something outside.
func (p *parser) nested(f func() node) node {
	p.args++
	defer func() { p.args-- }()
	return f()
}

// arguments reads values and pairs up to closer, or as long as commas follow for
// a call without parentheses. Pairs become one hash at the end.
func (p *parser) arguments(closer string) []node {
	p.enter()
	defer p.leave()
	noDo := p.noDo
	if closer == "" {
		p.noDo++
	} else {
		p.noDo = 0
	}
	p.args++
	defer func() { p.noDo = noDo; p.args-- }()

	open := p.line()
	var args []node
	var pairs *hashNode
	for {
		if closer != "" {
			if p.blank(); p.accept(closer) {
				break
			}
		}
		p.argument(&args, &pairs)
		if closer != "" {
			p.blank()
		} else {
			p.space()
		}
		if p.accept(",") {
			p.blank()
			continue
		}
		if closer == "" {
			break
		}
		if !p.accept(closer) {
			p.fail("expected a comma or the `%s` of line %d, found %s", closer, open, p.found())
		}
		break
	}
	if pairs == nil {
		return args
	}
	return append(args, pairs)
}

func (p *parser) argument(args *[]node, pairs **hashNode) {
	line := p.line()
	pair := func(k, v node) {
		if *pairs == nil {
			*pairs = &hashNode{line: line}
		}
		(*pairs).keys, (*pairs).values = append((*pairs).keys, k), append((*pairs).values, v)
	}
	if k, v, ok := p.labelled(); ok {
		pair(k, v)
		return
	}
	if c := p.at(0); c == '*' || c == '&' {
		unsupported(line, "`"+string(c)+"` before an argument")
	}
	n := p.negation()
	at := p.pos
	p.space()
	if p.accept("=>") {
		p.blank()
		pair(n, p.negation())
		return
	}
	p.pos = at
	if *pairs != nil {
		fail(line, "a value without a key stands behind pairs of keys and values")
	}
	*args = append(*args, n)
}

// labelled reads key: value and "key": value.
func (p *parser) labelled() (key, value node, ok bool) {
	line, start := p.line(), p.pos
	if w := p.method(); w != "" && p.at(len(w)) == ':' && p.at(len(w)+1) != ':' {
		p.pos += len(w) + 1
		key = literal{Symbol(w)}
	} else if c := p.at(0); c == '"' || c == '\'' {
		parts := p.stringParts()
		if p.at(0) != ':' || p.at(1) == ':' {
			p.pos = start
			return nil, nil, false
		}
		p.pos++
		key = textNode(':', parts, "", line)
	} else {
		return nil, nil, false
	}
	p.blank()
	if p.eof() || p.at(0) == ',' || p.at(0) == '}' {
		p.fail("a key has no value")
	}
	return key, p.negation(), true
}

// block reads { |x| ... } or do |x| ... end.
func (p *parser) block() *blockNode {
	p.enter()
	defer p.leave()
	line := p.line()
	braces := p.accept("{")
	if !braces {
		p.pos += len("do")
	}
	b := &blockNode{}
	p.inside(p.names, func() {
		at := p.pos
		if p.blank(); p.accept("|") {
			b.params = p.parameters("|")
		} else {
			p.pos = at
		}
		b.body = p.statements()
	})
	if braces {
		p.terminators()
		p.expect("}", "at the end of a block")
	} else {
		p.end("do", line)
	}
	return b
}

// parameters reads the names of a block or method up to closer, or to the end of
// the line.
func (p *parser) parameters(closer string) *params {
	p.enter()
	defer p.leave()
	ps := &params{}
	for {
		p.space()
		if closer != "" {
			p.blank()
		}
		if closer != "" && p.accept(closer) || closer == "" && (p.eof() || p.at(0) == '\n' || p.at(0) == ';') {
			break
		}
		var def node
		w := p.word()
		switch {
		case strings.IndexByte("(*&", p.at(0)) >= 0 && !p.eof() || w != "" && p.at(len(w)) == ':':
			unsupported(p.line(), "a parameter that is more than a name and its default")
		case w == "" || keywords[w] || isUpper(w[0]):
			p.fail("expected the name of a parameter, found %s", p.found())
		}
		p.pos += len(w)
		p.declare(w)
		p.space()
		if p.at(0) == '=' {
			p.pos++
			p.blank()
			def = p.binary(precedence["|"] + 1)
		}
		ps.names, ps.defaults = append(ps.names, w), append(ps.defaults, def)
		p.space()
		if !p.accept(",") && closer != "" {
			p.blank()
			p.expect(closer, "behind the parameters")
			break
		}
	}
	return ps
}
