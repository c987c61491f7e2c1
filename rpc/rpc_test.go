package rpc_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/rpc"
	"mcollective/value"
)

type sym = value.Symbol

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		body  *value.Map
		want  rpc.Request
		input any
	}{
		"symbols": {value.NewMap(sym("agent"), "a", sym("action"), "b", sym("caller"), "uid=0", sym("data"), value.NewMap(sym("x"), 1)),
			rpc.Request{Agent: "a", Action: "b", Caller: "uid=0"}, 1},
		"strings": {value.NewMap("agent", "a", "action", "b", "caller", "uid=0", "data", value.NewMap("x", 1)),
			rpc.Request{Agent: "a", Action: "b", Caller: "uid=0"}, 1},
		"binary strings": {value.NewMap(value.Binary("agent"), value.Binary("a"), value.Binary("data"), value.NewMap(value.Binary("x"), 1)),
			rpc.Request{Agent: "a"}, 1},
		"symbols win": {value.NewMap("action", "a", sym("action"), "b", sym("data"), value.NewMap("x", 1, sym("x"), 2)),
			rpc.Request{Action: "b"}, 2},
		"nil is an input": {value.NewMap(sym("data"), value.NewMap(sym("x"), nil, "x", 2)), rpc.Request{}, nil},
		"names of other kinds": {value.NewMap("action", int64(7), "agent", []any{}, "caller", sym("c"), "data", value.NewMap("x", 1)),
			rpc.Request{Action: "7", Caller: "c"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rpc.Parse(test.body)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if input, ok := got.Input("x"); !ok || input != test.input {
				t.Errorf("%s: input %v, %v", name, input, ok)
			}
			if _, ok := got.Input("y"); ok {
				t.Errorf("%s: has an input that nobody gave", name)
			}
			got.Data = nil
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

func TestWhoGetsNoReply(t *testing.T) {
	silent := func(data ...any) bool {
		r, err := rpc.Parse(value.NewMap(sym("data"), value.NewMap(data...)))
		if err != nil {
			t.Fatal(err)
		}
		return r.Silent
	}
	for _, wanted := range []any{true, "false", int64(0), ""} {
		if silent(sym("process_results"), wanted) || silent("process_results", wanted) {
			t.Errorf("process_results %#v: no reply", wanted)
		}
	}
	if silent() {
		t.Error("no reply for who does not say")
	}
	for _, unwanted := range []any{false, nil} {
		if !silent(sym("process_results"), unwanted) || !silent("process_results", unwanted) {
			t.Errorf("process_results %#v: a reply", unwanted)
		}
	}
	for _, body := range []any{
		nil, "ping", []any{"ping"}, int64(1), (*value.Map)(nil), value.NewMap(),
		value.NewMap(sym("data"), nil), value.NewMap(sym("data"), "x"), value.NewMap(sym("data"), []any{}),
		value.NewMap(sym("data"), (*value.Map)(nil)), value.NewMap(sym("data"), nil, "data", value.NewMap()),
	} {
		if r, err := rpc.Parse(body); !errors.Is(err, rpc.ErrNoReply) {
			t.Errorf("%#v: %v, %v", body, r, err)
		}
	}
}

// Nodes of Ruby find inputs under symbols only. What a caller writes as a string
// reaches them all the same.
func TestRequestHasSymbols(t *testing.T) {
	r := rpc.Request{Agent: "a", Action: "b", Caller: "uid=0", Data: value.NewMap("x", 1, "y", 2, sym("y"), 3, sym("process_results"), false, int64(4), 5)}
	want := value.NewMap(sym("agent"), "a", sym("action"), "b", sym("caller"), "uid=0", sym("data"),
		value.NewMap(sym("x"), 1, sym("y"), 3, sym("process_results"), true, int64(4), 5))
	if diff := cmp.Diff(want, r.Body()); diff != "" {
		t.Error(diff)
	}
}

func TestReply(t *testing.T) {
	r := rpc.NewReply("fact", "value")
	r.Set("value", "x")
	r.Set("more", int64(1))
	data := value.NewMap(sym("fact"), nil, sym("value"), "x", sym("more"), int64(1))
	want := value.NewMap(sym("statuscode"), int64(0), sym("statusmsg"), "OK", sym("data"), data)
	if diff := cmp.Diff(want, r.Body()); diff != "" {
		t.Error(diff)
	}
	for err, status := range map[error]int64{
		rpc.Errorf(rpc.MissingData, "no %s", "\xff"):           3,
		fmt.Errorf("%w", rpc.Errorf(rpc.Aborted, "no \uFFFD")): 1,
		errors.New("no \uFFFD"):                                5,
	} {
		r.Fail(err)
		want := value.NewMap(sym("statuscode"), status, sym("statusmsg"), "no \uFFFD", sym("data"), data)
		if diff := cmp.Diff(want, r.Body()); diff != "" {
			t.Error(diff)
		}
	}
	want = value.NewMap(sym("statuscode"), int64(1), sym("statusmsg"), "no", sym("data"), value.NewMap())
	if diff := cmp.Diff(want, (&rpc.Reply{Status: rpc.Aborted, Message: "no"}).Body(), cmp.Transformer("pairs", func(h *value.Map) []value.Pair { return h.Pairs })); diff != "" {
		t.Error(diff)
	}
}

func TestText(t *testing.T) {
	for _, v := range []any{"a", value.Binary("a"), &value.String{Bytes: "a", Encoding: "ISO-8859-1"}} {
		if s, ok := rpc.Text(v); s != "a" || !ok {
			t.Errorf("%#v: %q, %v", v, s, ok)
		}
	}
	for _, v := range []any{nil, sym("a"), int64(1), []any{"a"}, (*value.String)(nil)} {
		if s, ok := rpc.Text(v); ok {
			t.Errorf("%#v is text %q", v, s)
		}
	}
}
