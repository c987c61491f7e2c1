package ruby

import (
	"regexp"
	"strings"
)

// compile makes an expression that the definition itself applies. It is matched
// in linear time; what needs more is refused.
func (ev *evaluator) compile(x *Regexp) *regexp.Regexp {
	ev.work(20 + weight(x))
	flags := "m"
	for _, o := range x.Options {
		switch o {
		case 'i':
			flags += "i"
		case 'm':
			flags += "s"
		case 'x':
			unsupported(ev.line, "matching with an expression of the option x")
		}
	}
	if len(x.Source) > 512 {
		fail(ev.line, "a regular expression of %d bytes is too long to be applied in a definition", len(x.Source))
	}
	source := strings.NewReplacer(`\\`, `\\`, `\Z`, `\z`, `\h`, `[0-9a-fA-F]`, "(?-mix:", "(?:").Replace(x.Source)
	re, err := regexp.Compile("(?" + flags + ")" + source)
	if err != nil {
		fail(ev.line, "the regular expression %s cannot be applied in a definition: %w", ev.inspect(x), err)
	}
	return re
}

// weight is about how large the program of an expression is.
func weight(x *Regexp) int { return len(x.Source) + 1000*strings.Count(x.Source, "{") }

// find returns where x matches s: the bounds of the whole and of each
// group, nil if nowhere.
func (ev *evaluator) find(x *Regexp, s string) []int {
	re := ev.compile(x)
	ev.work(len(s) * (1 + weight(x)/16))
	return re.FindStringSubmatchIndex(s)
}

func (ev *evaluator) position(x *Regexp, s string) any {
	m := ev.find(x, s)
	if m == nil {
		return nil
	}
	return int64(len([]rune(s[:m[0]])))
}

// substitute answers sub and gsub.
func (ev *evaluator) substitute(s string, all bool, args []any) any {
	ev.arity("sub", args, 2)
	with := ev.textArg("sub", args, 1)
	var matches [][]int
	n := 1
	if all {
		n = -1
	}
	if t, ok := args[0].(*String); ok {
		matches = regexp.MustCompile(regexp.QuoteMeta(t.S)).FindAllStringSubmatchIndex(s, n)
	} else {
		x, ok := args[0].(*Regexp)
		if !ok {
			fail(ev.line, "`sub` needs a regular expression or a string, not %s", className(args[0]))
		}
		re := ev.compile(x)
		ev.work(len(s) * (1 + weight(x)/16))
		ev.charge(8 * len(s))
		matches = re.FindAllStringSubmatchIndex(s, n)
	}
	ev.work(len(s))
	var out strings.Builder
	last := 0
	for _, m := range matches {
		ev.step(ev.line)
		out.WriteString(s[last:m[0]])
		before := out.Len()
		backReferences(&out, with, s, m)
		ev.charge(out.Len() - before)
		last = m[1]
	}
	out.WriteString(s[last:])
	return ev.newString(out.String())
}

// backReferences writes a replacement with its \1 and \0.
func backReferences(out *strings.Builder, r, s string, m []int) {
	for i := 0; i < len(r); i++ {
		if r[i] != '\\' || i+1 == len(r) {
			out.WriteByte(r[i])
			continue
		}
		i++
		g := int(r[i] - '0')
		switch {
		case r[i] == '&':
			g = 0
		case !isDigit(r[i]):
			if r[i] != '\\' {
				out.WriteByte('\\')
			}
			out.WriteByte(r[i])
			continue
		}
		if 2*g+1 < len(m) && m[2*g] >= 0 {
			out.WriteString(s[m[2*g]:m[2*g+1]])
		}
	}
}
