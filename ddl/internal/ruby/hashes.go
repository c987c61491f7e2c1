package ruby

import "slices"

// pairs is a hash as arrays of two.
func (ev *evaluator) pairs(h *Hash) []any {
	all := make([]any, 0, len(h.Keys))
	for i, k := range h.Keys {
		ev.charge(elementSize)
		all = append(all, ev.newArray([]any{k, h.Values[i]}))
	}
	return all
}

// fromPairs is the hash of arrays of two.
func (ev *evaluator) fromPairs(v any) *Hash {
	h := &Hash{}
	for _, e := range ev.elements(v) {
		pair, ok := e.(*Array)
		if !ok || len(pair.Elems) != 2 {
			fail(ev.line, "a hash is made of pairs, not of %s", className(e))
		}
		ev.put(h, pair.Elems[0], pair.Elems[1])
	}
	return h
}

func (ev *evaluator) hashMethod(h *Hash, name string, args []any, b *block) (any, bool) {
	if v, ok := ev.hashLookup(h, name, args, b); ok {
		return v, true
	}
	switch name {
	case "keys":
		return ev.newArray(slices.Clone(h.Keys)), true
	case "values":
		return ev.newArray(slices.Clone(h.Values)), true
	case "length", "size":
		return int64(len(h.Keys)), true
	case "empty?":
		return len(h.Keys) == 0, true
	case "to_a":
		return ev.newArray(ev.pairs(h)), true
	case "to_h":
		if b == nil {
			return h, true
		}
	case "[]=", "store":
		ev.arity(name, args, 2, 2)
		ev.put(h, args[0], args[1])
		return args[1], true
	case "merge", "merge!", "update":
		out := h
		if name == "merge" {
			out = ev.copyOf(h)
		}
		for _, a := range args {
			ev.mergeInto(out, a, b)
		}
		return out, true
	case "delete":
		ev.arity(name, args, 1, 1)
		id := ev.identity(args[0])
		v, ok := h.get(id)
		if ok {
			*h = *ev.without(h, func(i int) bool { return h.ids[i] == id })
		}
		return v, true
	case "invert":
		out := &Hash{}
		for i, k := range h.Keys {
			ev.put(out, h.Values[i], k)
		}
		return out, true
	case "each", "each_pair", "each_key", "each_value":
		ev.needBlock(name, b)
		for i, k := range slices.Clone(h.Keys) {
			if i >= len(h.Values) {
				break
			}
			switch v := h.Values[i]; name {
			case "each_key":
				b.call(ev, k)
			case "each_value":
				b.call(ev, v)
			default:
				b.call(ev, ev.newArray([]any{k, v}))
			}
		}
		return h, true
	case "select", "filter", "reject", "transform_values", "transform_keys", "slice", "except", "compact":
		return ev.derived(h, name, args, b), true
	case "sort":
		return ev.iterate(ev.pairs(h), name, args, b, h)
	}
	return ev.iterate(ev.pairs(h), name, args, b, h)
}

func (ev *evaluator) mergeInto(out *Hash, a any, b *block) {
	more, ok := a.(*Hash)
	if !ok {
		fail(ev.line, "`merge` needs a hash, not %s", className(a))
	}
	for i, k := range slices.Clone(more.Keys) {
		v := more.Values[i]
		if old, ok := out.get(more.ids[i]); ok && b != nil {
			v = b.call(ev, k, old, v)
		}
		ev.charge(pairSize)
		out.set(more.ids[i], k, v)
	}
}

func (ev *evaluator) hashLookup(h *Hash, name string, args []any, b *block) (any, bool) {
	switch name {
	case "[]", "fetch", "key?", "has_key?", "include?", "member?", "dig":
	case "key", "value?", "has_value?":
		ev.arity(name, args, 1, 1)
		for i, v := range h.Values {
			if ev.equal(v, args[0]) {
				if name == "key" {
					return h.Keys[i], true
				}
				return true, true
			}
		}
		if name == "key" {
			return nil, true
		}
		return false, true
	case "values_at":
		out := &Array{}
		for _, k := range args {
			v, _ := h.get(ev.identity(k))
			out.Elems = append(out.Elems, v)
		}
		return out, true
	default:
		return nil, false
	}
	most := 2
	if name == "dig" {
		most = MaxNest
	}
	ev.arity(name, args, 1, most)
	v, ok := h.get(ev.identity(args[0]))
	switch {
	case name == "dig" && len(args) > 1 && v != nil:
		return ev.send(v, "dig", args[1:], nil), true
	case name == "[]" || name == "dig":
		return v, true
	case name != "fetch":
		return ok, true
	case ok:
		return v, true
	case b != nil:
		return b.call(ev, args[0]), true
	case len(args) == 2:
		return args[1], true
	}
	fail(ev.line, "the hash has no key %s", ev.inspect(args[0]))
	return nil, false
}

// derived answers the methods whose result is another hash.
func (ev *evaluator) derived(h *Hash, name string, args []any, b *block) any {
	named := map[any]bool{}
	for _, k := range args {
		named[ev.identity(k)] = true
	}
	switch name {
	case "slice", "except":
		return ev.without(h, func(i int) bool { return named[h.ids[i]] != (name == "slice") })
	case "compact":
		return ev.without(h, func(i int) bool { return h.Values[i] == nil })
	}
	ev.needBlock(name, b)
	h = ev.copyOf(h)
	out := &Hash{}
	for i, k := range h.Keys {
		switch v := h.Values[i]; name {
		case "transform_values":
			ev.put(out, k, b.call(ev, v))
		case "transform_keys":
			ev.put(out, b.call(ev, k), v)
		default:
			if truthy(b.call(ev, k, v)) != (name == "reject") {
				ev.put(out, k, v)
			}
		}
	}
	return out
}

// span is the elements of a range.
func (ev *evaluator) span(r *Range) []any {
	var out []any
	add := func(v any) {
		ev.step(ev.line)
		ev.charge(2 * elementSize)
		out = append(out, v)
	}
	if from, ok := r.From.(int64); ok {
		to := ev.intArg("to_a", []any{r.To}, 0, 0)
		for i := from; i < to || i == to && !r.Exclusive; i++ {
			add(i)
			if i == to {
				break
			}
		}
		return out
	}
	from, fok := r.From.(*String)
	to, tok := r.To.(*String)
	if !fok || !tok || len(from.S) != 1 || len(to.S) != 1 {
		unsupported(ev.line, "the elements of the range "+ev.inspect(r))
	}
	for c := int(from.S[0]); c < int(to.S[0]) || c == int(to.S[0]) && !r.Exclusive; c++ {
		add(ev.newString(string(rune(c))))
	}
	return out
}

func (ev *evaluator) within(r *Range, v any) bool {
	a, ok := ev.compare(r.From, v)
	if !ok || a > 0 {
		return false
	}
	b, ok := ev.compare(v, r.To)
	return ok && (b < 0 || b == 0 && !r.Exclusive)
}

func (ev *evaluator) rangeMethod(r *Range, name string, args []any, b *block) (any, bool) {
	switch name {
	case "include?", "member?", "cover?", "===":
		ev.arity(name, args, 1, 1)
		return ev.within(r, args[0]), true
	case "begin":
		return r.From, true
	case "end", "last":
		if len(args) == 0 {
			return r.To, true
		}
	case "exclude_end?":
		return r.Exclusive, true
	case "to_a", "entries":
		return &Array{ev.span(r)}, true
	case "size", "length":
		return int64(len(ev.span(r))), true
	case "step":
		ev.needBlock(name, b)
		by := ev.intArg(name, args, 0, 1)
		if by < 1 {
			fail(ev.line, "`step` needs a step of 1 or more")
		}
		for i, v := range ev.span(r) {
			if int64(i)%by == 0 {
				b.call(ev, v)
			}
		}
		return r, true
	case "to_s", "inspect", "==", "eql?", "class", "is_a?", "nil?", "dup", "freeze":
		return nil, false
	}
	return ev.iterate(ev.span(r), name, args, b, r)
}
