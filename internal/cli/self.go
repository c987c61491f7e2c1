package cli

import (
	"sync/atomic"

	"mcollective/agent/ruby"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/data"
	"mcollective/internal/facts"
	"mcollective/internal/server"
	"mcollective/rpc"
)

// A self is this machine and the node on it, as the agent rpcutil tells of them.
type self struct {
	cfg     *config.Config
	facts   *facts.Facts
	classes *facts.Classes // nil for none
	engine  *atomic.Pointer[server.Server]
	data    *data.Set    // nil for none
	agents  *agents      // nil for none but rpcutil
	rubies  *ruby.Loader // nil for none
}

// agent makes rpcutil. It may be asked once engine is set.
func (s *self) agent() *rpcutil.Agent {
	return rpcutil.New(rpcutil.Options{
		Machine: s, Daemon: s, Version: Version(), ConfigFile: s.cfg.File,
		MainCollective: s.cfg.MainCollective, Collectives: s.cfg.Collectives,
		Data: s.data, Inactive: s.agents.inactive, Definitions: s.agents.definition,
	})
}

// Facts are the facts of this machine.
func (s *self) Facts() map[string]any { return s.facts.Snapshot() }

// Classes are the configuration management classes of this machine.
func (s *self) Classes() []string {
	if s.classes == nil {
		return nil
	}
	return s.classes.List()
}

// Agents are the agents of the node.
func (s *self) Agents() []rpc.Metadata { return s.engine.Load().Agents() }

// ConfigItem is a key of the node's configuration, if it is no secret.
func (s *self) ConfigItem(name string) (any, bool) { return rpcutil.Item(s.cfg, name) }

// Stats are the counters of the node.
func (s *self) Stats() rpcutil.Stats {
	n := s.engine.Load().Stats()
	return rpcutil.Stats{StartTime: n.StartTime, Total: n.Total, Validated: n.Validated, Unvalidated: n.Unvalidated,
		Passed: n.Passed, Filtered: n.Filtered, TTLExpired: n.TTLExpired, Replies: n.Replies}
}
