package cli

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
)

// lookEvery is how often the folders of agents are looked through for changes.
const lookEvery = 10 * time.Second

// agents are those of a node besides discovery, which the engine brings.
type agents struct {
	cfg     *config.Config
	log     *slog.Logger
	own     map[string]agent.Agent // in Go: made once
	bad     map[string]error       // those of them that could not be made
	folders *stdio.Loader          // in other languages

	changing sync.Mutex // held while the engine is given other agents

	mu       sync.Mutex
	found    map[string]agent.Agent // in folders, when it was last looked
	handlers map[string]*agent.Handler
	idle     map[string]string // why agents that are there cannot work here
}

// openAgents makes the agents that are part of the program.
func openAgents(cfg *config.Config, about *self, log *slog.Logger) *agents {
	a := &agents{cfg: cfg, log: log}
	a.folders = stdio.NewLoader(stdio.Options{Dirs: cfg.AgentsDirs, Config: cfg.File, Facts: about.Facts, Log: log})
	about.agents = a
	a.own, a.bad = plugins.Agents(cfg)
	a.own[rpcutil.Name] = about.agent()
	return a
}

// load finds out which agents can work now, and returns their handlers. Those of
// agents that stay are the same as before.
func (a *agents) load(ctx context.Context) map[string]server.Handler {
	all, inactive := maps.Clone(a.own), maps.Clone(a.bad)
	found, problems := a.folders.Load(ctx)
	for _, p := range problems {
		if p.Agent == "" {
			a.log.Warn("agents folder", "error", p)
		} else {
			inactive[p.Agent] = p // unless it is one that works
		}
	}
	for name, ag := range found {
		if a.own[name] != nil || a.bad[name] != nil {
			a.log.Warn("agent is passed over: the program itself has one of this name", "agent", name, "folders", strings.Join(a.cfg.AgentsDirs, ":"))
			continue
		}
		all[name] = ag
		delete(inactive, name) // the problem was one with a second file of this name
	}
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
	a.handlers, a.idle, a.found = handlers, idle, found
	return engines
}

// inactive are the agents that cannot work here, with the reason.
func (a *agents) inactive() map[string]string {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := maps.Clone(a.idle)
	for name, h := range a.handlers {
		// A worker that broke too often is not started any more.
		if w, ok := h.Agent().(interface{ Inactive() error }); ok {
			if err := w.Inactive(); err != nil {
				all[name] = err.Error()
			}
		}
	}
	return all
}

// reload makes the agents of an engine those that can work now.
func (a *agents) reload(ctx context.Context, engine *server.Server) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	return engine.Reload(ctx, a.load(ctx))
}

// watch reloads when the files of an agent have changed, until ctx ends.
func (a *agents) watch(ctx context.Context, engine *server.Server) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		found, _ := a.folders.Load(ctx)
		a.mu.Lock()
		same := maps.Equal(found, a.found)
		a.mu.Unlock()
		if same {
			continue
		}
		a.log.Info("agents have changed")
		if err := a.reload(ctx, engine); err != nil {
			a.log.Error("the agents that changed are not all there", "error", err)
		}
	}
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
	if err := a.folders.Close(); err != nil {
		a.log.Warn("agents leave files behind", "error", err)
	}
}
