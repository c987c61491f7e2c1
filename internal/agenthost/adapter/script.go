package adapter

import (
	"context"
	"fmt"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
)

// A Script calls programs that speak our own protocol.
type Script struct {
	Spoken stdio.Form // JSON or YAML
	Output stdio.Form // that the descriptor promises
	Words  bool       // it declares no actions and is given arguments
}

// Call implements Adapter.
func (s Script) Call(ctx context.Context, h Host, req *stdio.Request, action *ddl.Action, reply *rpc.Reply) error {
	stdin, err := req.Encode(s.Spoken)
	if err != nil {
		return fmt.Errorf("agent %s cannot be told the request: %w", h.Agent(), err)
	}
	c := Command{Env: append(req.Environ(), "MCO_CONFIG_FILE="+h.Config()), Stdin: stdin}
	if path := h.Facts(); path != "" {
		c.Env = append(c.Env, "MCO_FACTS_FILE="+path)
	}
	if s.Words {
		if c.Args, err = arguments(req); err != nil {
			return err
		}
	}
	res, err := h.Run(ctx, c)
	if err != nil {
		return err
	}
	printed, unreadable := stdio.ReadOutput(s.Output, s.Spoken, res.Stdout)
	if res.Exit != 0 || res.Signal != "" {
		if unreadable == nil {
			reply.Status = -1
			if err := stdio.Fill(reply, printed, action.CoerceOutput); err == nil && reply.Status > 0 {
				return nil // it says itself what is wrong
			}
		}
		reply.Status = 0
		return ending(h.Agent(), res.Result)
	}
	if unreadable == nil {
		unreadable = stdio.Fill(reply, printed, action.CoerceOutput)
	}
	if unreadable != nil {
		return rpc.Errorf(rpc.UnknownError, "agent %s did not answer: %v", h.Agent(), unreadable)
	}
	return nil
}

// ScriptDefinition is that of a program that declares no actions.
func ScriptDefinition(name string) (*ddl.Definition, error) {
	return native(name, map[string]any{
		"description": "The program " + name,
		"timeout":     60,
		"actions": map[string]any{"run": map[string]any{
			"description": "Run the program", "display": "always", "other_inputs": true, // it says nothing of its inputs
			"input": map[string]any{ArgsInput: map[string]any{
				"type": "any", "prompt": "Arguments", "description": "Its arguments: a list, or a text of words", "required": false,
			}},
		}},
	})
}
