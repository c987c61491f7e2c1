package ruby

import (
	"slices"
	"strconv"
	"strings"
)

// primary reads a value without what follows it.
func (p *parser) primary() node {
	p.enter()
	defer p.leave()
	line := p.line()
	c := p.at(0)
	switch {
	case p.eof():
		p.fail("the file ends where a value should stand")
	case isStart(c):
		return p.named()
	case isDigit(c):
		return p.number(false)
	case c == '"' || c == '\'':
		return p.stringLiteral()
	case c == ':':
		return p.symbol()
	case c == '[':
		p.pos++
		return &arrayNode{p.arguments("]"), line}
	case c == '{':
		return p.hash()
	case c == '(':
		return p.parenthesis()
	case c == '/':
		p.pos++
		return p.regexp('/')
	case c == '%':
		if n := p.percent(); n != nil {
			return n
		}
	case p.has("<<"):
		if n := p.heredoc(); n != nil {
			return n
		}
	case c == '*' || c == '&':
		unsupported(line, "`"+string(c)+"` before a value")
	case c == '?':
		unsupported(line, "a character behind `?`")
	case c == '@':
		unsupported(line, "the instance variable "+p.found())
	case c == '`':
		unsupported(line, "a command in backticks")
	case c == '$':
		unsupported(line, "the global variable "+p.found())
	}
	p.fail("expected a value, found %s", p.found())
	return nil
}

func (p *parser) parenthesis() node {
	line := p.line()
	p.pos++
	s := p.statements()
	if p.terminators(); !p.accept(")") {
		p.fail("the parenthesis of line %d is not closed: found %s", line, p.found())
	}
	return s
}

func (p *parser) hash() node {
	line := p.line()
	p.pos++
	h := &hashNode{line: line}
	args := p.arguments("}")
	switch len(args) {
	case 0:
		return h
	case 1:
		if h, ok := args[0].(*hashNode); ok {
			return h
		}
	}
	fail(line, "a hash has a value without a key; write {key => value}")
	return nil
}

func (p *parser) symbol() node {
	line := p.line()
	p.pos++
	switch c := p.at(0); {
	case c == '"' || c == '\'':
		p.pos++
		return textNode(':', p.quoted(quotes(c, c == '"', "symbol")), "", line)
	case c == ':' && isUpper(p.at(1)):
		p.pos++
		w := p.word()
		p.pos += len(w)
		return constant{w, line}
	case isStart(c):
		w := p.method()
		p.pos += len(w)
		if p.at(0) == '=' && p.at(1) != '=' && p.at(1) != '~' && p.at(1) != '>' && !strings.ContainsAny(w, "?!") {
			p.pos++
			w += "="
		}
		return literal{Symbol(w)}
	}
	for _, op := range operatorNames {
		if p.accept(op) {
			return literal{Symbol(op)}
		}
	}
	p.fail("expected the name of a symbol behind `:`, found %s", p.found())
	return nil
}

// number reads an integer or float.
func (p *parser) number(negative bool) node {
	start := p.pos
	base := p.radix()
	from := p.pos
	float := p.digits(base)
	text := strings.ReplaceAll(p.src[from:p.pos], "_", "")
	if negative {
		text = "-" + text
	}
	if isStart(p.at(0)) {
		p.fail("`%s` is no number of the DDL language", p.src[start:p.pos+len(p.word())])
	}
	if float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail("`%s` is not a number that can be held", text)
		}
		return literal{f}
	}
	i, err := strconv.ParseInt(text, base, 64)
	if err != nil {
		p.fail("`%s` is not a number that can be held", p.src[start:p.pos])
	}
	return literal{i}
}

// radix reads what stands before the digits of an integer that is not decimal.
func (p *parser) radix() int {
	if p.at(0) != '0' {
		return 10
	}
	switch p.at(1) | 0x20 {
	case 'x':
		p.pos += 2
		return 16
	case 'b':
		p.pos += 2
		return 2
	case 'o':
		p.pos += 2
		return 8
	case 'd':
		p.pos += 2
		return 10
	}
	if isDigit(p.at(1)) || p.at(1) == '_' {
		p.pos++
		return 8
	}
	return 10
}

// digits reads the digits of a number, and reports whether it has a fraction or an
// exponent.
func (p *parser) digits(base int) (float bool) {
	digit := func(c byte) bool { return isDigit(c) || c == '_' || base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f' }
	for digit(p.at(0)) {
		p.pos++
	}
	if base == 10 && p.at(0) == '.' && isDigit(p.at(1)) {
		float = true
		for p.pos++; digit(p.at(0)); p.pos++ {
		}
	}
	if base == 10 && p.at(0)|0x20 == 'e' && (isDigit(p.at(1)) || (p.at(1) == '-' || p.at(1) == '+') && isDigit(p.at(2))) {
		float = true
		for p.pos += 2; digit(p.at(0)); p.pos++ {
		}
	}
	return float
}

// named reads what begins with a letter.
func (p *parser) named() node {
	line, w := p.line(), p.word()
	if keywords[w] || w == "defined" && p.at(7) == '?' {
		return p.reserved(w)
	}
	if w := p.method(); w != "" && p.names.has(w) && p.at(len(w)) != '(' {
		p.pos += len(w)
		return local{w}
	}
	w = p.method()
	p.pos += len(w)
	if isUpper(w[0]) && p.at(0) != '(' {
		at := p.pos
		p.space()
		if c := p.at(0); p.pos == at || !(c == '"' || c == '\'') { // Integer "3" is a call
			p.pos = at
			return constant{w, line}
		}
		p.pos = at
	}
	c := &call{name: w, line: line}
	switch w {
	case "lambda", "proc":
		unsupported(line, "`"+w+"`")
	}
	p.callArguments(c)
	return c
}

func (p *parser) reserved(w string) node {
	line := p.line()
	p.pos += len(w)
	switch w {
	case "nil":
		return literal{nil}
	case "true":
		return literal{true}
	case "false":
		return literal{false}
	case "if", "unless":
		return p.conditional(w, line)
	case "case":
		return p.caseOf(line)
	case "begin":
		return p.body(w, line)
	case "def":
		return p.def(line)
	case "end", "else", "elsif", "when", "then", "do", "in", "and", "or":
		p.fail("`%s` stands where a value should", w)
	}
	unsupported(line, "`"+w+"`")
	return nil
}

// operatorNames are the names of methods that are no words, longer ones first.
var operatorNames = []string{"[]=", "[]", "<=>", "===", "==", "=~", "!=", "!~", "**", "<<", ">>", "<=", ">=", "+@", "-@", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "!", "~"}

func isOperator(s string) bool { return slices.Contains(operatorNames, s) }
