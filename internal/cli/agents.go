package cli

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
)

// agents are those of a node besides discovery, which the engine brings.
type agents struct {
	cfg *config.Config
	log *slog.Logger
	own map[string]agent.Agent // in Go: made once
	bad map[string]error       // those of them that could not be made

	mu       sync.Mutex
	handlers map[string]*agent.Handler
	idle     map[string]string // why agents that are there cannot work here
}

// openAgents makes the agents that are part of the program.
func openAgents(cfg *config.Config, about *self, log *slog.Logger) *agents {
	a := &agents{cfg: cfg, log: log}
	about.agents = a
	a.own, a.bad = plugins.Agents(cfg)
	a.own[rpcutil.Name] = about.agent()
	return a
}

// load finds out which agents can work now, and returns their handlers. Those of
// agents that stay are the same as before.
func (a *agents) load(ctx context.Context) map[string]server.Handler {
	all, inactive := maps.Clone(a.own), maps.Clone(a.bad)
	// Agents in other languages, from the folders of agents_dir, come in here: into
	// all by name, those of the program winning, or into inactive with the reason.
	active, useless := agent.Activate(ctx, all, plugins.Enabled(a.cfg))
	maps.Copy(inactive, useless)

	a.mu.Lock()
	defer a.mu.Unlock()
	idle := make(map[string]string, len(inactive))
	for _, name := range slices.Sorted(maps.Keys(inactive)) {
		idle[name] = inactive[name].Error()
		if a.idle[name] != idle[name] {
			a.log.Info("agent is inactive", "agent", name, "why", inactive[name])
		}
	}
	handlers := make(map[string]*agent.Handler, len(active))
	engines := make(map[string]server.Handler, len(active))
	for name, ag := range active {
		h := a.handlers[name]
		if h == nil || h.Agent() != ag {
			h = agent.NewHandler(ag, agent.Options{Log: a.log})
		}
		handlers[name], engines[name] = h, h
	}
	a.handlers, a.idle = handlers, idle
	return engines
}

// inactive are the agents that cannot work here, with the reason.
func (a *agents) inactive() map[string]string {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.idle
}

// definition is that of an agent of the node, for clients that have it not.
func (a *agents) definition(kind ddl.Kind, name string) *ddl.Definition {
	if a == nil || kind != ddl.Agent {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := a.handlers[name]; h != nil {
		return h.Agent().Definition()
	}
	return nil
}

// close ends the agents that hold something.
func (a *agents) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.handlers {
		h.Close() // it logs for itself
	}
	a.handlers = nil
}
