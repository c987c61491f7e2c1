package ruby

import "strings"

// An evaluator holds the state of one evaluation.
type evaluator struct {
	file      string
	host      Host
	methods   map[string]*defNode
	constants map[string]any
	steps     int
	built     int
	depth     int
	line      int // of the last call, for the methods of values; 1 before the first
}

// A scope holds local variables; a block sees those around it.
type scope struct {
	vars  map[string]any
	outer *scope
}

func (s *scope) find(name string) (any, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, v any) {
	for o := s; o != nil; o = o.outer {
		if _, ok := o.vars[name]; ok {
			o.vars[name] = v
			return
		}
	}
	s.own(name, v)
}

func (s *scope) own(name string, v any) {
	if s.vars == nil {
		s.vars = map[string]any{}
	}
	s.vars[name] = v
}

// step counts one more piece of work.
func (ev *evaluator) step(line int) {
	if ev.steps++; ev.steps > MaxSteps {
		fail(max(line, ev.line), "the definition takes more than %d steps; perhaps a loop does not end", MaxSteps)
	}
}

// work counts steps that are about to be made at once.
func (ev *evaluator) work(n int) {
	ev.steps = min(ev.steps+max(n, 0), MaxSteps)
	ev.step(ev.line)
}

// charge counts bytes that are made.
func (ev *evaluator) charge(n int) {
	if n < 0 || n > MaxBuilt {
		n = MaxBuilt + 1
	}
	if ev.built += n; ev.built > MaxBuilt {
		fail(ev.line, "the definition makes more than %d bytes of values", MaxBuilt)
	}
}

func (ev *evaluator) enter() int {
	if ev.depth++; ev.depth > MaxDepth {
		fail(ev.line, "more than %d evaluations inside each other; perhaps a method calls itself without end", MaxDepth)
	}
	return ev.depth - 1
}

func (ev *evaluator) leave(depth int) { ev.depth = depth }

func (ev *evaluator) newString(s string) *String {
	ev.charge(len(s) + elementSize)
	return &String{s}
}

func (ev *evaluator) newArray(elems []any) *Array {
	ev.charge(elementSize * len(elems))
	return &Array{elems}
}

// eval evaluates one construct.
func (ev *evaluator) eval(n node, s *scope) any {
	switch n := n.(type) {
	case nil:
		return nil
	case literal:
		return n.v
	case constStr:
		return ev.newString(n.s)
	case local:
		v, _ := s.find(n.name)
		return v
	}
	ev.step(ev.line)
	defer ev.leave(ev.enter())
	switch n := n.(type) {
	case *sequence:
		var v any
		for _, n := range n.body {
			v = ev.eval(n, s)
		}
		return v
	case *call:
		return ev.call(n, s)
	case interp:
		return ev.interpolate(n, s)
	case *arrayNode:
		return ev.newArray(ev.list(n.elems, s))
	case *hashNode:
		return ev.hash(n, s)
	case *rangeNode:
		return &Range{ev.eval(n.from, s), ev.eval(n.to, s), n.exclusive}
	case constant:
		ev.line = n.line
		return ev.constant(n)
	case *assign:
		return ev.assign(n, s)
	default:
		return ev.control(n, s)
	}
}

func (ev *evaluator) list(nodes []node, s *scope) []any {
	all := make([]any, 0, len(nodes))
	for _, n := range nodes {
		all = append(all, ev.eval(n, s))
	}
	return all
}

func (ev *evaluator) hash(n *hashNode, s *scope) any {
	h := &Hash{}
	for i, k := range n.keys {
		v := ev.eval(n.values[i], s)
		ev.put(h, ev.eval(k, s), v)
	}
	return h
}

func (ev *evaluator) interpolate(n interp, s *scope) any {
	ev.line = n.line
	var b strings.Builder
	for _, part := range n.parts {
		if c, ok := part.(constStr); ok {
			b.WriteString(c.s)
			ev.charge(len(c.s))
			continue
		}
		v := ev.eval(part, s)
		if r, ok := v.(*Regexp); ok && n.kind == '/' {
			b.WriteString(r.full())
			continue
		}
		t := ev.text(v)
		ev.charge(len(t))
		b.WriteString(t)
	}
	switch n.kind {
	case ':':
		return Symbol(b.String())
	case '/':
		return &Regexp{b.String(), n.opts}
	}
	return &String{b.String()}
}

// classes are the constants of the language: classes of plain values.
var classes = map[string]bool{
	"String": true, "Symbol": true, "Integer": true, "Fixnum": true, "Bignum": true, "Float": true, "Numeric": true, "Array": true,
	"Hash": true, "Regexp": true, "Range": true, "NilClass": true, "TrueClass": true, "FalseClass": true, "Object": true,
	"Comparable": true, "Enumerable": true,
}

func (ev *evaluator) constant(n constant) any {
	if v, ok := ev.constants[n.name]; ok {
		return v
	}
	if name := strings.TrimPrefix(n.name, "::"); classes[name] {
		return Class(name)
	}
	unsupported(n.line, "the constant `"+n.name+"`")
	return nil
}

func (ev *evaluator) assign(n *assign, s *scope) any {
	var old any
	if n.op != "" {
		if c, ok := n.target.(constant); !ok || n.op != "||" || ev.constants[c.name] != nil {
			old = ev.eval(n.target, s)
		}
	}
	v, done := ev.operated(n, old, s)
	if !done {
		ev.store(n.target, v, s, n.line)
	}
	return v
}

// operated returns the new value of an assignment; done if nothing is to be stored.
func (ev *evaluator) operated(n *assign, old any, s *scope) (v any, done bool) {
	switch n.op {
	case "":
		return ev.eval(n.value, s), false
	case "||":
		if truthy(old) {
			return old, true
		}
		return ev.eval(n.value, s), false
	case "&&":
		if !truthy(old) {
			return old, true
		}
		return ev.eval(n.value, s), false
	}
	v = ev.eval(n.value, s)
	ev.line = n.line
	return ev.send(old, n.op, []any{v}, nil), false
}

func (ev *evaluator) store(target node, v any, s *scope, line int) {
	switch t := target.(type) {
	case local:
		s.set(t.name, v)
	case constant:
		if strings.Contains(t.name, "::") || classes[t.name] {
			unsupported(line, "an assignment to `"+t.name+"`")
		}
		ev.constants[t.name] = v
	default:
		fail(line, "nothing can be assigned here")
	}
}
