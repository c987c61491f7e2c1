package filter

import "strings"

// call reads a function from its opening parenthesis on:
//
//	name('argument').output OP value
func (p *compoundParser) call(name string) error {
	params, err := p.arguments()
	if err != nil {
		return err
	}
	f := &Function{Name: name, Params: params}
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		from := p.pos
		for p.pos < len(p.text) && isWord(rune(p.text[p.pos])) {
			p.pos++
		}
		if f.Output = p.text[from:p.pos]; f.Output == "" {
			return p.fail(p.pos, "the name of an output is expected after the dot", "")
		}
	}
	p.skipSpace()
	operator := comparison(p.rest())
	if operator == "" {
		return p.fail(p.pos, "the output of a function must be compared with something", "like "+name+"(...).output=value")
	}
	p.pos += len(operator)
	v, err := p.value(operator)
	if err != nil {
		return err
	}
	if err := p.compare(f, v); err != nil {
		return err
	}
	p.terms = append(p.terms, Term{Kind: Call, Call: f})
	return nil
}

// compare fills in operator and right side. Other than facts, functions are
// sent in pieces, so any value will do.
func (p *compoundParser) compare(f *Function, v value) error {
	slashed := v.slashed || len(v.text) >= 2 && v.text[0] == '/' && v.text[len(v.text)-1] == '/'
	f.Operator, f.Compare.Text = v.operator, v.text
	switch v.operator {
	case "=", "==":
		f.Operator = "=="
		if slashed && (v.slashed || v.operator == "=") {
			f.Operator, f.Compare.Regexp = "=~", true
		}
	case "!=":
		if slashed {
			f.Operator, f.Compare.Regexp = "!=~", true
		}
	case "=~":
		f.Compare.Regexp = true
	case "=>":
		f.Operator = ">="
	case "=<":
		f.Operator = "<="
	}
	if !f.Compare.Regexp {
		if slashed && f.Operator != "==" {
			return p.fail(v.offset, "a regular expression cannot be ordered by", "")
		}
		return nil
	}
	if slashed {
		f.Compare.Text = v.text[1 : len(v.text)-1]
	}
	if err := checkRegexp(f.Compare.Text, 0); err != nil {
		return p.fail(v.offset, err.Error(), "")
	}
	return nil
}

// arguments reads (), ('...') or ("...", "..."). As Ruby sends it, several
// arguments are one text with the quotes between them.
func (p *compoundParser) arguments() (any, error) {
	open := p.pos
	p.pos++
	var quote byte
	first, last := -1, -1
	from := p.pos
	for {
		p.skipSpace()
		if p.pos == len(p.text) {
			return nil, p.fail(open, "this parenthesis is not closed", "")
		}
		c := p.text[p.pos]
		if c == ')' && first < 0 {
			p.pos++
			return nil, nil
		}
		if c != '\'' && c != '"' || quote != 0 && c != quote {
			return nil, p.fail(p.pos, "arguments must be in quotes, all of one kind", "like fact('country')")
		}
		quote = c
		end := strings.IndexByte(p.text[p.pos+1:], quote)
		if end < 0 {
			return nil, p.fail(p.pos, "this quote is not closed", "")
		}
		if first < 0 {
			first = p.pos
		}
		last = p.pos + 1 + end
		p.pos = last + 1
		p.skipSpace()
		if p.pos == len(p.text) {
			return nil, p.fail(open, "this parenthesis is not closed", "")
		}
		switch p.text[p.pos] {
		case ')':
			p.pos++
			return p.text[from:first] + p.text[first+1:last] + p.text[last+1:p.pos-1], nil
		case ',':
			p.pos++
		default:
			return nil, p.fail(p.pos, "a comma or a closing parenthesis is expected", "")
		}
	}
}
