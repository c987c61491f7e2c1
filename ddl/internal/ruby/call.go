package ruby

import (
	"fmt"
	"strings"
)

func (ev *evaluator) call(n *call, s *scope) any {
	if n.recv == nil {
		return ev.function(n, s)
	}
	recv := ev.eval(n.recv, s)
	if n.safe && recv == nil {
		return nil
	}
	args := ev.list(n.args, s)
	b := ev.blockOf(n, s)
	ev.line = n.line
	if b == nil {
		return ev.send(recv, n.name, args, nil)
	}
	return ev.catch("break", func() any { return ev.send(recv, n.name, args, b) })
}

func (ev *evaluator) blockOf(n *call, s *scope) *block {
	switch {
	case n.block != nil:
		return &block{node: n.block, scope: s}
	case n.pass != nil:
		v := ev.eval(n.pass, s)
		if _, ok := v.(Symbol); !ok {
			unsupported(n.line, "`&` of anything but a symbol")
		}
		return &block{pass: v}
	}
	return nil
}

// function evaluates a call without a receiver.
func (ev *evaluator) function(n *call, s *scope) any {
	args := ev.list(n.args, s)
	b := ev.blockOf(n, s)
	ev.line = n.line
	if d, ok := ev.methods[n.name]; ok {
		if b != nil {
			unsupported(n.line, "a block for a method that the definition makes itself")
		}
		return ev.run(d, args, n.line)
	}
	if v, ok := ev.builtin(n, args, b); ok {
		return v
	}
	c := &Call{Name: n.name, Args: args, Line: n.line, block: b, ev: ev}
	v, known, err := ev.answer(c)
	if err != nil {
		panic(&Error{Line: n.line, Err: err})
	}
	if !known {
		if !n.paren && b == nil {
			fail(n.line, "`%s` is neither a variable nor part of the DDL language", n.name)
		}
		unsupported(n.line, "`"+n.name+"`")
	}
	return v
}

func (ev *evaluator) answer(c *Call) (v any, known bool, err error) {
	if c.block == nil {
		return ev.host.Call(c)
	}
	known = true // it is, if a break ends it
	ev.catch("break", func() any { v, known, err = ev.host.Call(c); return nil })
	return v, known, err
}

// builtin answers the functions of Ruby itself that need nothing but values.
func (ev *evaluator) builtin(n *call, args []any, b *block) (any, bool) {
	switch n.name {
	case "respond_to?":
		ev.arity(n.name, args, 1, 2)
		return ev.knows(ev.text(args[0])), true
	case "raise", "fail":
		why := "without a reason"
		if len(args) > 0 {
			why = ev.text(args[len(args)-1])
		}
		fail(n.line, "the definition refuses to be loaded: %s", why)
	case "format", "sprintf":
		if len(args) == 0 {
			fail(n.line, "`%s` needs a format", n.name)
		}
		return ev.newString(ev.format(ev.text(args[0]), args[1:])), true
	case "Array":
		ev.arity(n.name, args, 1, 1)
		return ev.newArray(append([]any(nil), ev.elements(args[0])...)), true
	case "String":
		ev.arity(n.name, args, 1, 1)
		return ev.newString(ev.text(args[0])), true
	case "Integer", "Float":
		ev.arity(n.name, args, 1, 1)
		return ev.convert(n.name, args[0]), true
	case "loop":
		if b == nil {
			fail(n.line, "`loop` needs a block")
		}
		return ev.loop(n.line, func() {
			for {
				b.call(ev)
			}
		}), true
	case "freeze":
		return nil, true
	}
	return nil, false
}

func (ev *evaluator) knows(name string) bool {
	if _, ok := ev.methods[name]; ok {
		return true
	}
	switch name {
	case "respond_to?", "raise", "fail", "format", "sprintf", "Array", "String", "Integer", "Float", "loop":
		return true
	}
	return ev.host.Has(name)
}

// send calls a method of a value.
func (ev *evaluator) send(recv any, name string, args []any, b *block) any {
	ev.step(ev.line)
	defer ev.leave(ev.enter())
	var v any
	var ok bool
	switch r := recv.(type) {
	case *String:
		v, ok = ev.stringMethod(r, name, args, b)
	case Symbol:
		v, ok = ev.symbolMethod(r, name, args)
	case *Array:
		v, ok = ev.arrayMethod(r, name, args, b)
	case *Hash:
		v, ok = ev.hashMethod(r, name, args, b)
	case int64, float64:
		v, ok = ev.numberMethod(r, name, args, b)
	case *Range:
		v, ok = ev.rangeMethod(r, name, args, b)
	case *Regexp:
		v, ok = ev.regexpMethod(r, name, args)
	case Class:
		v, ok = ev.classMethod(r, name, args)
	case nil:
		v, ok = ev.nilMethod(name, args)
	}
	if ok {
		return v
	}
	if v, ok := ev.objectMethod(recv, name, args); ok {
		return v
	}
	what := className(recv) + "#" + name
	switch r := recv.(type) {
	case Class:
		what = string(r) + "." + name
	case nil:
		fail(ev.line, "`%s` cannot be called on nil", name)
	}
	unsupported(ev.line, "`"+what+"`")
	return nil
}

// arity refuses a call with a number of arguments that the method does not take.
func (ev *evaluator) arity(name string, args []any, least, most int) {
	if len(args) < least || len(args) > most {
		fail(ev.line, "`%s` was given %d arguments, it takes %s", name, len(args), arity(least, most))
	}
}

func arity(least, most int) string {
	switch {
	case most >= 1<<20:
		return fmt.Sprintf("%d or more", least)
	case least == most:
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// textArg is an argument that must be a string.
func (ev *evaluator) textArg(name string, args []any, i int) string {
	if i < len(args) {
		if s, ok := args[i].(*String); ok {
			return s.S
		}
		fail(ev.line, "`%s` needs a string, not %s", name, className(args[i]))
	}
	fail(ev.line, "`%s` lacks an argument", name)
	return ""
}

// intArg is an argument that must be an integer, or otherwise if it is missing.
func (ev *evaluator) intArg(name string, args []any, i int, otherwise int64) int64 {
	if i >= len(args) {
		return otherwise
	}
	switch n := args[i].(type) {
	case int64:
		return n
	case float64:
		if n > -1<<62 && n < 1<<62 {
			return int64(n)
		}
	}
	fail(ev.line, "`%s` needs an integer, not %s", name, className(args[i]))
	return 0
}

// needBlock refuses a method without its block.
func (ev *evaluator) needBlock(name string, b *block) {
	if b == nil {
		unsupported(ev.line, "`"+name+"` without a block")
	}
}

// objectMethod answers what every value has.
func (ev *evaluator) objectMethod(recv any, name string, args []any) (any, bool) {
	switch name {
	case "to_s":
		return ev.newString(ev.text(recv)), true
	case "inspect":
		return &String{ev.inspect(recv)}, true
	case "==", "eql?", "equal?":
		ev.arity(name, args, 1, 1)
		return ev.equal(recv, args[0]), true
	case "===":
		ev.arity(name, args, 1, 1)
		return ev.matches(recv, args[0]), true
	case "=~":
		return nil, true
	case "!":
		return !truthy(recv), true
	case "nil?":
		return recv == nil, true
	case "class":
		return Class(className(recv)), true
	case "is_a?", "kind_of?", "instance_of?":
		ev.arity(name, args, 1, 1)
		c, ok := args[0].(Class)
		if !ok {
			fail(ev.line, "`%s` needs a class", name)
		}
		return kindOf(recv, c), true
	case "freeze", "itself":
		return recv, true
	case "dup", "clone":
		switch r := recv.(type) {
		case *String:
			return ev.newString(r.S), true
		case *Array:
			return ev.newArray(append([]any(nil), r.Elems...)), true
		case *Hash:
			return ev.copyOf(r), true
		}
		return recv, true
	case "frozen?":
		return false, true
	case "<=>":
		ev.arity(name, args, 1, 1)
		if o, ok := ev.compare(recv, args[0]); ok {
			return int64(o), true
		}
		return nil, true
	case "&":
		if b, ok := recv.(bool); ok {
			return b && len(args) == 1 && truthy(args[0]), true
		}
	case "|":
		if b, ok := recv.(bool); ok {
			return b || len(args) == 1 && truthy(args[0]), true
		}
	case "^":
		if b, ok := recv.(bool); ok {
			return b != (len(args) == 1 && truthy(args[0])), true
		}
	case "between?":
		ev.arity(name, args, 2, 2)
		a, aok := ev.compare(recv, args[0])
		b, bok := ev.compare(recv, args[1])
		return aok && bok && a >= 0 && b <= 0, true
	}
	return nil, false
}

func (ev *evaluator) nilMethod(name string, args []any) (any, bool) {
	switch name {
	case "to_a":
		return &Array{}, true
	case "to_i":
		return int64(0), true
	case "to_f":
		return 0.0, true
	case "to_h":
		return &Hash{}, true
	case "&":
		return false, true
	case "|":
		return len(args) == 1 && truthy(args[0]), true
	}
	return nil, false
}

func (ev *evaluator) classMethod(c Class, name string, args []any) (any, bool) {
	switch string(c) + "." + name {
	case "Regexp.escape", "Regexp.quote":
		return ev.newString(escapeRegexp(ev.textArg(name, args, 0))), true
	case "Regexp.new":
		ev.arity(name, args, 1, 2)
		if r, ok := args[0].(*Regexp); ok {
			return r, true
		}
		opts := ""
		if len(args) == 2 {
			switch o := args[1].(type) {
			case int64:
				for i, c := range "ixm" {
					if o&(1<<i) != 0 {
						opts += string(c)
					}
				}
				opts = ordered(opts)
			default:
				if truthy(o) {
					opts = "i"
				}
			}
		}
		return &Regexp{ev.textArg(name, args, 0), opts}, true
	case "Regexp.union":
		if len(args) == 1 {
			if a, ok := args[0].(*Array); ok {
				args = a.Elems
			}
		}
		var all []string
		for _, a := range args {
			if r, ok := a.(*Regexp); ok {
				all = append(all, r.full())
			} else {
				all = append(all, escapeRegexp(ev.text(a)))
			}
		}
		return &Regexp{Source: ev.newString(strings.Join(all, "|")).S}, true
	case "Array.new":
		ev.arity(name, args, 0, 2)
		n := ev.intArg(name, args, 0, 0)
		if n < 0 || n > MaxBuilt/elementSize {
			fail(ev.line, "an array of %d elements is too large", n)
		}
		a := ev.newArray(make([]any, n))
		if len(args) == 2 {
			for i := range a.Elems {
				a.Elems[i] = args[1]
			}
		}
		return a, true
	case "Hash.new":
		ev.arity(name, args, 0, 0)
		return &Hash{}, true
	case "String.new":
		ev.arity(name, args, 0, 1)
		if len(args) == 1 {
			return ev.newString(ev.textArg(name, args, 0)), true
		}
		return &String{}, true
	case "Hash.[]":
		ev.arity(name, args, 1, 1)
		if h, ok := args[0].(*Hash); ok {
			return ev.copyOf(h), true
		}
		return ev.fromPairs(args[0]), true
	}
	if name == "name" {
		return ev.newString(string(c)), true
	}
	return nil, false
}

func ordered(opts string) string {
	all := ""
	for _, o := range "mix" {
		if strings.ContainsRune(opts, o) {
			all += string(o)
		}
	}
	return all
}
