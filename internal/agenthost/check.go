package agenthost

import (
	"fmt"
	"math/big"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

// Check compares the answer of an action with what its definition promises, and
// returns what does not agree, for the agent's author: outputs that are declared
// and have no value, have one of another type, or are not declared. The outputs
// of a failed call may be missing.
func Check(action *ddl.Action, reply *rpc.Reply) []string {
	var wrong []string
	for _, o := range action.Outputs {
		v, ok := reply.Output(o.Name)
		switch {
		case (!ok || v == nil) && o.Default == nil:
			if reply.Status == rpc.OK {
				wrong = append(wrong, fmt.Sprintf("output %s is declared and has no value", o.Name))
			}
		case !isOf(v, o.Type):
			b, _ := stdio.ToJSON(stdio.ToPlain(v))
			wrong = append(wrong, fmt.Sprintf("output %s is declared %s and is %s", o.Name, o.Type, stdio.Clip(string(b[:max(len(b)-1, 0)]), 60)))
		}
	}
	for k := range reply.Data.All() {
		if name := stdio.KeyText(k); action.Output(name) == nil {
			wrong = append(wrong, fmt.Sprintf("output %s is not declared", name))
		}
	}
	return wrong
}

func isOf(v any, t ddl.Type) bool {
	_, isText := rpc.Text(v)
	switch v.(type) {
	case nil:
		return true
	case int64, *big.Int:
		return t != ddl.String && t != ddl.Boolean && t != ddl.Hash && t != ddl.Array
	case float64, *value.Float:
		return t == "" || t == ddl.Any || t == ddl.Float || t == ddl.Number
	case bool:
		return t == "" || t == ddl.Any || t == ddl.Boolean
	case *value.Map:
		return t == "" || t == ddl.Any || t == ddl.Hash
	case []any, *value.Array:
		return t == "" || t == ddl.Any || t == ddl.Array || t == ddl.List
	}
	return !isText || t == "" || t == ddl.Any || t == ddl.String || t == ddl.List
}
