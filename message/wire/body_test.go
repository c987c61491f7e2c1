package wire

import (
	"reflect"
	"strings"
	"testing"

	"mcollective/value"
)

// FuzzBody: a body that is taken is the same after it was written and read again.
func FuzzBody(f *testing.F) {
	for s := range names {
		for _, v := range []any{nil, "ping", int64(-5), 1.5, value.Binary("\xff"), sym("a b"), value.NewRegexp("ü", 7), []any{"yes", "1:30", ":x", "", "\n "},
			value.NewMap(sym("agent"), "rpcutil", sym("data"), value.NewMap(sym("process_results"), true, "<<", []any{}), int64(1), nil, "!x", "!")} {
			data, err := Serializer(s).EncodeBody(v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(s), data)
		}
	}
	f.Add(uint8(YAML), []byte("---\n:a: |\n  x\n\n  y\n:b:\n- - 1\n  - ! \":c d\"\n- !binary |-\n  AP8=\n"))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		s := Serializer(which % uint8(len(names)))
		first, err := s.DecodeRequestBody(string(data))
		if err != nil {
			return
		}
		again, err := s.EncodeBody(first)
		if err != nil {
			if strings.Contains(err.Error(), "too long for YAML") {
				return
			}
			t.Fatalf("%#v cannot be written: %v", first, err)
		}
		second, err := s.DecodeRequestBody(string(again))
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%#v\ncame as\n%#v (%v) by\n%s", first, second, err, again)
		}
	})
}
