package ruby

func (ev *evaluator) call(n *call, s *scope) any {
	if n.recv == nil {
		return ev.function(n, s)
	}
	recv := ev.eval(n.recv, s)
	args := ev.list(n.args, s)
	ev.line = n.line
	return ev.send(recv, n.name, args, blockOf(n, s))
}

func blockOf(n *call, s *scope) *block {
	if n.block == nil {
		return nil
	}
	return &block{n.block, s}
}

// function evaluates a call without a receiver.
func (ev *evaluator) function(n *call, s *scope) any {
	args := ev.list(n.args, s)
	b := blockOf(n, s)
	ev.line = n.line
	if d, ok := ev.methods[n.name]; ok {
		if b != nil {
			unsupported(n.line, "a block for a method that the definition makes itself")
		}
		return ev.run(d, args, n.line)
	}
	if n.name == "respond_to?" {
		ev.arity(n.name, args, 1)
		return ev.knows(ev.text(args[0]))
	}
	c := &Call{Name: n.name, Args: args, Line: n.line, block: b, ev: ev}
	v, known, err := ev.host.Call(c)
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

// knows answers respond_to?.
func (ev *evaluator) knows(name string) bool {
	_, own := ev.methods[name]
	return own || name == "respond_to?" || ev.host.Has(name)
}

// arity refuses a call with a number of arguments that the method does not take.
func (ev *evaluator) arity(name string, args []any, n int) {
	if len(args) != n {
		fail(ev.line, "`%s` was given %d arguments, it takes %d", name, len(args), n)
	}
}

// textArg returns an argument that must be a string.
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

// needBlock refuses a method without its block.
func (ev *evaluator) needBlock(name string, b *block) {
	if b == nil {
		unsupported(ev.line, "`"+name+"` without a block")
	}
}
