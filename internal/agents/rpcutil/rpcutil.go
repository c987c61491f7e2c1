// Package rpcutil is the agent rpcutil, by which clients of SimpleRPC find a node and learn what it is.
//
// Its actions answer from memory what the node says of itself: inventory,
// get_fact, get_facts, daemon_stats, agent_inventory, get_config_item, ping and
// collective_info; get_data asks data plugins. Names, order and types of what
// they return are those of Ruby MCollective, whose commands index them: symbols
// for the outputs and for the keys inside of times and agents, strings for the
// names of facts. get_ddl, which Ruby has not, gives the definitions of the
// node's plugins to clients. The output inactive_agents of inventory, which
// Ruby has not either, is there when the node has agents that cannot work.
//
// An [Agent] belongs to one node and is small, so that a process may hold
// thousands.
package rpcutil

import (
	_ "embed"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/data"
	"mcollective/rpc"
)

// Name is the name of the agent in requests.
const Name = rpc.UtilAgent

//go:embed rpcutil.yaml
var text []byte

// Definition returns the definition of the agent.
var Definition = sync.OnceValue(func() *ddl.Definition {
	d, err := ddl.Parse(Name+".yaml", text)
	if err != nil {
		panic(err) // it is part of the program
	}
	return d
})

// DefinitionHash is the hash of Definition, for all nodes of a process.
var DefinitionHash = sync.OnceValue(func() string { return Definition().Hash() })

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

// Options configure an Agent: the sources of what it tells.
type Options struct {
	Machine Machine // required
	Daemon  Daemon  // required

	Data     *data.Set                // default: no data plugins
	Inactive func() map[string]string // agents that cannot work here, with the reason; default: none

	// Definitions finds what get_ddl gives, besides rpcutil's own; nil means that
	// the node has it not. Default: of the data plugins only.
	Definitions func(ddl.Kind, string) *ddl.Definition

	Version        string           // of the program
	ConfigFile     string           // path; empty if there is none
	MainCollective string           // default: the first of Collectives
	Collectives    []string         // default: mcollective
	Now            func() time.Time // default: time.Now
}

// An Agent is rpcutil on one node.
type Agent struct {
	*agent.Mux
	opts Options
}

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
	if opts.Inactive == nil {
		opts.Inactive = func() map[string]string { return nil }
	}
	a := &Agent{opts: opts}
	mux, err := agent.MuxOf(Definition(), map[string]agent.ActionFunc{
		"collective_info": a.collectiveInfo, "inventory": a.inventory, "get_fact": a.getFact, "get_facts": a.getFacts,
		"daemon_stats": a.daemonStats, "agent_inventory": a.agentInventory, "get_config_item": a.getConfigItem,
		"get_data": a.getData, "get_ddl": a.getDDL, "ping": a.ping,
	})
	if err != nil {
		panic(err) // the definition is part of the program
	}
	a.Mux = mux
	return a
}

// RunsInline implements agent.InlineAgent: these actions copy what the node has in memory.
func (a *Agent) RunsInline(action string) bool {
	switch action {
	case "ping", "collective_info", "get_fact", "agent_inventory", "get_config_item":
		return true
	}
	return false
}

var _ agent.InlineAgent = (*Agent)(nil)
