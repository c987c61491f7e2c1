package ddl

import (
	"testing"

	"mcollective/rpc"
	"mcollective/value"
)

func TestCheckReply(t *testing.T) {
	def := &Action{Name: "a", Outputs: []*Output{
		{Name: "n", Type: Integer}, {Name: "f", Type: Float}, {Name: "l", Type: Array}, {Name: "any"}, {Name: "filled", Type: String, Default: "x"},
	}}
	reply := &rpc.Reply{Data: value.NewMap(value.Symbol("n"), int64(1), value.Symbol("f"), int64(2), value.Symbol("l"), []any{},
		value.Symbol("any"), true, value.Symbol("filled"), nil)}
	if problems := def.CheckReply(reply); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
	reply.Data.Set(value.Symbol("n"), "1")
	reply.Data.Set(value.Symbol("any"), nil)
	reply.Data.Set(value.Symbol("more"), 1.5)
	if problems := def.CheckReply(reply); len(problems) != 3 {
		t.Errorf("%v", problems)
	}
}
