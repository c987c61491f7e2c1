package rpc_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/subtest"
	"mcollective/marshal"
	"mcollective/rpc"
	"mcollective/value"
)

func TestValue(t *testing.T) {
	type level string
	type disk struct {
		Name   string `json:"name"`
		Used   uint64
		Note   *string `json:"note,omitempty"`
		Secret string  `json:"-"`
		hidden int
	}
	text := "x"
	h := value.NewMap("a", []any{"b"})
	for i, c := range []struct{ in, want any }{
		{nil, nil}, {true, true}, {3, int64(3)}, {int8(-3), int64(-3)}, {uint32(3), int64(3)},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)}, {float32(0.5), 0.5},
		{"é", "é"}, {"\xff", value.Binary("\xff")}, {[]byte("a"), value.Binary("a")}, {sym("a"), sym("a")}, {level("high"), "high"},
		{time.Unix(12, 5), int64(12)}, {1500 * time.Millisecond, 1.5},
		{[]string{"a", "\xff"}, []any{"a", value.Binary("\xff")}}, {[]any{1, "b"}, []any{int64(1), "b"}}, {[2]bool{true}, []any{true, false}}, {[]int(nil), []any{}},
		{&text, "x"}, {(*int)(nil), nil}, {h, h},
		{map[string]any{"b": 1, "a": []int{2}}, value.NewMap("a", []any{int64(2)}, "b", int64(1))},
		{map[level]int{"low": 1}, value.NewMap("low", int64(1))},
		{disk{"sda", 7, nil, "s", 1}, value.NewMap(sym("name"), "sda", sym("used"), int64(7))},
		{[]disk{{Note: &text}}, []any{value.NewMap(sym("name"), "", sym("used"), int64(0), sym("note"), "x")}},
	} {
		t.Run(subtest.Name(c.in), func(t *testing.T) {
			got, err := rpc.Value(c.in)
			if err != nil {
				t.Errorf("%d: %#v: %v", i, c.in, err)
				return
			}
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
				t.Errorf("%d: %#v: %s", i, c.in, diff)
			}
		})
	}
	loop := map[string]any{}
	loop["x"] = loop
	for _, bad := range []any{make(chan int), func() {}, map[int]int{1: 1}, []any{complex(1, 1)}, loop} {
		if v, err := rpc.Value(bad); err == nil {
			t.Errorf("%T becomes %v", bad, v)
		}
	}
	r := rpc.NewReply("a", "b")
	r.Set("a", make(chan int))
	r.Set("b", 1)
	if r.Status != rpc.UnknownError || r.Message != "output a: a message cannot hold chan int" {
		t.Errorf("status %d %q", r.Status, r.Message)
	}
	if v, ok := r.Output("b"); v != int64(1) || !ok {
		t.Errorf("b is %v", v)
	}
}

func TestParseReplyIsBounded(t *testing.T) {
	big := func(n int) *value.Map {
		data := &value.Map{}
		for i := range n {
			data.Pairs = append(data.Pairs, value.Pair{Key: fmt.Sprint("k", i)}, value.Pair{Key: int64(i)})
		}
		return value.NewMap(sym("statuscode"), int64(0), sym("data"), data)
	}
	if r, err := rpc.ParseReply(big(5000)); err != nil || r.Data.Len() != 10000 {
		t.Errorf("%v", err)
	}
	if _, err := rpc.ParseReply(big(5001)); err == nil || !strings.Contains(err.Error(), "10002 outputs") {
		t.Errorf("%v", err)
	}
}

func TestParseReply(t *testing.T) {
	r, err := rpc.ParseReply(value.NewMap("statuscode", int64(1), sym("statusmsg"), value.Binary("no"), "data",
		value.NewMap("b", 1, sym("a"), 2, "a", 3, sym("b"), 4, int64(5), 6, value.Binary("c"), 7)))
	if err != nil {
		t.Fatal(err)
	}
	want := &rpc.Reply{Status: rpc.Aborted, Message: "no", Data: value.NewMap(sym("b"), 4, sym("a"), 2, int64(5), 6, sym("c"), 7)}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []any{
		nil, "no", value.NewMap(), value.NewMap(sym("statuscode"), "0"), value.NewMap(sym("statuscode"), int64(-1)), (*value.Map)(nil),
		value.NewMap(sym("statuscode"), int64(0), sym("data"), int64(1)), value.NewMap(sym("statuscode"), int64(0), sym("data"), []any{"x"}),
	} {
		if r, err := rpc.ParseReply(bad); err == nil {
			t.Errorf("%v is a reply: %v", bad, r)
		}
	}
}

// TestParseReplyOfText is of an agent in Ruby that says reply.data = "text".
func TestParseReplyOfText(t *testing.T) {
	for _, data := range []any{"x", value.Binary("x")} {
		r, err := rpc.ParseReply(value.NewMap(sym("statuscode"), int64(0), sym("data"), data))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(value.NewMap(sym("data"), "x"), r.Data); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	seed := func(v any) {
		data, err := marshal.AppendMarshal(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	reply := rpc.NewReply("a")
	reply.Set("a", map[string]any{"x": []int{1}})
	seed(reply.Body())
	seed(value.NewMap("statuscode", int64(7), "statusmsg", sym("x"), "data", value.NewMap("a", 1, sym("a"), 2, nil, 3)))
	seed("pong")
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := marshal.BodyPolicy.Unmarshal(data)
		if err != nil {
			return
		}
		r, err := rpc.ParseReply(body)
		if err != nil {
			return
		}
		if r.Data == nil || r.Status < 0 {
			t.Fatalf("%+v", r)
		}
		seen := map[sym]bool{}
		for k := range r.Data.All() {
			if s, ok := k.(sym); ok {
				if seen[s] {
					t.Fatalf("output %s comes twice", s)
				}
				seen[s] = true
			}
		}
		if again, err := rpc.ParseReply(r.Body()); err != nil || again.Data.Len() != r.Data.Len() {
			t.Fatalf("%v", err)
		}
	})
}
