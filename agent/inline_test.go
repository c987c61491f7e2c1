package agent_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"mcollective/agent"
	"mcollective/message"
	"mcollective/rpc"
)

// A memory is an agent whose action work is prompt.
type memory struct{ *agent.Mux }

func (memory) RunsInline(action string) bool { return action == "work" }

// goroutine is the number of the one that calls.
func goroutine() string {
	var b [64]byte
	return strings.Fields(string(b[:runtime.Stack(b[:], false)]))[1]
}

func TestInlineActionsHaveNoGoroutine(t *testing.T) {
	var ran string
	var left context.Context
	act := func(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
		ran, left = goroutine(), ctx
		if at, ok := ctx.Deadline(); !ok || time.Until(at) > 4*time.Second || ctx.Err() != nil {
			t.Errorf("%s: deadline %v, %v", req.Action, at, ctx.Err())
		}
		if name, _ := req.String("name"); name == "panic" {
			panic("oh")
		}
		reply.Set("message", "done")
		return nil
	}
	m, err := agent.NewMux("tests.yaml", []byte(definition), map[string]agent.ActionFunc{"work": act, "slow": act, "missing": nil})
	if err != nil {
		t.Fatal(err)
	}
	h := agent.NewHandler(memory{m}, agent.Options{})
	for action, here := range map[string]bool{"work": true, "slow": false} {
		t.Run(action, func(t *testing.T) {
			status, text, data := call(t, h, body(action, "name", "x"))
			if v, _ := data.Get(sym("message")); status != 0 || v != "done" {
				t.Errorf("%s: status %d %q %v", action, status, text, v)
			}
			if (ran == goroutine()) != here {
				t.Errorf("%s ran on goroutine %s, called from %s", action, ran, goroutine())
			}
			if left.Err() == nil {
				t.Errorf("%s: its context outlives it", action)
			}
		})
	}
	if status, text, _ := call(t, h, body("work", "name", "panic")); status != 5 || !strings.HasPrefix(text, "action work of agent tests broke") {
		t.Errorf("a panic: status %d %q", status, text)
	}
	if _, err := h.Handle(t.Context(), &message.Request{Body: body("work", "name", "x", "process_results", false)}); err != rpc.ErrNoReply {
		t.Errorf("who wants no reply: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := call(t, h, body("work", "name", "x")); status != 5 || !strings.Contains(text, "is being replaced") {
		t.Errorf("closed: status %d %q", status, text)
	}
}
