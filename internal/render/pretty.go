package render

import (
	"strings"
	"unicode/utf8"

	"mcollective/value"
)

// prettyWidth is how wide Ruby's pp writes when it does not write to a terminal.
const prettyWidth = 79

// Pretty is Inspect broken into lines where one would be longer than 79 columns,
// as Ruby's pp breaks them: a structure that does not fit gets a line for each
// of its members. There is no newline at the end.
func Pretty(v any) string {
	if flat := Inspect(v); utf8.RuneCountInString(flat) <= prettyWidth && !strings.Contains(flat, `\n`) {
		return flat // the common case; a text of several lines may want to be broken
	}
	p := printer{}
	p.group(tree(v), 0, 0)
	return p.out.String()
}

// A part is a piece of what is printed: text, or a place where the line may
// break, or a group, whose own places all break if it does not fit.
type part struct {
	text   string
	brk    bool // text is what stands there if the line is not broken
	parts  []part
	indent int // of the lines in the group, relative to those around it
	width  int // if nothing in it is broken
	lead   int // of what comes before its first place to break
	breaks bool
}

func text(s string) part {
	n := utf8.RuneCountInString(s)
	return part{text: s, width: n, lead: n}
}

func breakable(s string) part { return part{text: s, brk: true, width: len(s), breaks: true} }

func group(indent int, parts ...part) part {
	g := part{parts: parts, indent: indent}
	for _, p := range parts {
		g.width += p.width
		if !g.breaks {
			g.lead += p.lead
			g.breaks = p.breaks
		}
	}
	return g
}

func separated(parts []part, i int, sep string) []part {
	if i > 0 {
		parts = append(parts, text(sep), breakable(" "))
	}
	return parts
}

func tree(v any) part {
	switch v := v.(type) {
	case []any:
		return listTree(v)
	case *value.Array:
		return listTree(v.Items)
	case *value.Map:
		var pairs []part
		for k, e := range v.All() {
			pairs = separated(pairs, len(pairs), ",")
			pairs = append(pairs, group(0, tree(k), text("=>"), group(1, breakable(""), tree(e))))
		}
		return group(0, text("{"), group(1, pairs...), text("}"))
	case string:
		lines := strings.SplitAfter(v, "\n")
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
		if len(lines) < 2 {
			break
		}
		var parts []part
		for i, l := range lines {
			parts = append(separated(parts, i, " +"), text(Inspect(l)))
		}
		return group(0, parts...)
	}
	return text(Inspect(v))
}

func listTree(items []any) part {
	var parts []part
	for i, e := range items {
		parts = append(separated(parts, i, ","), tree(e))
	}
	return group(0, text("["), group(1, parts...), text("]"))
}

type printer struct {
	out    strings.Builder
	column int
}

// group writes g where the lines of what is around it have this indentation.
// trail is the width of what has to stay on the line after it.
func (p *printer) group(g part, indent, trail int) {
	if p.column+g.width+trail <= prettyWidth {
		p.flat(g)
		return
	}
	indent += g.indent
	for i, c := range g.parts {
		switch {
		case c.brk:
			p.out.WriteString("\n" + strings.Repeat(" ", indent))
			p.column = indent
		case c.parts == nil:
			p.flat(c)
		default:
			p.group(c, indent, after(g.parts[i+1:], trail))
		}
	}
}

// after returns the width of what follows up to the next place to break.
func after(parts []part, trail int) int {
	width := 0
	for _, p := range parts {
		width += p.lead
		if p.breaks {
			return width
		}
	}
	return width + trail
}

func (p *printer) flat(g part) {
	p.out.WriteString(g.text)
	if g.parts == nil {
		p.column += g.width
	}
	for _, c := range g.parts {
		p.flat(c)
	}
}
