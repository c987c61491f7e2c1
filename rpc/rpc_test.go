package rpc_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/marshal"
	"mcollective/rpc"
)

type sym = marshal.Symbol

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		body  *marshal.Hash
		want  rpc.Request
		input any
	}{
		"symbols": {marshal.NewHash(sym("agent"), "a", sym("action"), "b", sym("caller"), "uid=0", sym("data"), marshal.NewHash(sym("x"), 1)),
			rpc.Request{Agent: "a", Action: "b", Caller: "uid=0"}, 1},
		"strings": {marshal.NewHash("agent", "a", "action", "b", "caller", "uid=0", "data", marshal.NewHash("x", 1)),
			rpc.Request{Agent: "a", Action: "b", Caller: "uid=0"}, 1},
		"binary strings": {marshal.NewHash(marshal.Binary("agent"), marshal.Binary("a"), marshal.Binary("data"), marshal.NewHash(marshal.Binary("x"), 1)),
			rpc.Request{Agent: "a"}, 1},
		"symbols win": {marshal.NewHash("action", "a", sym("action"), "b", sym("data"), marshal.NewHash("x", 1, sym("x"), 2)),
			rpc.Request{Action: "b"}, 2},
		"nil is an input": {marshal.NewHash(sym("data"), marshal.NewHash(sym("x"), nil, "x", 2)), rpc.Request{}, nil},
		"names of other kinds": {marshal.NewHash("action", int64(7), "agent", []any{}, "caller", sym("c"), "data", marshal.NewHash("x", 1)),
			rpc.Request{Action: "7", Caller: "c"}, 1},
	} {
		got, err := rpc.Parse(test.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
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
	}
}

func TestWhoGetsNoReply(t *testing.T) {
	silent := func(data ...any) bool {
		r, err := rpc.Parse(marshal.NewHash(sym("data"), marshal.NewHash(data...)))
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
		nil, "ping", []any{"ping"}, int64(1), (*marshal.Hash)(nil), marshal.NewHash(),
		marshal.NewHash(sym("data"), nil), marshal.NewHash(sym("data"), "x"), marshal.NewHash(sym("data"), []any{}),
		marshal.NewHash(sym("data"), (*marshal.Hash)(nil)), marshal.NewHash(sym("data"), nil, "data", marshal.NewHash()),
	} {
		if r, err := rpc.Parse(body); !errors.Is(err, rpc.ErrNoReply) {
			t.Errorf("%#v: %v, %v", body, r, err)
		}
	}
}

func TestReply(t *testing.T) {
	r := rpc.NewReply("fact", "value")
	r.Set("value", "x")
	r.Set("more", int64(1))
	data := marshal.NewHash(sym("fact"), nil, sym("value"), "x", sym("more"), int64(1))
	want := marshal.NewHash(sym("statuscode"), int64(0), sym("statusmsg"), "OK", sym("data"), data)
	if diff := cmp.Diff(want, r.Body()); diff != "" {
		t.Error(diff)
	}
	for err, status := range map[error]int64{
		rpc.Errorf(rpc.MissingData, "no %s", "\xff"):           3,
		fmt.Errorf("%w", rpc.Errorf(rpc.Aborted, "no \uFFFD")): 1,
		errors.New("no \uFFFD"):                                5,
	} {
		r.Fail(err)
		want := marshal.NewHash(sym("statuscode"), status, sym("statusmsg"), "no \uFFFD", sym("data"), data)
		if diff := cmp.Diff(want, r.Body()); diff != "" {
			t.Error(diff)
		}
	}
	want = marshal.NewHash(sym("statuscode"), int64(1), sym("statusmsg"), "no", sym("data"), marshal.NewHash())
	if diff := cmp.Diff(want, (&rpc.Reply{Status: rpc.Aborted, Message: "no"}).Body(), cmp.Transformer("pairs", func(h *marshal.Hash) []marshal.Pair { return h.Pairs })); diff != "" {
		t.Error(diff)
	}
}

func TestText(t *testing.T) {
	for _, v := range []any{"a", marshal.Binary("a"), &marshal.String{Bytes: "a", Encoding: "ISO-8859-1"}} {
		if s, ok := rpc.Text(v); s != "a" || !ok {
			t.Errorf("%#v: %q, %v", v, s, ok)
		}
	}
	for _, v := range []any{nil, sym("a"), int64(1), []any{"a"}, (*marshal.String)(nil)} {
		if s, ok := rpc.Text(v); ok {
			t.Errorf("%#v is text %q", v, s)
		}
	}
}
