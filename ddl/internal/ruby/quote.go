package ruby

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

var closers = map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}

// A quoting says how the text of a literal is read.
type quoting struct {
	open, close byte // open is 0 unless pairs of the two may stand inside
	double      bool // escapes and #{...}
	regexp      bool // escapes stay as they are
	what        string
}

func quotes(c byte, double bool, what string) quoting {
	q := quoting{close: c, double: double, what: what}
	if end, ok := closers[c]; ok {
		q.open, q.close = c, end
	}
	return q
}

// quoted reads up to the closing delimiter, which is read too.
func (p *parser) quoted(q quoting) []node {
	start := p.line()
	parts, ended := p.pieces(func() bool { return p.at(0) == q.close }, q)
	if !ended {
		fail(start, "the %s that begins here has no end", q.what)
	}
	p.pos++
	return parts
}

// pieces reads text until stop or the end of what there is to read.
func (p *parser) pieces(stop func() bool, q quoting) (parts []node, ended bool) {
	p.enter()
	defer p.leave()
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			parts = append(parts, constStr{b.String()})
			b.Reset()
		}
	}
	depth := 0
	for !p.eof() {
		c := p.at(0)
		if depth == 0 && stop() {
			flush()
			return parts, true
		}
		switch {
		case c == '\\':
			p.escape(&b, q)
			continue
		case c == '#' && q.double && p.at(1) == '{':
			flush()
			p.pos += 2
			parts = append(parts, p.embedded())
			continue
		case c == '#' && q.double && (p.at(1) == '@' || p.at(1) == '$') && (isStart(p.at(2)) || p.at(2) == '@'):
			unsupported(p.line(), "`"+p.src[p.pos:p.pos+2]+"` inside a string")
		case c == '\n':
			b.WriteByte('\n')
			if to, ok := p.jumps[p.pos]; ok {
				p.pos = to
			} else {
				p.pos++
			}
			continue
		case c == '\r' && p.at(1) == '\n':
			p.pos++
			continue
		case q.open != 0 && c == q.open:
			depth++
		case q.open != 0 && c == q.close:
			depth--
		}
		b.WriteByte(c)
		p.pos++
	}
	flush()
	return parts, false
}

// embedded reads the statements of #{...}, behind the brace.
func (p *parser) embedded() node {
	p.enter()
	defer p.leave()
	body := p.statements()
	p.terminators()
	p.expect("}", "behind the code inside a string")
	return body
}

// escape reads a backslash and what follows it.
func (p *parser) escape(b *strings.Builder, q quoting) {
	next := p.at(1)
	if p.pos+1 >= p.limit {
		p.pos++
		return
	}
	switch {
	case q.regexp:
		if next == '/' || next == q.close && strings.IndexByte(`.|()[]{}+^$*?\-`, next) < 0 {
			b.WriteByte(next) // the delimiter needs it, the expression does not
		} else {
			b.WriteByte('\\')
			b.WriteByte(next)
		}
		p.pos += 2
	case !q.double:
		if next != '\\' && next != q.close && (q.open == 0 || next != q.open) {
			b.WriteByte('\\')
		}
		b.WriteByte(next)
		p.pos += 2
	default:
		p.pos++
		p.doubleEscape(b)
	}
}

func (p *parser) doubleEscape(b *strings.Builder) {
	c := p.at(0)
	p.pos++
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 's':
		b.WriteByte(' ')
	case 'r':
		b.WriteByte('\r')
	case 'e':
		b.WriteByte(0x1b)
	case 'a':
		b.WriteByte(7)
	case 'b':
		b.WriteByte(8)
	case 'v':
		b.WriteByte(11)
	case 'f':
		b.WriteByte(12)
	case '\n': // the line goes on
	case '0', '1', '2', '3', '4', '5', '6', '7':
		p.pos--
		b.WriteByte(byte(p.code(8, 3)))
	case 'x':
		b.WriteByte(byte(p.code(16, 2)))
	case 'u':
		if p.accept("{") {
			for p.space(); !p.has("}"); p.space() {
				b.WriteRune(p.char(p.code(16, 6)))
			}
			p.pos++
		} else {
			b.WriteRune(p.char(p.code(16, 4)))
		}
	case 'c', 'C', 'M':
		unsupported(p.line(), "the escape `\\"+string(rune(c))+"`")
	default:
		b.WriteByte(c)
	}
}

// code reads up to n digits of a number.
func (p *parser) code(base, n int) int64 {
	i := 0
	for i < n && strings.IndexByte("0123456789abcdefABCDEF"[:map[int]int{8: 8, 16: 22}[base]], p.at(i)) >= 0 && p.pos+i < p.limit {
		i++
	}
	v, err := strconv.ParseInt(p.src[p.pos:p.pos+i], base, 64)
	if err != nil {
		p.fail("an escape lacks the digits of its character")
	}
	p.pos += i
	return v
}

func (p *parser) char(code int64) rune {
	if !utf8.ValidRune(rune(code)) {
		p.fail("\\u%x is not a character", code)
	}
	return rune(code)
}

// textNode returns a literal of the kind ('"', ':' or '/') made of these pieces.
func textNode(kind byte, parts []node, opts string, line int) node {
	if len(parts) == 0 {
		parts = []node{constStr{""}}
	}
	if s, ok := parts[0].(constStr); ok && len(parts) == 1 {
		switch kind {
		case '"':
			return s
		case ':':
			return literal{Symbol(s.s)}
		case '/':
			return literal{&Regexp{s.s, opts}}
		}
	}
	return interp{kind, parts, opts, line}
}

// stringLiteral reads "..." or '...', and those that follow at once.
func (p *parser) stringLiteral() node {
	line := p.line()
	var parts []node
	for {
		parts = append(parts, p.stringParts()...)
		at := p.pos
		p.space()
		if c := p.at(0); c != '"' && c != '\'' {
			p.pos = at
			return p.joined(parts, line)
		}
	}
}

// stringParts reads "..." or '...', or what was read here just before.
func (p *parser) stringParts() []node {
	start := p.pos
	if p.last.end > 0 && p.last.start == start {
		p.pos = p.last.end
		return p.last.parts
	}
	c := p.at(0)
	p.pos++
	parts := p.quoted(quotes(c, c == '"', "string"))
	p.last.start, p.last.end, p.last.parts = start, p.pos, parts
	return parts
}

func (p *parser) joined(parts []node, line int) node {
	var b strings.Builder
	for _, n := range parts {
		s, ok := n.(constStr)
		if !ok {
			return interp{'"', parts, "", line}
		}
		b.WriteString(s.s)
	}
	return constStr{b.String()}
}

// regexp reads a regular expression behind its opening delimiter c.
func (p *parser) regexp(c byte) node {
	line := p.line()
	q := quotes(c, true, "regular expression")
	q.regexp = true
	parts := p.quoted(q)
	set := map[byte]bool{}
	for ; isStart(p.at(0)); p.pos++ {
		o := p.at(0)
		if strings.IndexByte("mixounse", o) < 0 {
			p.fail("a regular expression has no option `%c`", o)
		}
		set[o] = true
	}
	opts := ""
	for _, o := range "mix" {
		if set[byte(o)] {
			opts += string(o)
		}
	}
	return textNode('/', parts, opts, line)
}

// percent reads a literal that begins with %; nil if none stands here.
func (p *parser) percent() node {
	line := p.line()
	kind, delim := p.at(1), p.at(2)
	n := 3
	if !isPart(kind) {
		kind, delim, n = 'Q', p.at(1), 2
	}
	if delim == 0 || isPart(delim) || isSpace(delim) || delim == '\n' || n == 2 && delim == '=' {
		return nil
	}
	p.pos += n
	switch kind {
	case 'q', 'Q':
		return textNode('"', p.quoted(quotes(delim, kind == 'Q', "string")), "", line)
	case 's':
		return textNode(':', p.quoted(quotes(delim, false, "symbol")), "", line)
	case 'r':
		return p.regexp(delim)
	case 'w', 'W', 'i', 'I':
		return p.words(quotes(delim, kind == 'W' || kind == 'I', "list of words"), kind)
	case 'x':
		unsupported(line, "`%x` (a command)")
	}
	p.fail("`%%%c` is no literal of Ruby", kind)
	return nil
}

func (p *parser) words(q quoting, kind byte) node {
	a := &arrayNode{line: p.line()}
	each := byte('"')
	if kind == 'i' || kind == 'I' {
		each = ':'
	}
	for {
		for isSpace(p.at(0)) || p.at(0) == '\n' {
			p.pos++
		}
		if p.eof() {
			fail(a.line, "the list of words that begins here has no end")
		}
		if p.at(0) == q.close {
			p.pos++
			return a
		}
		line := p.line()
		inner := q
		if !q.double {
			inner.open = q.open
		}
		parts, _ := p.pieces(func() bool { return p.at(0) == q.close || isSpace(p.at(0)) || p.at(0) == '\n' }, inner)
		if len(parts) == 1 {
			if s, ok := parts[0].(constStr); ok && !q.double {
				parts[0] = constStr{strings.ReplaceAll(s.s, `\ `, " ")}
			}
		}
		a.elems = append(a.elems, textNode(each, parts, "", line))
	}
}
