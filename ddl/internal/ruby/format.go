package ruby

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxWidth bounds the width and precision of what format writes.
const maxWidth = 1 << 12

// format is Ruby's sprintf, for the verbs that plain values need.
func (ev *evaluator) format(f string, args []any) string {
	var out strings.Builder
	next := 0
	arg := func() any {
		if next >= len(args) {
			fail(ev.line, "the format %s has fewer values than it needs", ev.inspect(str(f)))
		}
		next++
		return args[next-1]
	}
	named := func(name string) any {
		if len(args) == 1 {
			if h, ok := args[0].(*Hash); ok {
				if v, ok := h.Get(Symbol(name)); ok {
					return v
				}
			}
		}
		fail(ev.line, "the format needs the value <%s>", name)
		return nil
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			out.WriteByte(f[i])
			continue
		}
		v := &verb{precision: -1}
		i = v.parse(ev, f, i+1, arg, named)
		before := out.Len()
		switch {
		case v.c == '%':
			out.WriteByte('%')
		case v.done:
			out.WriteString(v.pad(ev.text(v.value)))
		default:
			if !v.given {
				v.value = arg()
			}
			ev.writeVerb(&out, v)
		}
		ev.charge(out.Len() - before)
	}
	return out.String()
}

type verb struct {
	c                               byte
	minus, plus, zero, blank, sharp bool
	width, precision                int
	value                           any
	given                           bool // value comes from %<name>
	done                            bool // %{name}: there is no letter
}

// parse reads a verb behind the percent sign and returns where it ends.
func (v *verb) parse(ev *evaluator, f string, i int, arg func() any, named func(string) any) int {
	for ; i < len(f); i++ {
		switch c := f[i]; {
		case c == '-':
			v.minus = true
		case c == '+':
			v.plus = true
		case c == '0':
			v.zero = true
		case c == ' ':
			v.blank = true
		case c == '#':
			v.sharp = true
		case c == '*':
			v.width = int(min(max(ev.intArg("format", []any{arg()}, 0, 0), 0), maxWidth))
		case isDigit(c):
			v.width, i = digits(f, i)
		case c == '.':
			v.precision, i = digits(f, i+1)
		case c == '<' || c == '{':
			end := strings.IndexByte(f[i:], closers[c])
			if end < 0 {
				fail(ev.line, "a name in the format has no end")
			}
			v.value, v.given = named(f[i+1:i+end]), true
			i += end
			if c == '{' {
				v.done = true
				return i
			}
		default:
			v.c = c
			return i
		}
	}
	fail(ev.line, "the format ends inside of a %% directive")
	return i
}

// digits reads a number and returns the place of its last digit.
func digits(f string, i int) (n, last int) {
	for ; i < len(f) && isDigit(f[i]); i++ {
		n = min(n*10+int(f[i]-'0'), maxWidth)
	}
	return n, i - 1
}

func (v *verb) pad(s string) string {
	missing := v.width - utf8.RuneCountInString(s)
	switch {
	case missing <= 0:
		return s
	case v.minus:
		return s + strings.Repeat(" ", missing)
	}
	return strings.Repeat(" ", missing) + s
}

// signed pads a number whose sign stands apart.
func (v *verb) signed(negative bool, s string) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case v.plus:
		sign = "+"
	case v.blank:
		sign = " "
	}
	if v.zero && !v.minus {
		if missing := v.width - len(sign) - len(s); missing > 0 {
			s = strings.Repeat("0", missing) + s
		}
	}
	return v.pad(sign + s)
}

func (ev *evaluator) writeVerb(out *strings.Builder, v *verb) {
	switch v.c {
	case 's', 'p':
		s := ev.text(v.value)
		if v.c == 'p' {
			s = ev.inspect(v.value)
		}
		if r := []rune(s); v.precision >= 0 && len(r) > v.precision {
			s = string(r[:v.precision])
		}
		out.WriteString(v.pad(s))
	case 'c':
		out.WriteString(v.pad(ev.text(v.value)))
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b', 'B':
		i, ok := ev.convert("Integer", v.value).(int64)
		if !ok || i == math.MinInt64 {
			ev.overflow()
		}
		base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'b': 2, 'B': 2}[v.c]
		if base == 0 {
			base = 10
		}
		s := strconv.FormatInt(max(i, -i), base)
		if v.sharp && base == 16 {
			s = "0x" + s
		}
		if v.c == 'X' {
			s = strings.ToUpper(s)
		}
		if missing := v.precision - len(s); missing > 0 {
			s = strings.Repeat("0", missing) + s
		}
		if i < 0 && base != 10 {
			unsupported(ev.line, "a negative number in another base than 10")
		}
		out.WriteString(v.signed(i < 0, s))
	case 'f', 'e', 'E', 'g', 'G':
		f := ev.convert("Float", v.value).(float64)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			out.WriteString(v.pad(map[bool]string{true: "NaN", false: strings.TrimSuffix(floatText(f), "inity")}[math.IsNaN(f)]))
			return
		}
		if v.precision < 0 {
			v.precision = 6
		}
		out.WriteString(v.signed(math.Signbit(f), fmt.Sprintf("%.*"+string(v.c), v.precision, math.Abs(f))))
	default:
		fail(ev.line, "the format directive %%%c is not part of the DDL language", v.c)
	}
}
