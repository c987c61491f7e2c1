package filter

import (
	"strings"
)

// fact adds a fact comparison in words that nodes understand. They split its
// text at the operator again and take a value that begins with a slash for a
// regular expression, so what they would misread is written as one.
func (p *compoundParser) fact(name string, v value) error {
	if strings.HasSuffix(name, "!") {
		// With the operator behind it, it would read as another one.
		return p.fail(v.offset, "no fact has a name that ends in !", "")
	}
	operator := v.operator
	switch operator {
	case "=>":
		operator = ">="
	case "=<":
		operator = "<="
	case "!=":
		p.terms = append(p.terms, Term{Kind: Not})
		operator = "=="
	}
	text := v.text
	switch operator {
	case "=~":
		if !v.slashed && !enclosed(text) {
			text = "/" + text + "/"
		}
		return p.factRegexp(name, text, v.offset)
	case "=", "==":
		switch {
		case v.slashed, operator == "=" && strings.HasPrefix(text, "/"):
			return p.factRegexp(name, text, v.offset)
		case text == "" && !v.quoted:
			return p.fail(len(p.text), "there is no value after "+v.operator, "")
		case text == "" || text[0] == '/' || strings.Contains(text, "=") || lineBeginsWithSlash(text):
			return p.factRegexp(name, `/\A`+quoteRegexp(text)+`\z/`, v.offset)
		}
		p.terms = append(p.terms, Term{Kind: Statement, Text: name + "=" + text})
		return nil
	}
	joined := name + operator + text
	if s, err := splitStatement(joined); err != nil || s != (statement{name, operator, text}) {
		return p.fail(v.offset, "nodes cannot order by this value", "use -F, whose values may hold anything")
	}
	p.terms = append(p.terms, Term{Kind: Statement, Text: joined})
	return nil
}

// factRegexp adds a comparison with a regular expression. An equals sign in it,
// at which nodes would cut, is written as its number.
func (p *compoundParser) factRegexp(name, text string, offset int) error {
	if err := checkRegexp(regexpSource(text), 0); err != nil {
		return p.fail(offset, err.Error(), "")
	}
	var b strings.Builder
	escaped := false
	for i := range len(text) {
		c := text[i]
		if c != '=' {
			escaped = c == '\\' && !escaped
			b.WriteByte(c)
			continue
		}
		if strings.HasSuffix(text[:i], "(?") || strings.HasSuffix(text[:i], "(?<") {
			return p.fail(offset, "nodes cannot read look-around here", "use -F, whose values may hold anything")
		}
		if !escaped {
			b.WriteByte('\\')
		}
		b.WriteString("x3d")
		escaped = false
	}
	joined := name + "=" + b.String()
	if s, err := splitStatement(joined); err != nil || s != (statement{name, "=~", b.String()}) {
		return p.fail(offset, "nodes cannot read this regular expression", "use -F, whose values may hold anything")
	}
	p.terms = append(p.terms, Term{Kind: Statement, Text: joined})
	return nil
}

func enclosed(text string) bool {
	return len(text) >= 3 && text[0] == '/' && text[len(text)-1] == '/'
}

// quoteRegexp writes a text as the Ruby regular expression for exactly it.
func quoteRegexp(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
			continue
		case strings.ContainsRune(`\.+*?()|[]{}^$`, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
