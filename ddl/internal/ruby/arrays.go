package ruby

import (
	"slices"
	"strings"
)

func (ev *evaluator) arrayMethod(a *Array, name string, args []any, b *block) (any, bool) {
	if v, ok := ev.arrayChange(a, name, args); ok {
		return v, true
	}
	if v, ok := ev.iterate(a.Elems, name, args, b, a); ok {
		return v, true
	}
	n := len(a.Elems)
	switch name {
	case "to_a", "to_ary", "entries":
		return a, true
	case "[]", "slice":
		ev.arity(name, args, 1, 2)
		from, to, ok := ev.bounds(name, args, n)
		if len(args) == 1 && !isRange(args[0]) {
			if !ok || from >= n {
				return nil, true
			}
			return a.Elems[from], true
		}
		if !ok {
			return nil, true
		}
		return ev.newArray(slices.Clone(a.Elems[from:to])), true
	case "dig":
		v, ok := ev.arrayMethod(a, "[]", args[:min(1, len(args))], nil)
		if len(args) > 1 && v != nil {
			return ev.send(v, "dig", args[1:], nil), true
		}
		return v, ok
	case "at":
		return ev.arrayMethod(a, "[]", args, nil)
	case "fetch":
		ev.arity(name, args, 1, 2)
		if from, _, ok := ev.bounds(name, args[:1], n); ok && from < n {
			return a.Elems[from], true
		}
		if len(args) == 2 {
			return args[1], true
		}
		fail(ev.line, "the array has no element %s", ev.inspect(args[0]))
	case "values_at":
		out := &Array{}
		for _, i := range args {
			v, _ := ev.arrayMethod(a, "[]", []any{i}, nil)
			out.Elems = append(out.Elems, v)
		}
		return out, true
	case "length", "size":
		return int64(n), true
	case "empty?":
		return n == 0, true
	case "last":
		if len(args) == 0 {
			if n == 0 {
				return nil, true
			}
			return a.Elems[n-1], true
		}
		k := ev.intArg(name, args, 0, 1)
		return ev.newArray(slices.Clone(a.Elems[max(0, n-int(max(0, min(k, int64(n))))):])), true
	case "index", "find_index":
		for i, e := range a.Elems {
			if b != nil && truthy(b.call(ev, e)) || b == nil && len(args) == 1 && ev.equal(e, args[0]) {
				return int64(i), true
			}
		}
		return nil, true
	}
	return ev.arrayDerived(a, name, args)
}

// arrayDerived answers the methods that make something of the whole array.
func (ev *evaluator) arrayDerived(a *Array, name string, args []any) (any, bool) {
	n := len(a.Elems)
	switch name {
	case "join":
		sep := ""
		if len(args) > 0 && args[0] != nil {
			sep = ev.textArg(name, args, 0)
		}
		var out strings.Builder
		ev.join(&out, a, sep)
		return &String{out.String()}, true
	case "+", "|", "-", "&":
		other := ev.arrayArg(name, args)
		return ev.newArray(ev.combine(name, a.Elems, other.Elems)), true
	case "union", "difference", "intersection":
		return ev.arrayMethod(a, map[string]string{"union": "|", "difference": "-", "intersection": "&"}[name], args, nil)
	case "*":
		if len(args) == 1 {
			if _, ok := args[0].(*String); ok {
				return ev.arrayMethod(a, "join", args, nil)
			}
		}
		times := ev.intArg(name, args, 0, 0)
		if times < 0 || n > 0 && times > int64(MaxBuilt/elementSize/n) {
			fail(ev.line, "an array cannot be repeated %d times", times)
		}
		return ev.newArray(slices.Repeat(a.Elems, int(times))), true
	case "flatten":
		out := &Array{}
		ev.flatten(out, a, ev.intArg(name, args, 0, -1))
		return out, true
	case "compact":
		return ev.newArray(ev.where(a.Elems, func(v any) bool { return v != nil })), true
	case "reverse":
		out := ev.newArray(slices.Clone(a.Elems))
		slices.Reverse(out.Elems)
		return out, true
	case "rotate":
		if n == 0 {
			return &Array{}, true
		}
		k := int(((ev.intArg(name, args, 0, 1) % int64(n)) + int64(n)) % int64(n))
		return ev.newArray(append(slices.Clone(a.Elems[k:]), a.Elems[:k]...)), true
	}
	return nil, false
}

// arrayChange answers the methods that change the array.
func (ev *evaluator) arrayChange(a *Array, name string, args []any) (any, bool) {
	n := len(a.Elems)
	switch name {
	case "<<", "push", "append":
		ev.charge(2 * elementSize * len(args))
		a.Elems = append(a.Elems, args...)
		return a, true
	case "unshift", "prepend":
		ev.charge(elementSize * (n + len(args)))
		a.Elems = append(slices.Clone(args), a.Elems...)
		return a, true
	case "concat":
		more := ev.arrayArg(name, args)
		ev.charge(2 * elementSize * len(more.Elems))
		a.Elems = append(a.Elems, more.Elems...)
		return a, true
	case "pop", "shift":
		if n == 0 {
			return nil, true
		}
		ev.arity(name, args, 0, 0)
		i := 0
		if name == "pop" {
			i = n - 1
		}
		v := a.Elems[i]
		ev.charge(elementSize * n)
		a.Elems = slices.Delete(slices.Clone(a.Elems), i, i+1)
		return v, true
	case "delete":
		ev.arity(name, args, 1, 1)
		a.Elems = ev.where(a.Elems, func(v any) bool { return !ev.equal(v, args[0]) })
		if len(a.Elems) == n {
			return nil, true
		}
		return args[0], true
	case "clear":
		a.Elems = nil
		return a, true
	case "[]=":
		ev.arity(name, args, 2, 2)
		i := ev.intArg(name, args, 0, 0)
		if i < 0 {
			i += int64(n)
		}
		if i < 0 || i > int64(n)+1<<16 {
			fail(ev.line, "the array has no place %s", ev.inspect(args[0]))
		}
		for int64(len(a.Elems)) <= i {
			ev.charge(2 * elementSize)
			a.Elems = append(a.Elems, nil)
		}
		a.Elems[i] = args[1]
		return args[1], true
	}
	return nil, false
}

func (ev *evaluator) arrayArg(name string, args []any) *Array {
	ev.arity(name, args, 1, 1)
	a, ok := args[0].(*Array)
	if !ok {
		fail(ev.line, "`%s` needs an array, not %s", name, className(args[0]))
	}
	return a
}

func (ev *evaluator) where(elems []any, keep func(any) bool) []any {
	var out []any
	for _, e := range elems {
		ev.step(ev.line)
		if keep(e) {
			ev.charge(2 * elementSize)
			out = append(out, e)
		}
	}
	return out
}

// combine answers +, |, - and &.
func (ev *evaluator) combine(op string, a, b []any) []any {
	if op == "+" {
		return slices.Concat(a, b)
	}
	set := map[any]bool{}
	for _, e := range b {
		set[ev.identity(e)] = true
	}
	switch op {
	case "-":
		return ev.where(a, func(v any) bool { return !set[ev.identity(v)] })
	case "&":
		a = ev.where(a, func(v any) bool { return set[ev.identity(v)] })
	case "|":
		a = slices.Concat(a, b)
	}
	return ev.unique(a, nil)
}

func (ev *evaluator) unique(elems []any, by *block) []any {
	seen := map[any]bool{}
	return ev.where(elems, func(v any) bool {
		if by != nil {
			v = by.call(ev, v)
		}
		id := ev.identity(v)
		was := seen[id]
		seen[id] = true
		return !was
	})
}

func (ev *evaluator) join(out *strings.Builder, a *Array, sep string) {
	defer ev.leave(ev.enter())
	for i, e := range a.Elems {
		if i > 0 {
			ev.charge(len(sep))
			out.WriteString(sep)
		}
		if inner, ok := e.(*Array); ok {
			ev.join(out, inner, sep)
			continue
		}
		ev.step(ev.line)
		t := ev.text(e)
		ev.charge(len(t))
		out.WriteString(t)
	}
}

func (ev *evaluator) flatten(out, a *Array, depth int64) {
	defer ev.leave(ev.enter())
	for _, e := range a.Elems {
		ev.step(ev.line)
		if inner, ok := e.(*Array); ok && depth != 0 {
			ev.flatten(out, inner, depth-1)
			continue
		}
		ev.charge(2 * elementSize)
		out.Elems = append(out.Elems, e)
	}
}
