package securitytest

import (
	"math/big"

	"mcollective/filter"
	"mcollective/value"
)

// A Body is a value to send.
type Body struct {
	Name  string
	Value any
	Plain any // what comes of it through a serializer without symbols
}

// Bodies are values of every kind that the body of a request may have.
func Bodies() []Body {
	large, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	sym := func(s string) any { return value.Symbol(s) }
	same := func(name string, v any) Body { return Body{name, v, v} }
	bodies := []Body{
		same("nil", nil), same("true", true), same("false", false),
		same("zero", int64(0)), same("minus one", int64(-1)), same("time", int64(1795336394)), same("2 to 62", int64(1)<<62),
		same("large", large), same("large negative", new(big.Int).Neg(large)),
		same("float", 1.5), same("whole float", 2048.0), same("small float", 1e-300), same("large float", -1e300),
		same("string", "ping"), same("binary", value.Binary("\x00\xff\x80\n")),
		same("strings", []any{"", "Grüße", "日本語 \U0001f600", "a\nb\n", "\n", " x ", "x: y # z", "'", `"\`, "\x00\x01\x1b\x7f\u0085\u2028\ufeff",
			":x", "::", ":", "~", "null", "yes", "No", "on", "true", "1", "-1", "1.5", ".inf", ".nan", "017", "0x1f", "1_000", "1,000", "1:30", "1e5",
			"2020-01-01", "2020-01-01 10:00:00", "<<", "=", "-", "- a", "? a", "!x", "&x", "*x", "%x", "@x", "`", "|", ">", "{}", "[]", "---", "...", "y", "n"}),
		same("empty list", []any{}), same("empty hash", value.NewMap()),
		same("lists", []any{[]any{}, []any{[]any{int64(1)}, []any{nil, value.NewMap()}}}),
		same("string keys", value.NewMap("a", int64(1), "B b", []any{"x"}, "<<", "merge", "", nil, "!x", "mark", ":sym", "colon", "ü", value.NewMap("c", nil))),
		same("regexp", value.NewRegexp("^(a|b)$ /x\\//", 5)),
		{"symbol", sym("a_symbol"), "a_symbol"},
		{"odd symbols", []any{sym("a b"), sym("a?"), sym("=="), sym("ü"), sym("\""), sym("")}, []any{"a b", "a?", "==", "ü", "\"", ""}},
		{"other keys", value.NewMap(int64(3), "int", nil, "nil", true, "true", 1.5, "float"),
			value.NewMap("3", "int", "null", "nil", "true", "true", "1.5", "float")},
		{"rpc", rpcBody(), value.NewMap("agent", "rpcutil", "action", "get_fact", "caller", "uid=0", "data",
			value.NewMap("fact", "country", "process_results", true, "list", []any{"x", int64(1)}))},
	}
	return bodies
}

// rpcBody returns the body of an RPC request.
func rpcBody() any {
	return value.NewMap(value.Symbol("agent"), "rpcutil", value.Symbol("action"), "get_fact", value.Symbol("caller"), "uid=0",
		value.Symbol("data"), value.NewMap(value.Symbol("fact"), "country", value.Symbol("process_results"), true,
			value.Symbol("list"), []any{value.Symbol("x"), int64(1)}))
}

// A NamedFilter is a filter to send.
type NamedFilter struct {
	Name   string
	Filter filter.Filter
}

// Filters are filters of every kind.
func Filters() []NamedFilter {
	fact := func(op string) filter.Filter {
		return filter.Filter{Facts: []filter.Fact{{Name: "country", Operator: op, Value: "de"}}}
	}
	return []NamedFilter{
		{"none", filter.Filter{}},
		{"==", fact("==")}, {"!=", fact("!=")}, {"<", fact("<")}, {"<=", fact("<=")}, {">", fact(">")}, {">=", fact(">=")}, {"=~", fact("=~")},
		{"facts", filter.Filter{Facts: []filter.Fact{{Name: "Ort", Operator: "==", Value: "Köln"}, {Name: "x", Operator: "=~", Value: "/^a.*/"}, {Name: "e", Operator: "==", Value: ""}}}},
		{"classes", filter.Filter{Classes: []filter.Pattern{{Text: "role::web"}, {Text: "/^role/"}}}},
		{"agents", filter.Filter{Agents: []filter.Pattern{{Text: "rpcutil"}, {Text: "/^pack/"}}}},
		{"identities", filter.Filter{Identities: []filter.Pattern{{Text: "n1"}, {Text: "/n[12]/"}}}},
		{"limit", filter.Filter{Identities: []filter.Pattern{{Text: "^(n1|n2)$", Regexp: true}}}},
		{"regexp options", filter.Filter{Classes: []filter.Pattern{{Text: "ß b", Regexp: true, Options: 7}}}},
		{"collective", filter.Filter{Collective: "eu_collective"}},
		{"everything", fullFilter()},
	}
}

func fullFilter() filter.Filter {
	call := func(f filter.Function) filter.Term { return filter.Term{Kind: filter.Call, Call: &f} }
	text := func(s string) filter.Term { return filter.Term{Kind: filter.Statement, Text: s} }
	op := func(k filter.TermKind) filter.Term { return filter.Term{Kind: k} }
	return filter.Filter{
		Facts:      []filter.Fact{{Name: "country", Operator: "==", Value: "de"}, {Name: "cpus", Operator: ">", Value: "2"}},
		Classes:    []filter.Pattern{{Text: "common"}},
		Agents:     []filter.Pattern{{Text: "rpcutil"}},
		Identities: []filter.Pattern{{Text: "/^web/"}, {Text: "^(a|b)$", Regexp: true, Options: 1}},
		Compound: []filter.Compound{
			{text("environment=dev")},
			{op(filter.Open), text("web"), op(filter.Or), text("/db/"), op(filter.Close), op(filter.And), op(filter.Not), text("os=Linux"), op(filter.And),
				call(filter.Function{Name: "fstat", Params: "/etc/hosts", Output: "md5", Operator: "=~", Compare: filter.Pattern{Text: "^ba", Regexp: true}})},
			{call(filter.Function{Name: "a", Output: "v", Operator: "!=~", Compare: filter.Pattern{Text: "x", Regexp: true}})},
			{call(filter.Function{Name: "b", Params: int64(5), Operator: ">=", Compare: filter.Pattern{Text: "10"}}), op(filter.Or),
				call(filter.Function{Name: "c", Params: true, Output: "size", Operator: "!=", Compare: filter.Pattern{Text: ""}}), op(filter.And),
				call(filter.Function{Name: "d", Params: 1.5, Output: "size", Operator: "<", Compare: filter.Pattern{Text: "1.5"}})},
		},
		Collective: "mcollective",
	}
}
