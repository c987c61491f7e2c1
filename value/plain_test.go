package value

import (
	"reflect"
	"testing"
)

func TestPlain(t *testing.T) {
	text := func(v any) any {
		if s, ok := v.(Symbol); ok {
			return string(s)
		}
		return v
	}
	in := NewMap(Symbol("a"), []any{int64(1), Symbol("x"), &Array{Items: []any{nil}}}, int64(2), NewMap(), "none", (*Array)(nil), "empty", (*Map)(nil))
	want := map[string]any{"a": []any{int64(1), "x", []any{nil}}, "2": map[string]any{}, "none": nil, "empty": map[string]any{}}
	if got := Plain(in, text); !reflect.DeepEqual(got, want) {
		t.Errorf("%#v, want %#v", got, want)
	}
}
