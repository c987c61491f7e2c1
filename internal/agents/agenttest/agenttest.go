// Package agenttest calls the actions of an agent as a node does.
package agenttest

import (
	"testing"
	"time"

	"mcollective/agent"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// Call calls an action, with inputs as names and values in turn, and returns the
// reply whatever its status. The request is judged by the definition first.
func Call(t testing.TB, a agent.Agent, action string, inputs ...any) *rpc.Reply {
	t.Helper()
	data := value.NewMap()
	for i := 0; i < len(inputs); i += 2 {
		v := inputs[i+1]
		if n, ok := v.(int); ok {
			v = int64(n) // as it is when it was sent
		}
		data.Set(value.Symbol(inputs[i].(string)), v)
	}
	name := a.Definition().Metadata.Agent
	body := (&rpc.Request{Agent: name, Action: action, Caller: "uid=0", Data: data}).Body()
	answer, err := agent.NewHandler(a, agent.Options{}).Handle(t.Context(), &message.Request{
		ID: "0123456789abcdef0123456789abcdef", Agent: name, Sender: "client", Caller: "uid=0", Collective: "mcollective", Time: time.Now(), TTL: time.Minute, Body: body,
	})
	if answer == nil {
		t.Fatalf("%s %s: %v", name, action, err)
	}
	reply, err := rpc.ParseReply(answer)
	if err != nil {
		t.Fatalf("%s %s: %v", name, action, err)
	}
	return reply
}

// OK is Call for an action that must not fail.
func OK(t testing.TB, a agent.Agent, action string, inputs ...any) *rpc.Reply {
	t.Helper()
	reply := Call(t, a, action, inputs...)
	if reply.Status != rpc.OK {
		t.Fatalf("%s %v: status %d, %s", action, inputs, reply.Status, reply.Message)
	}
	return reply
}

// Output returns the value of an output of a reply.
func Output[T any](t testing.TB, reply *rpc.Reply, name string) T {
	t.Helper()
	v, _ := reply.Output(name)
	value, ok := v.(T)
	if !ok {
		t.Fatalf("output %s is %T %v, want %T", name, v, v, value)
	}
	return value
}
