package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mcollective/ddl"
	"mcollective/rpc"
)

// An ActionFunc runs one action; see Agent.Call.
type ActionFunc func(ctx context.Context, req *Request, reply *rpc.Reply) error

// A Mux is an Agent that has a function for each action.
type Mux struct {
	definition *ddl.Definition
	actions    map[string]ActionFunc
}

// NewMux makes an agent of a definition, which is read as [ddl.Parse] does, and
// the functions of its actions. Each action that is declared needs one, and none
// is left over. A nil function stands for an action that this machine has not:
// it answers with rpc.UnknownAction.
//
// It reads all of the definition, so that a program makes only the agents that
// it runs.
func NewMux(file string, definition []byte, actions map[string]ActionFunc) (*Mux, error) {
	d, err := ddl.Parse(file, definition)
	if err != nil {
		return nil, err
	}
	return MuxOf(d, actions)
}

// MuxOf is NewMux for a definition that was read already, which many agents may
// share.
func MuxOf(d *ddl.Definition, actions map[string]ActionFunc) (*Mux, error) {
	var errs []error
	for _, a := range d.Actions {
		if _, ok := actions[a.Name]; !ok {
			errs = append(errs, fmt.Errorf("agent %s: action %s is declared and has no function", d.Metadata.Agent, a.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		if d.Action(name) == nil {
			errs = append(errs, fmt.Errorf("agent %s: action %s has a function and is not declared", d.Metadata.Agent, name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Mux{d, actions}, nil
}

// Definition implements Agent.
func (m *Mux) Definition() *ddl.Definition { return m.definition }

// Call implements Agent.
func (m *Mux) Call(ctx context.Context, req *Request, reply *rpc.Reply) error {
	if run := m.actions[req.Action]; run != nil {
		return run(ctx, req, reply)
	}
	return rpc.Errorf(rpc.UnknownAction, "Unknown action '%s' for agent '%s'", req.Action, m.definition.Metadata.Agent)
}
