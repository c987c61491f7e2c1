package wire

import (
	"reflect"
	"testing"

	"mcollective/filter"
	"mcollective/internal/subtest"
	"mcollective/marshal"
	"mcollective/value"
)

func sym(s string) value.Symbol { return value.Symbol(s) }

// emptyFilter is the tree of the empty filter with some keys set otherwise.
func emptyFilter(kv ...any) *value.Map {
	h := value.NewMap("fact", []any{}, "cf_class", []any{}, "agent", []any{}, "identity", []any{}, "compound", []any{})
	for i := 0; i < len(kv); i += 2 {
		h.Set(kv[i], kv[i+1])
	}
	return h
}

func without(key string) *value.Map {
	h := emptyFilter()
	h.Delete(key)
	return h
}

func TestFilterForms(t *testing.T) {
	regexp := value.NewRegexp("^(n1|n2)$", 1)
	for _, c := range []struct {
		name string
		tree any
		want filter.Filter
	}{
		{"five empty keys", emptyFilter(), filter.Filter{}},
		{"no key", value.NewMap(), filter.Filter{}},
		{"a missing key", without("compound"), filter.Filter{Irregular: true}},
		{"an unknown key", emptyFilter("x", int64(1)), filter.Filter{Irregular: true}},
		{"only an unknown key", value.NewMap("x", []any{"y"}), filter.Filter{Irregular: true}},
		{"the collective", emptyFilter("collective", "eu"), filter.Filter{Irregular: true, Collective: "eu"}},
		{"puppet_class", emptyFilter("puppet_class", []any{"a"}, "cf_class", []any{"b"}),
			filter.Filter{Classes: []filter.Pattern{{Text: "b"}, {Text: "a"}}, Irregular: true}},
		{"a key that holds cf_class", value.NewMap("my_cf_class", []any{"a"}), filter.Filter{Classes: []filter.Pattern{{Text: "a"}}, Irregular: true}},
		{"a Regexp object", emptyFilter("identity", []any{regexp}), filter.Filter{Identities: []filter.Pattern{{Text: "^(n1|n2)$", Regexp: true, Options: 1}}}},
		{"a Regexp object as a class", emptyFilter("cf_class", []any{regexp, "x"}),
			filter.Filter{Classes: []filter.Pattern{{Text: "^(n1|n2)$", Regexp: true, Options: 1}, {Text: "x"}}}},
		{"binary strings", emptyFilter("agent", []any{value.Binary("rpcutil")}), filter.Filter{Agents: []filter.Pattern{{Text: "rpcutil"}}}},
		{"a fact in another order", emptyFilter("fact", []any{value.NewMap(sym("operator"), "==", sym("x"), nil, sym("value"), "v", sym("fact"), "f")}),
			filter.Filter{Facts: []filter.Fact{{Name: "f", Operator: "==", Value: "v"}}}},
		{"an empty compound", emptyFilter("compound", []any{[]any{}}), filter.Filter{Compound: []filter.Compound{{}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DecodeFilter(c.tree, true)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %+v (%v), want %+v", c.name, got, err, c.want)
			}
		})
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	fact := func(kv ...any) any { return emptyFilter("fact", []any{value.NewMap(kv...)}) }
	term := func(kv ...any) any { return emptyFilter("compound", []any{[]any{value.NewMap(kv...)}}) }
	call := func(kv ...any) any {
		h := value.NewMap("r_compare", "x", "operator", "==", "value", "v", "name", "n", "params", nil)
		for i := 0; i < len(kv); i += 2 {
			h.Set(kv[i], kv[i+1])
		}
		return term("fstatement", h)
	}
	if _, err := DecodeFilter(call(), true); err != nil {
		t.Fatalf("a good call is refused: %v", err)
	}
	for name, tree := range map[string]any{
		"nil": nil, "a list": []any{}, "a string": "x",
		"symbol keys":              value.NewMap(sym("fact"), []any{}),
		"a symbol besides":         emptyFilter(sym("x"), []any{}),
		"a number as key":          emptyFilter(int64(1), nil),
		"one key as two strings":   &value.Map{Pairs: []value.Pair{{Key: "agent", Value: []any{}}, {Key: value.Binary("agent"), Value: []any{}}}},
		"nil for a list":           emptyFilter("agent", nil),
		"a string for a list":      emptyFilter("agent", "rpcutil"),
		"a hash for a list":        emptyFilter("identity", value.NewMap()),
		"a number as agent":        emptyFilter("agent", []any{int64(1)}),
		"a symbol as class":        emptyFilter("cf_class", []any{sym("x")}),
		"nil as identity":          emptyFilter("identity", []any{nil}),
		"binary beyond ASCII":      emptyFilter("agent", []any{value.Binary("\xff")}),
		"invalid UTF-8":            emptyFilter("agent", []any{"\xff"}),
		"an invalid Regexp source": emptyFilter("agent", []any{&value.Regexp{Source: "\xff"}}),
		"a fact with string keys":  fact("fact", "f", "value", "v", "operator", "=="),
		"a fact without value":     fact(sym("fact"), "f", sym("operator"), "=="),
		"a fact with a number":     fact(sym("fact"), "f", sym("value"), int64(1), sym("operator"), "=="),
		"a fact with nil":          fact(sym("fact"), "f", sym("value"), nil, sym("operator"), "=="),
		"a fact with operator =":   fact(sym("fact"), "f", sym("value"), "v", sym("operator"), "="),
		"a fact that is a string":  emptyFilter("fact", []any{"f=v"}),
		"a compound of strings":    emptyFilter("compound", []any{"x"}),
		"a term that is a string":  emptyFilter("compound", []any{[]any{"x"}}),
		"a term of two pairs":      term("and", "and", "or", "or"),
		"a term of none":           term(),
		"a term with a symbol":     term(sym("and"), "and"),
		"an unknown term":          term("xor", "xor"),
		"a statement of a number":  term("statement", int64(1)),
		"a call that is a string":  term("fstatement", "f().v=1"),
		"a call with symbol keys":  call(sym("name"), "n"),
		"a call without a name":    call("name", ""),
		"a call of a number":       call("name", int64(1)),
		"a call with a list":       call("params", []any{}),
		"a call with a symbol":     call("params", sym("x")),
		"a call with operator ~":   call("operator", "~"),
		"=~ with a text":           call("operator", "=~"),
		"== with a Regexp":         call("r_compare", value.NewRegexp("x", 0)),
		"a call with nil to match": call("r_compare", nil),
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if f, err := DecodeFilter(tree, true); err == nil {
				t.Errorf("%s: taken as %+v", name, f)
			}
		})
	}
}

func TestFilterTreeRefusesWhatNobodyUnderstands(t *testing.T) {
	for name, f := range map[string]filter.Filter{
		"operator":  {Facts: []filter.Fact{{Name: "a", Operator: "=", Value: "b"}}},
		"no call":   {Compound: []filter.Compound{{{Kind: filter.Call}}}},
		"no kind":   {Compound: []filter.Compound{{{Text: "x"}}}},
		"list":      {Compound: []filter.Compound{{{Kind: filter.Call, Call: &filter.Function{Name: "n", Operator: "==", Params: []any{}}}}}},
		"operation": {Compound: []filter.Compound{{{Kind: filter.Call, Call: &filter.Function{Name: "n", Operator: "="}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if tree, err := FilterTree(&f); err == nil {
				t.Errorf("%s: %+v", name, tree)
			}
		})
	}
}

// FuzzFilterWire: a filter that is taken says the same after it went over the wire
// again, by any serializer.
func FuzzFilterWire(f *testing.F) {
	seeds := []any{emptyFilter(), value.NewMap(), emptyFilter("collective", "x", "puppet_class", []any{"a"}),
		emptyFilter("fact", []any{value.NewMap(sym("fact"), "f", sym("value"), "v", sym("operator"), "=~")}, "agent", []any{"x", value.NewRegexp("ü", 7)}),
		emptyFilter("compound", []any{[]any{value.NewMap("statement", "a=b"), value.NewMap("and", "and"), value.NewMap("fstatement",
			value.NewMap("r_compare", value.NewRegexp("x", 0), "operator", "=~", "name", "n", "params", 1.5))}})}
	for _, tree := range seeds {
		for s := range names {
			data, err := Serializer(s).encode(nil, tree)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(s), data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		s := Serializer(which % uint8(len(names)))
		tree, err := s.decode(string(data), requestEnvelope)
		if err != nil {
			return
		}
		first, err := DecodeFilter(tree, s != JSON)
		if err != nil {
			return
		}
		for to := range names {
			to := Serializer(to)
			tree, err := FilterTree(&first)
			if err != nil {
				t.Fatalf("%+v cannot be sent: %v", first, err)
			}
			data, err := to.encode(nil, tree)
			if err != nil {
				t.Fatalf("%+v cannot be written by %s: %v", first, to, err)
			}
			if tree2, err := to.decode(string(data), &marshal.DefaultPolicy); err != nil {
				t.Fatalf("%q of %s cannot be read: %v", data, to, err)
			} else {
				again, err := DecodeFilter(tree2, to != JSON)
				again.Irregular = first.Irregular
				if err != nil || !reflect.DeepEqual(again, first) {
					t.Fatalf("%+v came as %+v by %s (%v)", first, again, to, err)
				}
			}
		}
	})
}
