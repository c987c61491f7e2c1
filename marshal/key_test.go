package marshal

import (
	"math"
	"math/big"
	"testing"

	"mcollective/value"
)

// What is equal as a key is one key to the set, and nothing else is.
func TestKeySetAgreesWithEqual(t *testing.T) {
	shared := &value.Object{Class: "A"}
	latin := &value.String{Bytes: "\xe9", Encoding: "ISO-8859-1"}
	keys := []any{nil, false, int64(1), 1.0, 0.0, math.Copysign(0, -1), math.NaN(), big.NewInt(9), big.NewInt(9), &value.Float{Value: 1},
		"a", value.Binary("a"), value.Symbol("a"), "ü", value.Binary("ü"), "", value.Binary(""),
		&value.String{Bytes: "a", Encoding: "ISO-8859-1"}, "a\x00", &value.String{Bytes: "a\x00", Encoding: "UTF-16LE"}, latin,
		&value.String{Bytes: "\xe9", Encoding: "ISO-8859-1"}, value.EncodedSymbol{Name: "\xe9", Encoding: "ISO-8859-1"},
		[]any{int64(1), "a"}, &value.Array{Items: []any{int64(1), "a"}}, []any{int64(2)}, value.NewMap("a", "b"), value.NewMap("a", "b"),
		value.NewMap("a", "c"), value.NewRegexp("a", 0), value.NewRegexp("a", 0), value.NewRegexp("a", 1), shared, shared, &value.Object{Class: "A"}}
	for _, a := range keys {
		for _, b := range keys {
			var s keySet
			s.reset(2)
			pairs := []value.Pair{{Key: a}, {Key: b}}
			s.add(pairs, 0)
			if got, want := s.add(pairs, 1) == 0, value.Equal(a, b); got != want {
				t.Errorf("%#v and %#v: one key is %v, equal %v", a, b, got, want)
			}
		}
	}
}

// Small and large hashes find and merge repeated keys alike.
func TestRepeatedKeys(t *testing.T) {
	for _, n := range []int{2, 8, 9, 100} {
		h := &value.Map{}
		for i := range n {
			h.Pairs = append(h.Pairs, value.Pair{Key: int64(i), Value: i})
		}
		var s keySet
		if i := s.firstRepeat(h.Pairs); i >= 0 {
			t.Errorf("%d keys: %d taken for a repeat", n, i)
		}
		h.Pairs = append(h.Pairs, value.Pair{Key: int64(0), Value: "last"})
		if i := s.firstRepeat(h.Pairs); i != n {
			t.Errorf("%d keys: repeat at %d", n, i)
		}
		if h.Pairs = s.merge(h.Pairs); h.Len() != n || h.Pairs[0].Value != "last" {
			t.Errorf("%d keys: %v", n, h.Pairs)
		}
	}
}
