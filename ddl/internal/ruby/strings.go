package ruby

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (ev *evaluator) stringMethod(r *String, name string, args []any, b *block) (any, bool) {
	if v, ok := ev.plainString(r.S, name, args, b); ok {
		return v, true
	}
	if strings.HasSuffix(name, "!") {
		v, ok := ev.plainString(r.S, strings.TrimSuffix(name, "!"), args, b)
		changed, isText := v.(*String)
		if !ok || !isText {
			return nil, false
		}
		if changed.S == r.S {
			return nil, true
		}
		r.S = changed.S
		return r, true
	}
	switch name {
	case "<<", "concat":
		for _, a := range args {
			s := ev.textArg(name, []any{a}, 0)
			ev.charge(len(r.S) + len(s))
			r.S += s
		}
		return r, true
	case "replace":
		r.S = ev.textArg(name, args, 0)
		return r, true
	case "prepend":
		r.S = ev.newString(ev.textArg(name, args, 0) + r.S).S
		return r, true
	case "=~":
		ev.arity(name, args, 1, 1)
		if x, ok := args[0].(*Regexp); ok {
			return ev.position(x, r.S), true
		}
		return nil, true
	case "each_line", "each_char", "lines", "chars":
		ev.charge(elementSize * len(r.S))
		parts := strings.SplitAfter(r.S, "\n")
		if strings.HasSuffix(name, "char") || name == "chars" {
			parts = strings.Split(r.S, "")
		} else if parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
		a := ev.strings(parts)
		if b == nil {
			return a, true
		}
		for _, e := range a.Elems {
			b.call(ev, e)
		}
		return r, true
	}
	return nil, false
}

func (ev *evaluator) strings(parts []string) *Array {
	a := &Array{Elems: make([]any, 0, len(parts))}
	for _, p := range parts {
		ev.charge(elementSize)
		a.Elems = append(a.Elems, ev.newString(p))
	}
	return a
}

// plainString answers the methods that do not change the string.
func (ev *evaluator) plainString(s, name string, args []any, b *block) (any, bool) {
	if n, ok := noArguments[name]; ok && len(args) == 0 {
		ev.charge(len(s))
		return n(s), true
	}
	text := func(i int) string { return ev.textArg(name, args, i) }
	switch name {
	case "to_s", "to_str":
		return ev.newString(s), true
	case "+":
		ev.charge(len(s))
		return ev.newString(s + text(0)), true
	case "*":
		n := ev.intArg(name, args, 0, 0)
		if n < 0 || len(s) > 0 && n > int64(MaxBuilt/len(s)) {
			fail(ev.line, "a string cannot be repeated %d times", n)
		}
		return ev.newString(strings.Repeat(s, int(n))), true
	case "%":
		ev.arity(name, args, 1, 1)
		if a, ok := args[0].(*Array); ok {
			args = a.Elems
		}
		return ev.newString(ev.format(s, args)), true
	case "include?":
		ev.steps += len(s) / 64
		return strings.Contains(s, text(0)), true
	case "start_with?", "end_with?":
		for i := range args {
			if name[0] == 's' && strings.HasPrefix(s, text(i)) || name[0] == 'e' && strings.HasSuffix(s, text(i)) {
				return true, true
			}
		}
		return false, true
	case "delete_prefix":
		return ev.newString(strings.TrimPrefix(s, text(0))), true
	case "delete_suffix":
		return ev.newString(strings.TrimSuffix(s, text(0))), true
	case "chomp":
		return ev.newString(strings.TrimSuffix(s, text(0))), true
	case "index":
		if i := strings.Index(s, text(0)); i >= 0 {
			return int64(utf8.RuneCountInString(s[:i])), true
		}
		return nil, true
	case "split":
		return ev.split(s, args), true
	case "[]", "slice":
		return ev.substring(s, name, args), true
	case "center", "ljust", "rjust":
		return ev.justify(s, name, args), true
	case "sub", "gsub":
		return ev.substitute(s, name == "gsub", args, b), true
	case "match?":
		ev.arity(name, args, 1, 1)
		return ev.find(ev.pattern(args[0]), s, 0) != nil, true
	case "tr", "delete":
		return ev.translate(s, name, args), true
	case "to_i":
		return leadingInt(s, int(ev.intArg(name, args, 0, 10))), true
	}
	return nil, false
}

var noArguments = map[string]func(string) any{
	"upcase":     func(s string) any { return str(strings.ToUpper(s)) },
	"downcase":   func(s string) any { return str(strings.ToLower(s)) },
	"capitalize": func(s string) any { return str(capitalize(s)) },
	"swapcase":   func(s string) any { return str(strings.Map(swapcase, s)) },
	"strip": func(s string) any {
		return str(strings.TrimLeft(strings.TrimRight(s, " \t\n\v\f\r\x00"), " \t\n\v\f\r"))
	},
	"lstrip":   func(s string) any { return str(strings.TrimLeft(s, " \t\n\v\f\r")) },
	"rstrip":   func(s string) any { return str(strings.TrimRight(s, " \t\n\v\f\r\x00")) },
	"chomp":    func(s string) any { return str(strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")) },
	"chop":     func(s string) any { return str(chop(s)) },
	"chr":      func(s string) any { _, n := utf8.DecodeRuneInString(s); return str(s[:n]) },
	"reverse":  func(s string) any { return str(reverse(s)) },
	"squeeze":  func(s string) any { return str(squeeze(s)) },
	"to_sym":   func(s string) any { return Symbol(s) },
	"intern":   func(s string) any { return Symbol(s) },
	"to_i":     func(s string) any { return leadingInt(s, 10) },
	"to_f":     func(s string) any { return leadingFloat(s) },
	"length":   func(s string) any { return int64(utf8.RuneCountInString(s)) },
	"size":     func(s string) any { return int64(utf8.RuneCountInString(s)) },
	"bytesize": func(s string) any { return int64(len(s)) },
	"empty?":   func(s string) any { return s == "" },
	"hex":      func(s string) any { return leadingInt(strings.TrimPrefix(s, "0x"), 16) },
	"ord":      func(s string) any { r, _ := utf8.DecodeRuneInString(s); return int64(r) },
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

func swapcase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

func chop(s string) string {
	if strings.HasSuffix(s, "\r\n") {
		return s[:len(s)-2]
	}
	_, n := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-n]
}

func reverse(s string) string {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		_, n := utf8.DecodeLastRuneInString(s)
		out = append(out, s[len(s)-n:]...)
		s = s[:len(s)-n]
	}
	return string(out)
}

func squeeze(s string) string {
	var b strings.Builder
	last := rune(-1)
	for _, r := range s {
		if r != last {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// leadingInt is the number that a string begins with, 0 if none.
func leadingInt(s string, base int) int64 {
	if base < 2 || base > 36 {
		return 0
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	for n < len(s) {
		if _, err := strconv.ParseInt(s[n:n+1], base, 64); err != nil && !(s[n] == '_' && n > 0 && isDigit(s[n-1])) {
			break
		}
		n++
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(s[:n], "_", ""), base, 64)
	if err != nil {
		return 0
	}
	return i
}

func leadingFloat(s string) float64 {
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "")
	n, dot := 0, false
	for ; n < len(s); n++ {
		if !isDigit(s[n]) && !(n == 0 && (s[n] == '-' || s[n] == '+')) && !(s[n] == '.' && !dot && n > 0) {
			break
		}
		dot = dot || s[n] == '.'
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		for e := n + 1; e < len(s) && (isDigit(s[e]) || e == n+1 && (s[e] == '-' || s[e] == '+')); e++ {
			if f, err := strconv.ParseFloat(s[:e+1], 64); err == nil && (e+1 == len(s) || !isDigit(s[e+1])) {
				return f
			}
		}
	}
	f, _ := strconv.ParseFloat(strings.TrimSuffix(s[:n], "."), 64)
	return f
}

func (ev *evaluator) split(s string, args []any) any {
	ev.arity("split", args, 0, 2)
	limit := ev.intArg("split", args, 1, 0)
	var parts []string
	sep := " "
	if len(args) > 0 && args[0] != nil {
		if x, ok := args[0].(*Regexp); ok {
			re := ev.compile(x)
			ev.work(len(s) * (1 + weight(x)/16))
			parts = re.Split(s, -1)
			sep = ""
		} else {
			sep = ev.textArg("split", args, 0)
		}
	}
	if parts == nil {
		ev.splits(s, sep)
	}
	switch {
	case parts != nil:
	case sep == " " && limit == 0:
		parts = strings.Fields(s)
	case sep == "":
		parts = strings.Split(s, "")
	case limit > 0:
		parts = strings.SplitN(s, sep, int(min(limit, 1<<20)))
	default:
		parts = strings.Split(s, sep)
	}
	for limit == 0 && len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return ev.strings(parts)
}

// splits charges for the parts of a string before they are made.
func (ev *evaluator) splits(s, sep string) {
	if sep == " " {
		ev.charge(elementSize / 2 * len(s))
	} else {
		ev.charge(elementSize * (strings.Count(s, sep) + 1))
	}
}

// substring answers s[i], s[i, n], s[range], s["text"] and s[/regexp/].
func (ev *evaluator) substring(s, name string, args []any) any {
	ev.arity(name, args, 1, 2)
	switch x := args[0].(type) {
	case *String:
		if strings.Contains(s, x.S) {
			return ev.newString(x.S)
		}
		return nil
	case *Regexp:
		m := ev.find(x, s, 0)
		n := int(min(ev.intArg(name, args, 1, 0), 1<<16))
		if m == nil || n < 0 || 2*n+1 >= len(m) || m[2*n] < 0 {
			return nil
		}
		return ev.newString(s[m[2*n]:m[2*n+1]])
	}
	runes := []rune(s)
	ev.charge(4 * len(runes))
	from, to, ok := ev.bounds(name, args, len(runes))
	if !ok || len(args) == 1 && from == len(runes) && !isRange(args[0]) {
		return nil
	}
	return ev.newString(string(runes[from:to]))
}

func isRange(v any) bool { _, ok := v.(*Range); return ok }

// bounds is the part of n elements that [i], [i, count] or [range] means.
func (ev *evaluator) bounds(name string, args []any, n int) (from, to int, ok bool) {
	var start, end int64
	if r, isRange := args[0].(*Range); isRange {
		start, end = ev.intArg(name, []any{r.From}, 0, 0), ev.intArg(name, []any{r.To}, 0, 0)
		if end < 0 {
			end += int64(n)
		}
		if !r.Exclusive {
			end++
		}
		if start < 0 {
			start += int64(n)
		}
	} else {
		start = ev.intArg(name, args, 0, 0)
		if start < 0 {
			start += int64(n)
		}
		count := ev.intArg(name, args, 1, 1)
		if count < 0 {
			return 0, 0, false
		}
		end = start + min(count, int64(n))
	}
	if start < 0 || start > int64(n) {
		return 0, 0, false
	}
	return int(start), int(max(start, min(end, int64(n)))), true
}

func (ev *evaluator) justify(s, name string, args []any) any {
	ev.arity(name, args, 1, 2)
	pad := " "
	if len(args) > 1 {
		if pad = ev.textArg(name, args, 1); pad == "" {
			fail(ev.line, "`%s` needs something to fill with", name)
		}
	}
	width := ev.intArg(name, args, 0, 0)
	if width > MaxBuilt {
		fail(ev.line, "a string of %d characters is too long", width)
	}
	missing := max(0, int(width)-utf8.RuneCountInString(s))
	left := map[string]int{"ljust": 0, "rjust": missing, "center": missing / 2}[name]
	fill := func(n int) string {
		ev.charge(4 * (n + len(pad)))
		return string([]rune(strings.Repeat(pad, n/utf8.RuneCountInString(pad)+1))[:n])
	}
	return ev.newString(fill(left) + s + fill(missing-left))
}

// translate answers tr and delete for sets without ^, with ranges.
func (ev *evaluator) translate(s, name string, args []any) any {
	from := expand(ev.textArg(name, args, 0))
	var to []rune
	if name == "tr" {
		to = expand(ev.textArg(name, args, 1))
	}
	if strings.HasPrefix(ev.textArg(name, args, 0), "^") || len(args) > 2 {
		unsupported(ev.line, "`"+name+"` with ^")
	}
	ev.steps += len(s) * (1 + len(from)/64)
	m := map[rune]rune{}
	for i, r := range from {
		if _, ok := m[r]; ok {
			continue
		}
		m[r] = -1
		if len(to) > 0 {
			m[r] = to[min(i, len(to)-1)]
		}
	}
	return ev.newString(strings.Map(func(r rune) rune {
		if x, ok := m[r]; ok {
			return x
		}
		return r
	}, s))
}

// expand writes out the ranges of a set of characters, like a-z.
func expand(set string) []rune {
	in := []rune(set)
	var out []rune
	for i := 0; i < len(in); i++ {
		if i+2 < len(in) && in[i+1] == '-' && in[i] <= in[i+2] && in[i+2]-in[i] < 1<<10 {
			for r := in[i]; r <= in[i+2]; r++ {
				out = append(out, r)
			}
			i += 2
			continue
		}
		out = append(out, in[i])
	}
	return out
}

func (ev *evaluator) symbolMethod(s Symbol, name string, args []any) (any, bool) {
	switch name {
	case "to_sym", "intern":
		return s, true
	case "id2name", "name":
		return ev.newString(string(s)), true
	case "upcase", "downcase", "capitalize", "swapcase":
		v, ok := ev.plainString(string(s), name, args, nil)
		if t, isText := v.(*String); isText {
			return Symbol(t.S), ok
		}
	case "length", "size", "empty?", "[]", "start_with?", "end_with?", "match?", "=~":
		return ev.stringMethod(str(string(s)), name, args, nil)
	case "to_proc":
		unsupported(ev.line, "`Symbol#to_proc`")
	}
	return nil, false
}
