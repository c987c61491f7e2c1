package ruby

// A node is one construct of the source.
type node interface{}

type (
	literal  struct{ v any } // nil, bool, number, symbol
	constStr struct{ s string }
	interp   struct { // text with #{...}; what it becomes is said by kind
		kind  byte // '"' a string, ':' a symbol, '/' a regular expression
		parts []node
		opts  string
		line  int
	}
	arrayNode struct {
		elems []node
		line  int
	}
	splat    struct{ n node }
	hashNode struct {
		keys, values []node // a nil key is **value
		line         int
	}
	rangeNode struct {
		from, to  node
		exclusive bool
		line      int
	}
	local    struct{ name string }
	instance struct{ name string }
	constant struct {
		name string
		line int
	}
	selfNode struct{ line int }

	assign struct {
		target node // local, instance, constant, or a call of []
		op     string
		value  node
		line   int
	}
	multiAssign struct {
		targets []node // local, instance, splat of one, *multiAssign without a value
		value   node
		line    int
	}

	call struct {
		recv  node // nil: the host
		name  string
		args  []node
		block *blockNode
		pass  node // &pass
		safe  bool
		paren bool // it has parentheses or arguments
		line  int
	}
	blockNode struct {
		params *params
		body   node
	}
	params struct {
		targets  []node // as of a multiAssign
		defaults []node // of the parameter in the same place, or nil
	}

	sequence struct{ body []node }
	not      struct{ n node }
	logical  struct {
		and  bool
		a, b node
	}
	ifNode struct {
		cond, then, other node
	}
	caseNode struct {
		subject node // nil: the conditions stand for themselves
		whens   []when
		other   node
		line    int
	}
	when struct {
		conds []node
		body  node
	}
	whileNode struct {
		cond  node
		until bool
		body  node
		line  int
	}
	forNode struct {
		target *multiAssign
		over   node
		body   node
		line   int
	}
	defNode struct {
		name   string
		params *params
		body   node
		line   int
	}
	jumpNode struct {
		kind  string
		value node
		line  int
	}
	definedNode struct{ n node }
)
