package ruby

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"mcollective/internal/plaintext"
	"mcollective/value"
)

// A Value is nil, bool, int64, float64, [Symbol], *[String], *[Array], *[Hash],
// *[Regexp], *[Range] or [Class].
type Value = any

// A Symbol is a symbol.
type Symbol = value.Symbol

// A String is a string; it can be changed in place, as Ruby's can.
type String struct{ S string }

// An Array is an array.
type Array struct{ Elems []any }

// A Regexp is a regular expression as it was written.
type Regexp struct {
	Source  string
	Options string // those of "mix" that are set, in this order
}

// Text returns the expression with its options inside, as Ruby's to_s has it; the
// source alone if there are none.
func (r *Regexp) Text() string {
	if r.Options == "" {
		return r.Source
	}
	off := ""
	for _, o := range "mix" {
		if !strings.ContainsRune(r.Options, o) {
			off += string(o)
		}
	}
	if off != "" {
		off = "-" + off
	}
	return "(?" + r.Options + off + ":" + r.slashed() + ")"
}

// slashed returns the source as it stands between slashes.
func (r *Regexp) slashed() string {
	if !strings.Contains(r.Source, "/") {
		return r.Source
	}
	var b strings.Builder
	for i := 0; i < len(r.Source); i++ {
		switch c := r.Source[i]; {
		case c == '\\' && i+1 < len(r.Source):
			b.WriteByte(c)
			i++
		case c == '/':
			b.WriteByte('\\')
		}
		b.WriteByte(r.Source[i])
	}
	return b.String()
}

// A Range is a range.
type Range struct {
	From, To  any
	Exclusive bool
}

// A Class is the name of a class of plain values, like "Integer".
type Class string

// A Hash is a hash that keeps its order.
type Hash struct {
	Keys, Values []any
	ids          []any
	index        map[any]int
}

// Get returns the value under a key, which is not an array or hash.
func (h *Hash) Get(key any) (any, bool) {
	if s, ok := key.(*String); ok {
		key = stringKey(s.S)
	}
	return h.get(key)
}

// Set stores a value under a key, which is not an array or hash.
func (h *Hash) Set(key, v any) {
	id := key
	if s, ok := key.(*String); ok {
		id = stringKey(s.S)
	}
	h.set(id, key, v)
}

func (h *Hash) get(id any) (any, bool) {
	if h == nil {
		return nil, false
	}
	i, ok := h.index[id]
	if !ok {
		return nil, false
	}
	return h.Values[i], true
}

func (h *Hash) set(id, key, v any) {
	if i, ok := h.index[id]; ok {
		h.Values[i] = v
		return
	}
	if s, ok := key.(*String); ok {
		key = &String{s.S} // Ruby copies these: to change the string does not change the key
	}
	if h.index == nil {
		h.index = map[any]int{}
	}
	h.index[id] = len(h.Keys)
	h.Keys, h.Values, h.ids = append(h.Keys, key), append(h.Values, v), append(h.ids, id)
}

func (ev *evaluator) put(h *Hash, key, v any) {
	ev.charge(pairSize)
	h.set(ev.identity(key), key, v)
}

// What an element of an array and a pair of a hash count.
const (
	elementSize = 16
	pairSize    = 96
)

type (
	stringKey string
	deepKey   string
)

// identity returns what two values share if they are the same key of a hash.
func (ev *evaluator) identity(v any) any {
	switch v := v.(type) {
	case *String:
		return stringKey(v.S)
	case *Array, *Hash, *Regexp, *Range:
		return deepKey(ev.inspect(v))
	case float64:
		if math.IsNaN(v) {
			return deepKey("NaN")
		}
	}
	return v
}

// truthy is everything but nil and false.
func truthy(v any) bool { return v != nil && v != false }

// className returns how Ruby calls the class of a value.
func className(v any) string {
	switch v := v.(type) {
	case nil:
		return "NilClass"
	case bool:
		if v {
			return "TrueClass"
		}
		return "FalseClass"
	case int64:
		return "Integer"
	case float64:
		return "Float"
	case Symbol:
		return "Symbol"
	case *String:
		return "String"
	case *Array:
		return "Array"
	case *Hash:
		return "Hash"
	case *Regexp:
		return "Regexp"
	case *Range:
		return "Range"
	}
	return "Class"
}

// equal is Ruby's ==.
func (ev *evaluator) equal(a, b any) bool {
	ev.step(ev.line)
	switch a := a.(type) {
	case int64:
		if f, ok := b.(float64); ok {
			return float64(a) == f
		}
	case float64:
		if i, ok := b.(int64); ok {
			return a == float64(i)
		}
	case *String:
		s, ok := b.(*String)
		if ok {
			ev.steps += min(len(a.S), len(s.S)) / 64
		}
		return ok && a.S == s.S
	case *Array:
		o, ok := b.(*Array)
		if !ok || len(o.Elems) != len(a.Elems) {
			return false
		}
		defer ev.leave(ev.enter())
		for i := range a.Elems {
			if !ev.equal(a.Elems[i], o.Elems[i]) {
				return false
			}
		}
		return true
	case *Hash:
		o, ok := b.(*Hash)
		if !ok || len(o.Keys) != len(a.Keys) {
			return false
		}
		defer ev.leave(ev.enter())
		for i, id := range a.ids {
			v, ok := o.get(id)
			if !ok || !ev.equal(a.Values[i], v) {
				return false
			}
		}
		return true
	case *Regexp:
		r, ok := b.(*Regexp)
		return ok && *a == *r
	case *Range:
		r, ok := b.(*Range)
		return ok && a.Exclusive == r.Exclusive && ev.equal(a.From, r.From) && ev.equal(a.To, r.To)
	}
	return a == b
}

// text is Ruby's to_s. It charges for what it writes.
func (ev *evaluator) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *String:
		return v.S
	case Symbol:
		return string(v)
	case *Regexp:
		return (&Regexp{v.Source, v.Options}).full()
	case *Range:
		dots := ".."
		if v.Exclusive {
			dots = "..."
		}
		return ev.text(v.From) + dots + ev.text(v.To)
	}
	return ev.inspect(v)
}

// full is Ruby's to_s of a regular expression.
func (r *Regexp) full() string {
	if r.Options == "" {
		return "(?-mix:" + r.slashed() + ")"
	}
	return r.Text()
}

// inspect is Ruby's inspect.
func (ev *evaluator) inspect(v any) string {
	var b strings.Builder
	ev.write(&b, v)
	return b.String()
}

func (ev *evaluator) write(b *strings.Builder, v any) {
	ev.step(ev.line)
	before := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("nil")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(plaintext.Float(v))
	case *String:
		quote(b, v.S)
	case Symbol:
		b.WriteByte(':')
		if bare(string(v)) {
			b.WriteString(string(v))
		} else {
			quote(b, string(v))
		}
	case *Regexp:
		b.WriteString("/" + v.slashed() + "/" + v.Options)
	case *Range:
		ev.write(b, v.From)
		b.WriteString("..")
		if v.Exclusive {
			b.WriteByte('.')
		}
		ev.write(b, v.To)
	case Class:
		b.WriteString(string(v))
	case *Array, *Hash:
		ev.writeAll(b, v)
		return // the members charged
	}
	ev.charge(b.Len() - before)
}

func (ev *evaluator) writeAll(b *strings.Builder, v any) {
	defer ev.leave(ev.enter())
	switch v := v.(type) {
	case *Array:
		b.WriteByte('[')
		for i, e := range v.Elems {
			if i > 0 {
				b.WriteString(", ")
			}
			ev.write(b, e)
		}
		b.WriteByte(']')
	case *Hash:
		b.WriteByte('{')
		for i, k := range v.Keys {
			if i > 0 {
				b.WriteString(", ")
			}
			ev.write(b, k)
			b.WriteString("=>")
			ev.write(b, v.Values[i])
		}
		b.WriteByte('}')
	}
	ev.charge(2)
}

func bare(s string) bool {
	if isOperator(s) {
		return true
	}
	if s != "" && strings.IndexByte("?!=", s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9' || r >= utf8.RuneSelf) {
			return false
		}
	}
	return s != ""
}

func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\r':
			b.WriteString(`\r`)
		case r == 0x1b:
			b.WriteString(`\e`)
		case r == '#' && i+1 < len(s) && strings.IndexByte("{$@", s[i+1]) >= 0:
			b.WriteString(`\#`)
		case r >= 7 && r <= 12:
			b.WriteString(`\` + "abtnvf"[r-7:r-6])
		case r < ' ' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(b, `\u%04X`, r)
		case r == utf8.RuneError && s[i] >= 0x80:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				b.WriteString(`\x` + strings.ToUpper(strconv.FormatInt(int64(s[i]), 16)))
				continue
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
