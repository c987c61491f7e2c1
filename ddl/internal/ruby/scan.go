package ruby

import "strings"

// A parser reads the source without a separate pass for tokens: what a character
// means in Ruby depends on where it stands.
type parser struct {
	src   string
	pos   int
	limit int // end of what is read: that of the source, or of a here document
	lines lines
	jumps map[int]int // from the end of a line to behind the here documents that it began
	names *names
	nest  int
	noDo  int      // > 0: a "do" belongs to something outside
	args  int      // > 0: a comma does
	last  struct { // the string that was read last: nothing is read twice, which nesting would double each time
		start, end int
		parts      []node
	}
}

// names are the local variables that the source has assigned so far: Ruby tells
// "x -1" from "x - 1" by them.
type names struct {
	known map[string]bool
	outer *names
}

func (n *names) has(name string) bool {
	for ; n != nil; n = n.outer {
		if n.known[name] {
			return true
		}
	}
	return false
}

func (p *parser) declare(name string) {
	if !p.names.has(name) {
		p.names.known[name] = true
	}
}

// inside runs f with a scope of names of its own.
func (p *parser) inside(outer *names, f func()) {
	saved := p.names
	p.names = &names{known: map[string]bool{}, outer: outer}
	f()
	p.names = saved
}

func (p *parser) line() int { return p.lines.of(p.pos) }

func (p *parser) fail(format string, args ...any) { fail(p.line(), format, args...) }

// enter counts one more construct inside others; leave with the returned value.
func (p *parser) enter() {
	if p.nest++; p.nest > MaxNest {
		p.fail("too many constructs inside each other")
	}
}

func (p *parser) leave() { p.nest-- }

// at returns the character i places ahead, 0 behind the end.
func (p *parser) at(i int) byte {
	if p.pos+i < p.limit {
		return p.src[p.pos+i]
	}
	return 0
}

func (p *parser) eof() bool { return p.pos >= p.limit }

func (p *parser) has(s string) bool { return strings.HasPrefix(p.src[p.pos:p.limit], s) }

// accept reads s if it stands here.
func (p *parser) accept(s string) bool {
	if p.has(s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *parser) expect(s, where string) {
	if !p.accept(s) {
		p.fail("expected `%s` %s, found %s", s, where, p.found())
	}
}

// found describes what stands here, for errors.
func (p *parser) found() string {
	if p.eof() {
		return "the end of the file"
	}
	if p.at(0) == '\n' {
		return "the end of the line"
	}
	if w := p.word(); w != "" {
		return "`" + w + "`"
	}
	rest := p.src[p.pos:p.limit]
	if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) > 20 {
		rest = rest[:20]
	}
	return "`" + strings.ToValidUTF8(rest, "?") + "`"
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func isPart(c byte) bool { return isStart(c) || isDigit(c) }

// space skips blanks and comments up to the end of the line.
func (p *parser) space() {
	for !p.eof() {
		switch c := p.at(0); {
		case isSpace(c):
			p.pos++
		case c == '\\' && p.at(1) == '\n':
			p.pos++
			p.newline()
		case c == '\\' && p.at(1) == '\r' && p.at(2) == '\n':
			p.pos += 2
			p.newline()
		case c == '#':
			for !p.eof() && p.at(0) != '\n' {
				p.pos++
			}
		default:
			return
		}
	}
}

// newline goes to the next line, over here documents and =begin comments.
func (p *parser) newline() {
	if to, ok := p.jumps[p.pos]; ok {
		p.pos = to
	} else {
		p.pos++
	}
	p.lineStart()
}

func (p *parser) lineStart() {
	for p.has("=begin") && (p.pos+6 >= p.limit || isSpace(p.at(6)) || p.at(6) == '\n') {
		start := p.line()
		for {
			p.restOfLine()
			if p.eof() {
				fail(start, "the comment that begins with =begin has no =end")
			}
			if p.has("=end") && !isPart(p.at(4)) {
				p.restOfLine()
				break
			}
		}
	}
	if p.has("__END__") && (p.pos+7 >= p.limit || p.at(7) == '\n' || p.at(7) == '\r') {
		p.limit = p.pos
	}
}

func (p *parser) restOfLine() {
	if i := strings.IndexByte(p.src[p.pos:p.limit], '\n'); i >= 0 {
		p.pos += i + 1
	} else {
		p.pos = p.limit
	}
}

// blank skips blanks, comments and ends of lines.
func (p *parser) blank() {
	for p.space(); p.at(0) == '\n' && !p.eof(); p.space() {
		p.newline()
	}
}

// terminators skips blank and semicolons.
func (p *parser) terminators() {
	for p.blank(); p.at(0) == ';'; p.blank() {
		p.pos++
	}
}

// word returns the identifier or keyword that begins here, "" if none.
func (p *parser) word() string {
	if !isStart(p.at(0)) {
		return ""
	}
	n := 1
	for isPart(p.at(n)) {
		n++
	}
	return p.src[p.pos : p.pos+n]
}

// method is word with the ? or ! that names of methods may end with.
func (p *parser) method() string {
	w := p.word()
	if w == "" {
		return ""
	}
	if c := p.at(len(w)); c == '?' || c == '!' {
		next := p.at(len(w) + 1)
		if next != '=' || p.at(len(w)+2) == '=' || p.at(len(w)+2) == '>' || p.at(len(w)+2) == '~' {
			return p.src[p.pos : p.pos+len(w)+1]
		}
	}
	return w
}

// keyword reports whether one of these words stands here.
func (p *parser) keyword(words ...string) bool {
	w := p.word()
	if w == "" || p.at(len(w)) == ':' && p.at(len(w)+1) != ':' {
		return false
	}
	for _, k := range words {
		if w == k {
			return true
		}
	}
	return false
}

func (p *parser) acceptKeyword(w string) bool {
	if p.keyword(w) {
		p.pos += len(w)
		return true
	}
	return false
}

var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "if": true, "unless": true, "elsif": true, "else": true, "end": true, "then": true,
	"case": true, "when": true, "in": true, "while": true, "until": true, "for": true, "do": true, "begin": true, "rescue": true,
	"ensure": true, "def": true, "class": true, "module": true, "return": true, "next": true, "break": true, "redo": true,
	"retry": true, "yield": true, "super": true, "self": true, "nil": true, "true": true, "false": true, "alias": true,
	"undef": true, "BEGIN": true, "END": true, "defined?": true, "__FILE__": true, "__LINE__": true, "__method__": true, "__dir__": true,
}
