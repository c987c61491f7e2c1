package ruby

import "strings"

// heredoc reads <<X, <<-X or <<~X, whose text begins on the next line; nil if
// none stands here.
func (p *parser) heredoc() node {
	start, line := p.pos, p.line()
	p.pos += 2
	mode := p.at(0)
	if mode == '-' || mode == '~' {
		p.pos++
	} else {
		mode = 0
	}
	double := true
	var label string
	switch c := p.at(0); {
	case c == '"' || c == '\'':
		double = c == '"'
		p.pos++
		i := strings.IndexByte(p.src[p.pos:p.limit], c)
		if i < 0 || strings.Contains(p.src[p.pos:p.pos+i], "\n") {
			p.fail("the name of a here document has no end")
		}
		label = p.src[p.pos : p.pos+i]
		p.pos += i + 1
	case c == '`':
		unsupported(line, "a here document in backticks (a command)")
	case mode == 0 && !isUpper(c) || !isStart(c):
		p.pos = start
		return nil
	default:
		label = p.word()
		p.pos += len(label)
	}
	return p.heredocBody(label, mode, double, line)
}

func (p *parser) heredocBody(label string, mode byte, double bool, line int) node {
	after := p.pos
	eol := strings.IndexByte(p.src[p.pos:p.limit], '\n')
	if eol < 0 {
		fail(line, "the here document %s has no text", label)
	}
	eol += p.pos
	begin := eol + 1
	if to, ok := p.jumps[eol]; ok {
		begin = to // behind another one of the same line
	}
	end, next := -1, 0
	for at := begin; at < p.limit; {
		stop := strings.IndexByte(p.src[at:p.limit], '\n')
		if stop < 0 {
			stop = p.limit
		} else {
			stop += at
		}
		text := strings.TrimSuffix(p.src[at:stop], "\r")
		if mode != 0 {
			text = strings.TrimLeft(text, " \t")
		}
		if text == label {
			end, next = at, min(stop+1, p.limit)
			break
		}
		at = stop + 1
	}
	if end < 0 {
		fail(line, "the here document that begins here has no line `%s` at its end", label)
	}
	if next == p.limit && p.src[next-1] != '\n' {
		next = p.limit
	}
	p.jumps[eol] = next

	indent := 0
	if mode == '~' {
		indent = commonIndent(p.src[begin:end])
	}
	limit, noDo := p.limit, p.noDo
	p.limit = end
	var parts []node
	for p.pos = begin; p.pos < end; {
		p.dedent(indent)
		parts = append(parts, p.heredocLine(double)...)
	}
	p.pos, p.limit, p.noDo = after, limit, noDo
	return p.joined(parts, line)
}

// heredocLine reads one line of text with its end.
func (p *parser) heredocLine(double bool) []node {
	if !double {
		from := p.pos
		p.restOfLine()
		return []node{constStr{strings.ReplaceAll(p.src[from:p.pos], "\r\n", "\n")}}
	}
	parts, ended := p.pieces(func() bool { return p.at(0) == '\n' }, quoting{close: '\n', double: true, what: "here document"})
	if ended {
		p.pos++
		parts = append(parts, constStr{"\n"})
	}
	return parts
}

// commonIndent returns the least indentation of lines that hold more than blanks.
func commonIndent(text string) int {
	least := -1
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimRight(line, " \t\r") == "" {
			continue
		}
		width := 0
		for i := 0; i < len(line) && (line[i] == ' ' || line[i] == '\t'); i++ {
			width = wider(width, line[i])
		}
		if least < 0 || width < least {
			least = width
		}
	}
	return max(least, 0)
}

func wider(width int, c byte) int {
	if c == '\t' {
		return (width/8 + 1) * 8
	}
	return width + 1
}

func (p *parser) dedent(indent int) {
	for width := 0; width < indent && (p.at(0) == ' ' || p.at(0) == '\t'); p.pos++ {
		width = wider(width, p.at(0))
		if width > indent {
			return // a tab that is wider than what is to go stays
		}
	}
}
