package value

import (
	"math"
	"math/big"
	"testing"

	"mcollective/internal/subtest"
)

func TestHash(t *testing.T) {
	h := NewMap(Symbol("a"), 1, "a", 2, "last")
	if v, ok := h.Get("last"); !ok || v != nil || h.Len() != 3 {
		t.Errorf("%v %v %d", v, ok, h.Len())
	}
	h.Set("a", 3)
	h.Set(1.0, "float")
	if v, _ := h.Get(Binary("a")); v != 3 {
		t.Errorf("%v", v)
	}
	if _, ok := h.Get(int64(1)); ok {
		t.Error("1 is not 1.0")
	}
	if !h.Delete(Symbol("a")) || h.Delete(Symbol("a")) || h.Len() != 3 {
		t.Errorf("%v", h.Pairs)
	}
	var keys []any
	for k := range h.All() {
		keys = append(keys, k)
	}
	if len(keys) != 3 || keys[0] != "a" || keys[2] != 1.0 {
		t.Errorf("%v", keys)
	}
	var none *Map
	if _, ok := none.Get("x"); ok || none.Len() != 0 {
		t.Error("a nil hash is empty")
	}
	for range none.All() {
		t.Error("a nil hash is empty")
	}
}

// Keys that Ruby's eql? takes for equal, and some that it does not.
func TestKeysEqual(t *testing.T) {
	shared := &Object{Class: "A"}
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{"a", "a", true}, {"a", Binary("a"), true}, {"ü", Binary("ü"), false}, {"a", Symbol("a"), false}, {"", Binary(""), true},
		{"a", &String{Bytes: "a", Encoding: "ISO-8859-1"}, true}, {"a\x00", &String{Bytes: "a\x00", Encoding: "UTF-16LE"}, false},
		{&String{Bytes: "\xe9", Encoding: "ISO-8859-1"}, &String{Bytes: "\xe9", Encoding: "ISO-8859-1"}, true},
		{nil, nil, true}, {nil, false, false}, {int64(1), 1, true}, {int64(1), 1.0, false}, {0.0, math.Copysign(0, -1), true},
		{math.NaN(), math.NaN(), false}, {big.NewInt(9), big.NewInt(9), true}, {&Float{1.5}, 1.5, true}, {1.5, &Float{1.5}, true},
		{[]any{int64(1), "a"}, []any{int64(1), "a"}, true}, {[]any{int64(1)}, &Array{Items: []any{int64(1)}}, true},
		{[]any{int64(1)}, []any{int64(2)}, false}, {NewMap("a", "b"), NewMap("a", "b"), true}, {NewMap("a", "b"), NewMap("a", "c"), false},
		{NewRegexp("a", 0), NewRegexp("a", 0), true}, {NewRegexp("a", 0), NewRegexp("a", 1), false},
		{shared, shared, true}, {shared, &Object{Class: "A"}, false},
		{EncodedSymbol{"\xe9", "ISO-8859-1"}, EncodedSymbol{"\xe9", "ISO-8859-1"}, true}, {Cycle{}, Cycle{}, false},
	} {
		t.Run(subtest.Name(c.b), func(t *testing.T) {
			if got := Equal(c.a, c.b); got != c.want {
				t.Errorf("%#v and %#v: %v", c.a, c.b, got)
			}
		})
	}
}
