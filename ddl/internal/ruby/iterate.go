package ruby

import "slices"

// iterated is what a loop over a value visits.
func (ev *evaluator) iterated(v any) []any {
	switch v.(type) {
	case *Array, *Hash, *Range:
		return slices.Clone(ev.elements(v))
	}
	unsupported(ev.line, "a loop over "+className(v))
	return nil
}

// iterate answers what arrays, hashes and ranges have in common. recv is what
// "each" returns.
func (ev *evaluator) iterate(elems []any, name string, args []any, b *block, recv any) (any, bool) {
	switch name {
	case "each", "each_entry":
		ev.needBlock(name, b)
		for i := 0; i < len(elems); i++ {
			b.call(ev, elems[i])
			if a, ok := recv.(*Array); ok {
				elems = a.Elems // the block may change it
			}
		}
		return recv, true
	case "each_with_index", "each_with_object", "reverse_each", "each_slice", "each_cons":
		return ev.eachWith(elems, name, args, b, recv), true
	case "map", "collect", "flat_map", "select", "filter", "reject", "partition", "find", "detect", "group_by", "sort_by", "min_by", "max_by", "filter_map", "sum", "to_h":
		if b != nil {
			return ev.mapped(elems, name, args, b), true
		}
	case "all?", "any?", "none?", "count":
		n := int64(0)
		for _, e := range elems {
			ev.step(ev.line)
			if b != nil && truthy(b.call(ev, e)) || b == nil && len(args) == 0 && (truthy(e) || name == "count") || b == nil && len(args) == 1 && (name == "count" && ev.equal(e, args[0]) || name != "count" && ev.matches(args[0], e)) {
				n++
			}
		}
		switch name {
		case "all?":
			return n == int64(len(elems)), true
		case "any?":
			return n > 0, true
		case "none?":
			return n == 0, true
		}
		return n, true
	case "inject", "reduce":
		return ev.reduce(elems, name, args, b), true
	case "include?", "member?":
		ev.arity(name, args, 1, 1)
		for _, e := range elems {
			if ev.equal(e, args[0]) {
				return true, true
			}
		}
		return false, true
	case "zip":
		out := &Array{}
		for i, e := range elems {
			row := []any{e}
			for _, o := range args {
				if other := ev.elements(o); i < len(other) {
					row = append(row, other[i])
				} else {
					row = append(row, nil)
				}
			}
			ev.charge(2 * elementSize)
			out.Elems = append(out.Elems, ev.newArray(row))
		}
		return out, true
	}
	return ev.chosen(elems, name, args, b)
}

// chosen answers what picks or orders elements.
func (ev *evaluator) chosen(elems []any, name string, args []any, b *block) (any, bool) {
	switch name {
	case "first", "take":
		if len(args) == 0 {
			if len(elems) == 0 {
				return nil, true
			}
			return elems[0], true
		}
		n := max(0, min(ev.intArg(name, args, 0, 1), int64(len(elems))))
		return ev.newArray(slices.Clone(elems[:n])), true
	case "drop":
		n := max(0, min(ev.intArg(name, args, 0, 0), int64(len(elems))))
		return ev.newArray(slices.Clone(elems[n:])), true
	case "uniq":
		return ev.newArray(ev.unique(elems, b)), true
	case "sort", "min", "max":
		ev.arity(name, args, 0, 0)
		all := ev.sorted(elems, func(x, y any) int {
			if b != nil {
				return int(ev.intArg(name, []any{b.call(ev, x, y)}, 0, 0))
			}
			return ev.order(x, y)
		})
		return end(name, all), true
	case "sum":
		var total any = int64(0)
		if len(args) == 1 {
			total = args[0]
		}
		for _, e := range elems {
			total = ev.send(total, "+", []any{e}, nil)
		}
		return total, true
	case "to_h":
		return ev.fromPairs(&Array{elems}), true
	}
	return nil, false
}

// end is the whole, or one end of it for min and max.
func end(name string, all *Array) any {
	switch {
	case name == "sort" || name == "sort_by":
		return all
	case len(all.Elems) == 0:
		return nil
	case name[:3] == "min":
		return all.Elems[0]
	}
	return all.Elems[len(all.Elems)-1]
}

func (ev *evaluator) order(x, y any) int {
	o, ok := ev.compare(x, y)
	if !ok {
		fail(ev.line, "%s cannot be compared with %s", className(x), className(y))
	}
	return o
}

func (ev *evaluator) sorted(elems []any, order func(x, y any) int) *Array {
	a := ev.newArray(slices.Clone(elems))
	slices.SortStableFunc(a.Elems, order)
	return a
}

func (ev *evaluator) eachWith(elems []any, name string, args []any, b *block, recv any) any {
	ev.needBlock(name, b)
	elems = slices.Clone(elems)
	ev.charge(elementSize * len(elems))
	switch name {
	case "each_with_index":
		for i, e := range elems {
			b.call(ev, e, int64(i))
		}
	case "each_with_object":
		ev.arity(name, args, 1, 1)
		for _, e := range elems {
			b.call(ev, e, args[0])
		}
		return args[0]
	case "reverse_each":
		for _, e := range slices.Backward(elems) {
			b.call(ev, e)
		}
	case "each_slice", "each_cons":
		n := int(min(ev.intArg(name, args, 0, 0), 1<<20))
		if n < 1 {
			fail(ev.line, "`%s` needs a size of 1 or more", name)
		}
		for i := 0; i < len(elems); {
			part := elems[i:min(i+n, len(elems))]
			if name == "each_cons" {
				if i++; len(part) < n {
					break
				}
			} else {
				i += n
			}
			b.call(ev, ev.newArray(slices.Clone(part)))
		}
	}
	return recv
}

func (ev *evaluator) reduce(elems []any, name string, args []any, b *block) any {
	var op string
	if n := len(args); b == nil {
		if n == 0 {
			fail(ev.line, "`%s` needs a block", name)
		}
		op, args = ev.text(args[n-1]), args[:n-1]
	}
	var total any
	switch {
	case len(args) > 0:
		total = args[0]
	case len(elems) > 0:
		total, elems = elems[0], elems[1:]
	}
	for _, e := range elems {
		if b != nil {
			total = b.call(ev, total, e)
		} else {
			total = ev.send(total, op, []any{e}, nil)
		}
	}
	return total
}

// mapped answers the methods that ask a block about each element.
func (ev *evaluator) mapped(elems []any, name string, args []any, b *block) any {
	elems = slices.Clone(elems)
	ev.charge(elementSize * len(elems))
	out, rest, groups := &Array{}, &Array{}, &Hash{}
	var answers []any
	for _, e := range elems {
		v := b.call(ev, e)
		ev.charge(2 * elementSize)
		answers = append(answers, v)
		switch name {
		case "map", "collect", "filter_map", "to_h", "sum":
			if name != "filter_map" || truthy(v) {
				out.Elems = append(out.Elems, v)
			}
		case "flat_map":
			inner := []any{v}
			if a, ok := v.(*Array); ok {
				inner = a.Elems
			}
			ev.charge(2 * elementSize * len(inner))
			out.Elems = append(out.Elems, inner...)
		case "group_by":
			id := ev.identity(v)
			g, ok := groups.get(id)
			if !ok {
				g = &Array{}
				ev.charge(pairSize)
				groups.set(id, v, g)
			}
			g.(*Array).Elems = append(g.(*Array).Elems, e)
		case "find", "detect":
			if truthy(v) {
				return e
			}
		case "select", "filter", "partition", "reject":
			if truthy(v) != (name == "reject") {
				out.Elems = append(out.Elems, e)
			} else {
				rest.Elems = append(rest.Elems, e)
			}
		}
	}
	switch name {
	case "find", "detect":
		return nil
	case "partition":
		return ev.newArray([]any{out, rest})
	case "group_by":
		return groups
	case "sum":
		v, _ := ev.chosen(out.Elems, "sum", args, nil)
		return v
	case "to_h":
		return ev.fromPairs(out)
	case "sort_by", "min_by", "max_by":
		index := make([]any, len(elems))
		for i := range index {
			index[i] = i
		}
		all := ev.sorted(index, func(x, y any) int { return ev.order(answers[x.(int)], answers[y.(int)]) })
		for i, x := range all.Elems {
			all.Elems[i] = elems[x.(int)]
		}
		return end(name, all)
	}
	return out
}
