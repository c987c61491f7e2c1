package value

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"testing"
)

func TestForJSON(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901", 10)
	in := NewMap(
		Symbol("n"), int64(1), "int", 2, "big", huge, "f", 0.5, "nan", math.NaN(), "kept", &Float{Value: 1.5},
		"text", "\xff", "bytes", Binary("ab"), "other", &String{Bytes: "c", Encoding: "ISO-8859-1"}, "none", nil, "yes", true,
		"list", []any{Symbol("x"), &Array{Items: []any{NewMap(int64(7), "seven")}}},
		"nobody", []any{(*Array)(nil), (*String)(nil), (*Float)(nil), (*Map)(nil)}, "regexp", Regexp{Source: "x"},
	)
	want := map[string]any{
		"n": int64(1), "int": int64(2), "big": json.Number("123456789012345678901"), "f": 0.5, "nan": "NaN", "kept": 1.5,
		"text": "\uFFFD", "bytes": "ab", "other": "c", "none": nil, "yes": true,
		"list":   []any{"x", []any{map[string]any{"7": "seven"}}},
		"nobody": []any{nil, nil, nil, map[string]any{}}, "regexp": "{x 0  <nil>}",
	}
	got := ForJSON(in)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%#v, want %#v", got, want)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
	var deep any = "x"
	for range 1000 {
		deep = []any{deep}
	}
	if text, err := json.Marshal(ForJSON(deep)); err != nil || len(text) > 200 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}
