// Package rpcutil is the agent rpcutil, by which clients of SimpleRPC find a node and learn what it is.
//
// Its nine actions answer from memory what the node says of itself: inventory,
// get_fact, get_facts, daemon_stats, agent_inventory, get_config_item, get_data,
// ping and collective_info. Names, order and types of what they return are those
// of Ruby MCollective, whose commands index them: symbols for the outputs and for
// the keys inside of times and agents, strings for the names of facts. Inputs
// are checked as Ruby's declaration of the agent has them, with its texts.
//
// An [Agent] belongs to one node and is small, so that a process may hold
// thousands.
package rpcutil

import (
	"context"
	"time"

	"mcollective/marshal"
	"mcollective/message"
	"mcollective/rpc"
)

// Name is what requests call the agent.
const Name = "rpcutil"

const timeout = 10 * time.Second

// A Machine is what the node runs on. Its methods answer at once, may be called
// by many goroutines, and nobody changes what they return.
type Machine interface {
	// Facts are all facts: text, []any and map[string]any of the same.
	Facts() map[string]any
	// Classes are the configuration management classes.
	Classes() []string
}

// A Daemon is the program that is the node. Its methods answer at once and may
// be called by many goroutines.
type Daemon interface {
	// Agents are the agents of the node, in the order of their names.
	Agents() []rpc.Metadata
	// Stats are the counters of the node.
	Stats() Stats
	// ConfigItem is the value in force of a key of the configuration that
	// anybody may know, as a message's body may hold it. See Item.
	ConfigItem(name string) (value any, ok bool)
}

// Stats count the messages since the node started.
type Stats struct {
	StartTime   time.Time
	Total       uint64 // received
	Validated   uint64 // of these, proven to be requests
	Unvalidated uint64 // of these, not
	Passed      uint64 // requests that the filter let pass
	Filtered    uint64 // requests for other nodes
	TTLExpired  uint64 // requests that came too late
	Replies     uint64 // replies sent
}

// Options are what an Agent tells of.
type Options struct {
	Machine Machine // required
	Daemon  Daemon  // required

	Version        string           // of the program
	ConfigFile     string           // path; empty if there is none
	MainCollective string           // default: the first of Collectives
	Collectives    []string         // default: mcollective
	Now            func() time.Time // default: time.Now
}

// An Agent is rpcutil on one node.
type Agent struct{ opts Options }

// New makes the agent of a node.
func New(opts Options) *Agent {
	if len(opts.Collectives) == 0 {
		opts.Collectives = []string{"mcollective"}
	}
	if opts.MainCollective == "" {
		opts.MainCollective = opts.Collectives[0]
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Agent{opts}
}

// Metadata is what agent_inventory tells of rpcutil itself.
func (a *Agent) Metadata() rpc.Metadata {
	return rpc.Metadata{
		Agent: Name, Name: Name, Version: "1.0", Timeout: timeout,
		Description: "General helpful actions that expose stats and internals to SimpleRPC clients",
	}
}

// Timeout is the time limit of one request.
func (a *Agent) Timeout() time.Duration { return timeout }

// Handle answers a request. The error is rpc.ErrNoReply for a caller who wants
// no answer, and for what is no request. None of the actions changes anything,
// so what nobody wants to know is not found out.
func (a *Agent) Handle(_ context.Context, m *message.Request) (any, error) {
	req, err := rpc.Parse(m.Body)
	if err != nil {
		return nil, err
	}
	if req.Silent {
		return nil, rpc.ErrNoReply
	}
	act := find(req.Action)
	if act == nil {
		return refuse(rpc.NewReply(), rpc.Errorf(rpc.InvalidData, "Attempted to call action %s for %s but it's not declared in the DDL", clip(req.Action), Name)), nil
	}
	reply := rpc.NewReply(act.outputs...)
	if err := act.check(req); err != nil {
		return refuse(reply, err), nil
	}
	if err := act.run(a, req, reply); err != nil {
		return refuse(reply, err), nil
	}
	return reply.Body(), nil
}

func refuse(r *rpc.Reply, err error) *marshal.Hash {
	r.Fail(err)
	return r.Body()
}

// clip keeps a text from the wire short enough to be sent back.
func clip(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
