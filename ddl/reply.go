package ddl

import (
	"fmt"

	"mcollective/rpc"
	"mcollective/value"
)

// CheckReply compares the reply of a call that did not fail with what the action
// declares, for the agent's author: outputs that are declared and have no value or
// one of another type, and those that are not declared. An action that declares no
// outputs promises nothing.
func (a *Action) CheckReply(reply *rpc.Reply) []error {
	var problems []error
	for _, out := range a.Outputs {
		v, ok := reply.Output(out.Name)
		switch {
		case !ok || v == nil && out.Default == nil:
			problems = append(problems, fmt.Errorf("the output %s is declared and has no value", out.Name))
		case v != nil && !out.takes(v):
			problems = append(problems, fmt.Errorf("the output %s is declared as %s and is %v", out.Name, out.Type, v))
		}
	}
	if len(a.Outputs) == 0 {
		return problems
	}
	for k := range reply.Data.All() {
		name, isText := rpc.Text(k)
		if s, ok := k.(value.Symbol); ok {
			name, isText = string(s), true
		}
		if !isText || a.Output(name) == nil {
			problems = append(problems, fmt.Errorf("the output %v is not declared", k))
		}
	}
	return problems
}

// takes reports whether a value is of the declared type. Types that are neither
// Ruby's nor ours say nothing.
func (o *Output) takes(v any) bool {
	switch o.Type {
	case Float:
		return isType(v, Number) // JSON writes 2.0 as 2
	case String, Boolean, Integer, Number, Hash, Array:
		return isType(v, o.Type)
	}
	return true
}
