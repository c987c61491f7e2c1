package swarm

import (
	"maps"

	"mcollective/agent"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/server"
	"mcollective/rpc"
)

// A self is a node as its agent rpcutil tells of it.
type self struct {
	node   *Node
	config *config.Config // shared by all nodes
	server *server.Server // set before it runs
}

// agents returns the node's agents besides discovery.
func (s *self) agents(o Options) map[string]server.Handler {
	all := make(map[string]server.Handler, len(o.Handlers)+1)
	all[rpcutil.Name] = agent.NewHandler(rpcutil.New(rpcutil.Options{
		Machine: s, Daemon: s, Version: o.Version, MainCollective: s.config.MainCollective, Collectives: s.config.Collectives,
	}), agent.Options{DefinitionHash: rpcutil.DefinitionHash})
	maps.Copy(all, o.Handlers)
	return all
}

// Facts returns the facts that were made up for the node.
func (s *self) Facts() map[string]any { return s.node.Facts }

// Classes returns the classes that were made up for the node.
func (s *self) Classes() []string { return s.node.Classes }

// Agents returns the agents of the node.
func (s *self) Agents() []rpc.Metadata { return s.server.Agents() }

// ConfigItem returns a key of the configuration that the node would have.
func (s *self) ConfigItem(name string) (any, bool) {
	if name == "identity" {
		return s.node.Identity, true
	}
	return rpcutil.Item(s.config, name)
}

// Stats returns the counters of the node alone.
func (s *self) Stats() rpcutil.Stats {
	n := s.server.Stats()
	return rpcutil.Stats{StartTime: n.StartTime, Total: n.Total, Validated: n.Validated, Unvalidated: n.Unvalidated,
		Passed: n.Passed, Filtered: n.Filtered, TTLExpired: n.TTLExpired, Replies: n.Replies}
}
