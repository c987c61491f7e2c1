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
	hashNode struct {
		keys, values []node
		line         int
	}
	rangeNode struct {
		from, to  node
		exclusive bool
		line      int
	}
	local    struct{ name string }
	constant struct {
		name string
		line int
	}

	assign struct {
		target node // local or constant
		op     string
		value  node
		line   int
	}
	call struct {
		recv  node // nil: the host
		name  string
		args  []node
		block *blockNode
		paren bool // it has parentheses or arguments
		line  int
	}
	blockNode struct {
		params *params
		body   node
	}
	params struct {
		names    []string
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
	defNode struct {
		name   string
		params *params
		body   node
		line   int
	}
)
