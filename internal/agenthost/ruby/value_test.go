package ruby

import (
	"encoding/json"
	"log/slog"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

func TestRestore(t *testing.T) {
	reply := rpc.NewReply()
	reply.Set("out", value.NewMap("\x01sym", "\x01value", "text", "\x02\x01text", "\x043", []any{"\x03/w==", "", "\x03no base64"}, "\x04null", int64(1), "\x04true", nil))
	restore(reply)
	want := value.NewMap(value.Symbol("sym"), value.Symbol("value"), "text", "\x01text", int64(3), []any{value.Binary("\xff"), "", "\x03no base64"}, nil, int64(1), true, nil)
	got, _ := reply.Output("out")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzAnswers gives what a process might say while plugins are loaded.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("{\"begin\":[\"agent\",\"a\"]}\n{\"end\":[\"agent\",\"a\"],\"why\":null}\n{\"begin\":[\"agent\",\"b\"]}\n"))
	f.Add([]byte("{\"end\":[],\"why\":\"x\"}\n{\"end\":[]}\n{\"end\":[]}\n{\"type\":\"log\",\"level\":\"warn\",\"text\":\"t\"}\nx"))
	l := NewLoader(Options{Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, said []byte) {
		plugins := []*candidate{{key: key{ddl.Agent, "a"}}, {key: key{ddl.Agent, "b"}}}
		begun, answered := l.answers(plugins, said)
		if answered < 0 || answered > len(plugins) || begun > answered {
			t.Fatalf("begun %d, answered %d", begun, answered)
		}
		for i, p := range plugins {
			if p.asked != (i < answered) {
				t.Fatalf("plugin %d: asked %v of %d", i, p.asked, answered)
			}
		}
	})
}

// FuzzRestore gives any text as a value and as a key.
func FuzzRestore(f *testing.F) {
	for _, s := range []string{"", "\x01", "\x02", "\x03aGk=", "\x04-1", "\x0499999999999999999999", "plain"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reply := rpc.NewReply()
		reply.Set("v", []any{s, value.NewMap(s, s)})
		restore(reply)
		if _, err := rpc.ParseReply(reply.Body()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTold is about definitions that JSON must be able to hold, whatever is in them.
func TestTold(t *testing.T) {
	d := &ddl.Definition{Kind: ddl.Agent, Metadata: rpc.Metadata{Agent: "a", Timeout: 1500e6}, Actions: []*ddl.Action{{
		Name:    "x",
		Inputs:  []*ddl.Input{{Name: "i", Default: value.NewMap(value.Symbol("a"), []any{big.NewInt(1), value.Symbol("s")}), List: []any{int64(1)}, Validation: ddl.Validation{Validator: "shellsafe"}}},
		Outputs: []*ddl.Output{{Name: "o", Default: 1.5}},
	}}}
	b, err := json.Marshal((&candidate{definition: d}).told())
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, "definition", string(b), `{"meta":{"name":"","description":"","author":"","license":"","version":"","url":"","timeout":1.5},"actions":{"x":{"description":"","display":"",
		"input":{"i":{"prompt":"","description":"","type":"","optional":false,"default":{"a":[1,"s"]},"list":[1],"validation":"shellsafe","validator":true}},
		"output":{"o":{"description":"","display_as":"","default":1.5}}}}}`)
}

// BenchmarkCall is a call of an action that does next to nothing, once its process
// runs.
func BenchmarkCall(b *testing.B) {
	l, _ := open(b, nil)
	agents, _ := l.Load(b.Context())
	call := an(b, agents, "exercise")
	call("other")
	for b.Loop() {
		if r := call("other"); r.Status != 0 {
			b.Fatal(r.Message)
		}
	}
}
