package app

import (
	"sync/atomic"

	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/data"
	"mcollective/internal/facts"
	"mcollective/internal/nodeagents"
	"mcollective/internal/server"
	"mcollective/rpc"
)

// A nodeInfo is this machine and the node on it, as the agent rpcutil tells of them.
type nodeInfo struct {
	cfg     *config.Config
	facts   *facts.Facts
	classes *facts.Classes // nil for none
	engine  *atomic.Pointer[server.Server]
}

// agent makes rpcutil. It may be asked once engine is set.
func (i *nodeInfo) agent(version string, data *data.Set, agents *nodeagents.Set) *rpcutil.Agent {
	return rpcutil.New(rpcutil.Options{
		Machine: i, Daemon: i, Version: version, ConfigFile: i.cfg.File,
		MainCollective: i.cfg.MainCollective, Collectives: i.cfg.Collectives,
		Data: data, Inactive: agents.Inactive, Definitions: agents.Definition,
	})
}

// Facts returns the facts of this machine.
func (i *nodeInfo) Facts() map[string]any { return i.facts.Snapshot() }

// Classes returns the configuration management classes of this machine.
func (i *nodeInfo) Classes() []string {
	if i.classes == nil {
		return nil
	}
	return i.classes.List()
}

// Agents returns the agents of the node.
func (i *nodeInfo) Agents() []rpc.Metadata { return i.engine.Load().Agents() }

// ConfigItem returns a key of the node's configuration, if it is no secret.
func (i *nodeInfo) ConfigItem(name string) (any, bool) { return rpcutil.Item(i.cfg, name) }

// Stats returns the counters of the node.
func (i *nodeInfo) Stats() rpcutil.Stats {
	n := i.engine.Load().Stats()
	return rpcutil.Stats{StartTime: n.StartTime, Total: n.Total, Validated: n.Validated, Unvalidated: n.Unvalidated,
		Passed: n.Passed, Filtered: n.Filtered, TTLExpired: n.TTLExpired, Replies: n.Replies}
}
