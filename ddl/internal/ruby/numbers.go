package ruby

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

func (ev *evaluator) numberMethod(r any, name string, args []any, b *block) (any, bool) {
	if len(args) == 1 && strings.Contains(" + - * / % ** < <= > >= ", " "+name+" ") {
		return ev.arithmetic(r, name, args[0]), true
	}
	if i, ok := r.(int64); ok {
		if v, ok := ev.integerMethod(i, name, args, b); ok {
			return v, true
		}
	}
	f, _ := number(r)
	switch name {
	case "-@":
		if i, ok := r.(int64); ok {
			if i == math.MinInt64 {
				ev.overflow()
			}
			return -i, true
		}
		return -f, true
	case "+@":
		return r, true
	case "to_f":
		return f, true
	case "to_i", "to_int", "truncate":
		return ev.whole(math.Trunc(f)), true
	case "floor":
		return ev.whole(math.Floor(f)), true
	case "ceil":
		return ev.whole(math.Ceil(f)), true
	case "round":
		digits := ev.intArg(name, args, 0, 0)
		if digits > 0 && digits < 16 {
			p := math.Pow10(int(digits))
			return math.Round(f*p) / p, true
		}
		return ev.whole(math.Round(f)), true
	case "abs":
		return math.Abs(f), true
	case "zero?":
		return f == 0, true
	case "positive?":
		return f > 0, true
	case "negative?":
		return f < 0, true
	}
	return nil, false
}

func (ev *evaluator) integerMethod(i int64, name string, args []any, b *block) (any, bool) {
	switch name {
	case "to_i", "to_int", "floor", "ceil", "round", "truncate", "ord":
		return i, true
	case "to_s":
		base := ev.intArg(name, args, 0, 10)
		if base < 2 || base > 36 {
			fail(ev.line, "%d is no base of numbers", base)
		}
		return ev.newString(strconv.FormatInt(i, int(base))), true
	case "succ", "next":
		return ev.arithmetic(i, "+", int64(1)), true
	case "pred":
		return ev.arithmetic(i, "-", int64(1)), true
	case "abs":
		if i < 0 {
			return ev.arithmetic(int64(0), "-", i), true
		}
		return i, true
	case "even?":
		return i%2 == 0, true
	case "odd?":
		return i%2 != 0, true
	case "chr":
		if i < 0 || i > 127 {
			unsupported(ev.line, "`Integer#chr` beyond 127")
		}
		return ev.newString(string(rune(i))), true
	case "&", "|", "^":
		x := ev.intArg(name, args, 0, 0)
		return map[string]int64{"&": i & x, "|": i | x, "^": i ^ x}[name], true
	case "~@":
		return ^i, true
	case "<<", ">>":
		x := ev.intArg(name, args, 0, 0)
		if x < 0 || x > 62 {
			fail(ev.line, "`%s` by %d is not part of the DDL language", name, x)
		}
		if name == ">>" {
			return i >> x, true
		}
		return ev.arithmetic(i, "*", int64(1)<<x), true
	case "times", "upto", "downto", "step":
		return ev.count(i, name, args, b), true
	}
	return nil, false
}

// count answers times, upto, downto and step.
func (ev *evaluator) count(i int64, name string, args []any, b *block) any {
	from, to, by := i, i, int64(1)
	switch name {
	case "times":
		from, to = 0, i-1
	case "upto":
		to = ev.intArg(name, args, 0, i)
	case "downto":
		to, by = ev.intArg(name, args, 0, i), -1
	case "step":
		ev.arity(name, args, 2, 2)
		to, by = ev.intArg(name, args, 0, i), ev.intArg(name, args, 1, 1)
	}
	if by == 0 {
		fail(ev.line, "a step of 0 never ends")
	}
	a := &Array{}
	for x := from; by > 0 && x <= to || by < 0 && x >= to; x += by {
		ev.step(ev.line)
		if b != nil {
			b.call(ev, x)
		} else {
			ev.charge(elementSize)
			a.Elems = append(a.Elems, x)
		}
		if by > 0 && x > math.MaxInt64-by || by < 0 && x < math.MinInt64-by {
			break
		}
	}
	if b == nil {
		return a // what an enumerator would give
	}
	return i
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (ev *evaluator) overflow() { fail(ev.line, "the result does not fit into 64 bits") }

func (ev *evaluator) whole(f float64) int64 {
	if math.IsNaN(f) || f < -(1<<62) || f > 1<<62 {
		fail(ev.line, "%s is no integer that can be held", floatText(f))
	}
	return int64(f)
}

func (ev *evaluator) arithmetic(a any, op string, b any) any {
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		return ev.integers(x, op, y)
	}
	f, _ := number(a)
	g, ok := number(b)
	if !ok {
		fail(ev.line, "`%s` needs a number on its right, not %s", op, className(b))
	}
	switch op {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	case "/":
		return f / g
	case "%":
		m := math.Mod(f, g)
		if m != 0 && (m < 0) != (g < 0) {
			m += g
		}
		return m
	case "**":
		return math.Pow(f, g)
	case "<":
		return f < g
	case "<=":
		return f <= g
	case ">":
		return f > g
	}
	return f >= g
}

func (ev *evaluator) integers(x int64, op string, y int64) any {
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	case ">=":
		return x >= y
	case "+":
		if z := x + y; (z > x) == (y > 0) {
			return z
		}
	case "-":
		if z := x - y; (z < x) == (y > 0) {
			return z
		}
	case "*":
		if z, ok := product(x, y); ok {
			return z
		}
	case "/", "%":
		if y == 0 {
			fail(ev.line, "divided by 0")
		}
		if x == math.MinInt64 && y == -1 {
			ev.overflow()
		}
		q, r := x/y, x%y
		if r != 0 && (r < 0) != (y < 0) {
			q, r = q-1, r+y // Ruby rounds down
		}
		if op == "/" {
			return q
		}
		return r
	case "**":
		if y < 0 {
			unsupported(ev.line, "`**` with a negative exponent (a rational number)")
		}
		z, ok := int64(1), true
		for ; y > 0 && ok && x != 0 && x != 1; y-- {
			ev.step(ev.line)
			z, ok = product(z, x)
		}
		if x == 0 && y > 0 {
			z = 0
		}
		if ok {
			return z
		}
	}
	ev.overflow()
	return nil
}

func product(x, y int64) (int64, bool) {
	if x == math.MinInt64 || y == math.MinInt64 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
	return x * y, hi == 0 && lo <= math.MaxInt64
}

// convert answers Integer(x) and Float(x).
func (ev *evaluator) convert(name string, v any) any {
	if s, ok := v.(*String); ok {
		t := strings.ReplaceAll(strings.TrimSpace(s.S), "_", "")
		if name == "Integer" {
			if i, err := strconv.ParseInt(t, 0, 64); err == nil {
				return i
			}
		} else if f, err := strconv.ParseFloat(t, 64); err == nil {
			return f
		}
		fail(ev.line, "%s is not the text of a number", ev.inspect(v))
	}
	f, ok := number(v)
	switch {
	case !ok:
		fail(ev.line, "`%s` cannot convert %s", name, className(v))
	case name == "Float":
		return f
	}
	if i, ok := v.(int64); ok {
		return i
	}
	return ev.whole(math.Trunc(f))
}
