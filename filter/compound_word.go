package filter

import (
	"strings"
)

// A value is the right side of a comparison as it was written.
type value struct {
	text     string // without quotes, with slashes
	offset   int
	slashed  bool // it was written /like this/ without quotes
	quoted   bool // some of it was in quotes
	operator string
}

// word reads a class, a fact comparison or a call.
func (p *compoundParser) word() error {
	start := p.pos
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.pos < len(p.text) && p.text[p.pos] == '(' {
		return p.call(name)
	}
	end := p.pos
	p.skipSpace()
	operator := comparison(p.rest())
	if operator == "" {
		p.pos = end
		return p.class(start, name)
	}
	switch {
	case name == "":
		return p.fail(p.pos, "there is no name before the operator", "")
	case strings.ContainsAny(name, "=<>") || lineBeginsWithSlash(name) || strings.HasSuffix(name, "!"):
		return p.fail(start, "this cannot be the name of a fact", "")
	}
	p.pos += len(operator)
	v, err := p.value(operator)
	if err != nil {
		return err
	}
	return p.fact(name, v)
}

// name reads up to a blank, a parenthesis or an operator that is not quoted.
func (p *compoundParser) name() (string, error) {
	var b []byte
	var err error
	quoted := false
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case isSpace(c) || c == ')' || comparison(p.rest()) != "":
			return string(b), nil
		case c == '(':
			if !quoted && isFunctionName(b) {
				return string(b), nil
			}
			return "", p.fail(p.pos, "a parenthesis cannot be here", "put and, or or not before it, or the name in quotes")
		case c == '\'' || c == '"':
			quoted = true
			if b, err = p.quotation(b); err != nil {
				return "", err
			}
		default:
			b = append(b, c)
			p.pos++
		}
	}
	return string(b), nil
}

func isFunctionName(b []byte) bool {
	for _, c := range b {
		if !isWord(rune(c)) {
			return false
		}
	}
	return len(b) > 0
}

// comparison returns the operator at the head of a text, as it was written.
func comparison(text string) string {
	for _, op := range [...]string{"==", "=~", "=>", "=<", "!=", "<=", ">=", "=", "<", ">"} {
		if strings.HasPrefix(text, op) {
			return op
		}
	}
	return ""
}

// quotation reads '...' or "...", in which a backslash makes the next character
// an ordinary one.
func (p *compoundParser) quotation(b []byte) ([]byte, error) {
	start, quote := p.pos, p.text[p.pos]
	for p.pos++; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c == quote:
			p.pos++
			return b, nil
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos++
			c = p.text[p.pos]
		}
		b = append(b, c)
	}
	return nil, p.fail(start, "this quote is not closed", "")
}

// value reads the right side behind an operator.
func (p *compoundParser) value(operator string) (value, error) {
	p.skipSpace()
	v := value{offset: p.pos, operator: operator}
	if p.pos == len(p.text) || p.text[p.pos] == ')' {
		return v, p.fail(p.pos, "there is no value after "+operator, "write '' for an empty value")
	}
	if p.text[p.pos] == '/' {
		return p.slashedValue(v)
	}
	var b []byte
	var err error
	for p.pos < len(p.text) && !isSpace(p.text[p.pos]) && p.text[p.pos] != ')' {
		switch c := p.text[p.pos]; c {
		case '(':
			return v, p.fail(p.pos, "a parenthesis cannot be in a value", "put the value in quotes")
		case '\'', '"':
			v.quoted = true
			if b, err = p.quotation(b); err != nil {
				return v, err
			}
		default:
			b = append(b, c)
			p.pos++
		}
	}
	v.text = string(b)
	return v, nil
}

// slashedValue reads a regular expression up to its closing slash.
func (p *compoundParser) slashedValue(v value) (value, error) {
	for i := p.pos + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '/':
			v.slashed, v.text = true, p.text[p.pos:i+1]
			if v.text == "//" {
				return v, p.fail(v.offset, errEmptyRegexp.Error(), "")
			}
			p.pos = i + 1
			if p.pos < len(p.text) && !isSpace(p.text[p.pos]) && p.text[p.pos] != ')' && !p.keyword("and") && !p.keyword("or") {
				return v, p.fail(p.pos, "this follows a regular expression", "put a value that begins with a slash in quotes")
			}
			return v, nil
		}
	}
	return v, p.fail(v.offset, "this regular expression has no closing slash", "put a value that begins with a slash in quotes")
}

// class adds a statement without a comparison. Quotes do not keep a node from
// finding an operator in it, so a quoted comparison is one.
func (p *compoundParser) class(start int, name string) error {
	if name == "" {
		return p.fail(start, "this name is empty", "")
	}
	at, width := statementOperator(name)
	switch {
	case lineBeginsWithSlash(name):
		if err := checkRegexp(strings.ReplaceAll(name, "/", ""), 0); err != nil {
			return p.fail(start, err.Error(), "")
		}
	case width > 0:
		if at > 0 && name[at-1] == '!' && width == 1 {
			at--
		}
		operator := comparison(name[at:])
		if at == 0 {
			return p.fail(start, "there is no name before the operator", "")
		}
		return p.fact(name[:at], value{text: name[at+len(operator):], offset: start, operator: operator})
	}
	p.terms = append(p.terms, Term{Kind: Statement, Text: name})
	return nil
}
