package ruby

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// send calls a method of a value. The methods are those that published
// definitions use, and their nearest neighbours; there are no others.
func (ev *evaluator) send(recv any, name string, args []any, b *block) any {
	ev.step(ev.line)
	defer ev.leave(ev.enter())
	var v any
	var ok bool
	switch r := recv.(type) {
	case *String:
		v, ok = ev.stringMethod(r.S, name, args)
	case *Array:
		v, ok = ev.arrayMethod(r, name, args, b)
	case *Hash:
		v, ok = ev.hashMethod(r, name, args, b)
	case int64:
		v, ok = ev.integerMethod(r, name, args)
	case *Regexp:
		if name == "=~" {
			ev.arity(name, args, 1)
			v, ok = ev.position(r, ev.text(args[0])), true
		}
	}
	if ok {
		return v
	}
	if v, ok := ev.objectMethod(recv, name, args); ok {
		return v
	}
	if recv == nil {
		fail(ev.line, "`%s` cannot be called on nil", name)
	}
	unsupported(ev.line, "`"+className(recv)+"#"+name+"`")
	return nil
}

// objectMethod answers what every value has.
func (ev *evaluator) objectMethod(recv any, name string, args []any) (any, bool) {
	switch name {
	case "to_s":
		return ev.newString(ev.text(recv)), true
	case "==":
		ev.arity(name, args, 1)
		return ev.equal(recv, args[0]), true
	case "=~":
		return nil, true
	case "nil?":
		return recv == nil, true
	case "freeze":
		return recv, true
	case "to_sym":
		if s, ok := recv.(Symbol); ok {
			return s, true
		}
	}
	return nil, false
}

func (ev *evaluator) stringMethod(s, name string, args []any) (any, bool) {
	if change, ok := textChanges[name]; ok {
		ev.arity(name, args, 0)
		return ev.newString(change(s)), true
	}
	switch name {
	case "to_sym":
		return Symbol(s), true
	case "+":
		return ev.newString(s + ev.textArg(name, args, 0)), true
	case "include?":
		ev.steps += len(s) / 64
		return strings.Contains(s, ev.textArg(name, args, 0)), true
	case "=~":
		ev.arity(name, args, 1)
		if x, ok := args[0].(*Regexp); ok {
			return ev.position(x, s), true
		}
	case "[]":
		ev.arity(name, args, 1)
		return ev.substring(s, args[0]), true
	case "sub", "gsub":
		return ev.substitute(s, name == "gsub", args), true
	}
	return nil, false
}

var textChanges = map[string]func(string) string{
	"upcase":     strings.ToUpper,
	"downcase":   strings.ToLower,
	"capitalize": capitalize,
	"strip": func(s string) string {
		return strings.TrimLeft(strings.TrimRight(s, " \t\n\v\f\r\x00"), " \t\n\v\f\r")
	},
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

// substring answers s[i] and s[from..to].
func (ev *evaluator) substring(s string, which any) any {
	runes := []rune(s)
	n := int64(len(runes))
	ev.charge(4 * len(runes))
	var from, to int64
	switch x := which.(type) {
	case int64:
		from = x
		to = x + 1
		if x < 0 {
			to += n
		}
	case *Range:
		f, fok := x.From.(int64)
		t, tok := x.To.(int64)
		if !fok || !tok {
			fail(ev.line, "`[]` needs a range of integers, not %s", ev.inspect(x))
		}
		if from, to = f, t; to < 0 {
			to += n
		}
		if !x.Exclusive {
			to++
		}
	default:
		fail(ev.line, "`[]` needs an integer or a range, not %s", className(which))
	}
	if from < 0 {
		from += n
	}
	if _, one := which.(int64); from < 0 || from > n || one && from == n {
		return nil
	}
	return ev.newString(string(runes[from:max(from, min(to, n))]))
}

func (ev *evaluator) arrayMethod(a *Array, name string, args []any, b *block) (any, bool) {
	switch name {
	case "each", "map", "each_with_index":
		ev.arity(name, args, 0)
		ev.needBlock(name, b)
		out := &Array{}
		for i, e := range a.Elems {
			var v any
			if name == "each_with_index" {
				b.call(ev, e, int64(i))
			} else {
				v = b.call(ev, e)
			}
			if name == "map" {
				ev.charge(2 * elementSize)
				out.Elems = append(out.Elems, v)
			}
		}
		if name == "map" {
			return out, true
		}
		return a, true
	case "include?":
		ev.arity(name, args, 1)
		return slices.ContainsFunc(a.Elems, func(e any) bool { return ev.equal(e, args[0]) }), true
	case "join":
		var out strings.Builder
		for i, e := range a.Elems {
			if i > 0 && len(args) > 0 {
				out.WriteString(ev.textArg(name, args, 0))
			}
			if _, ok := e.(*Array); ok {
				unsupported(ev.line, "`join` of arrays in an array")
			}
			t := ev.text(e)
			ev.charge(len(t) + elementSize)
			out.WriteString(t)
		}
		return ev.newString(out.String()), true
	case "+":
		ev.arity(name, args, 1)
		if o, ok := args[0].(*Array); ok {
			return ev.newArray(slices.Concat(a.Elems, o.Elems)), true
		}
		fail(ev.line, "`+` needs an array, not %s", className(args[0]))
	}
	return nil, false
}

func (ev *evaluator) hashMethod(h *Hash, name string, args []any, b *block) (any, bool) {
	switch name {
	case "[]", "key?":
		ev.arity(name, args, 1)
		v, ok := h.get(ev.identity(args[0]))
		if name == "key?" {
			return ok, true
		}
		return v, true
	case "keys":
		return ev.newArray(slices.Clone(h.Keys)), true
	case "merge":
		ev.arity(name, args, 1)
		more, ok := args[0].(*Hash)
		if !ok {
			fail(ev.line, "`merge` needs a hash, not %s", className(args[0]))
		}
		out := &Hash{}
		for _, from := range []*Hash{h, more} {
			for i, k := range from.Keys {
				ev.charge(pairSize)
				out.set(from.ids[i], k, from.Values[i])
			}
		}
		return out, true
	case "each":
		ev.needBlock(name, b)
		for i, k := range h.Keys {
			b.call(ev, ev.newArray([]any{k, h.Values[i]}))
		}
		return h, true
	}
	return nil, false
}

func (ev *evaluator) integerMethod(x int64, name string, args []any) (any, bool) {
	if len(args) != 1 || !strings.Contains(" + - * < <= > >= ", " "+name+" ") {
		return nil, false
	}
	y, ok := args[0].(int64)
	if !ok {
		fail(ev.line, "`%s` needs an integer on its right, not %s", name, className(args[0]))
	}
	switch name {
	case "<":
		return x < y, true
	case "<=":
		return x <= y, true
	case ">":
		return x > y, true
	case ">=":
		return x >= y, true
	case "+":
		if z := x + y; (z > x) == (y > 0) {
			return z, true
		}
	case "-":
		if z := x - y; (z < x) == (y > 0) {
			return z, true
		}
	case "*":
		if z, ok := product(x, y); ok {
			return z, true
		}
	}
	fail(ev.line, "the result does not fit into 64 bits")
	return nil, false
}

func product(x, y int64) (int64, bool) {
	if x == math.MinInt64 || y == math.MinInt64 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
	return x * y, hi == 0 && lo <= math.MaxInt64
}
