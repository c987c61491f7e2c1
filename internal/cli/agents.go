package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/agent/ruby"
	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
	"mcollective/internal/suggest"
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
	rubies  *ruby.Loader           // of MCollective, in Ruby; nil for none

	changing sync.Mutex // held while the engine is given other agents

	mu       sync.Mutex
	found    map[string]agent.Agent // in folders, when it was last looked
	handlers map[string]*agent.Handler
	idle     map[string]string // why agents that are there cannot work here
}

// openAgents makes the agents that are part of the program.
func openAgents(cfg *config.Config, about *self, log *slog.Logger) (*agents, error) {
	options, err := programOptions(cfg, about.Facts, log)
	if err != nil {
		return nil, err
	}
	a := &agents{cfg: cfg, log: log, rubies: about.rubies}
	a.folders = stdio.NewLoader(options)
	about.agents = a
	a.own, a.bad = plugins.Agents(cfg)
	a.own[rpcutil.Name] = about.agent()
	return a, nil
}

// programOptions are those of agents in other languages.
func programOptions(cfg *config.Config, facts func() map[string]any, log *slog.Logger) (stdio.Options, error) {
	interpreters, err := stdio.ParseInterpreters(cfg.PluginString("bolt.interpreters", ""))
	if err != nil {
		return stdio.Options{}, fmt.Errorf("plugin.bolt.interpreters in %s: %w", cfg.File, err)
	}
	return stdio.Options{Dirs: cfg.AgentsDirs, Config: cfg.File, Facts: facts, Interpreters: interpreters, Log: log}, nil
}

// look reads the folders. Of agents of one name, that of agents_dir counts.
func (a *agents) look(ctx context.Context) (map[string]agent.Agent, []stdio.Problem) {
	found, problems := a.folders.Load(ctx)
	if a.rubies == nil {
		return found, problems
	}
	rubies, more := a.rubies.Load(ctx)
	for name, ag := range rubies {
		if found[name] == nil && name != rpcutil.Name { // which is MCollective's own
			found[name] = ag
		}
	}
	return found, append(problems, more...)
}

// load finds out which agents can work now, and returns their handlers. Those of
// agents that stay are the same as before. If ctx ends meanwhile nobody knows: the
// agents stay as they are, and that is an error.
func (a *agents) load(ctx context.Context) (map[string]server.Handler, error) {
	all, inactive := maps.Clone(a.own), maps.Clone(a.bad)
	found, problems := a.look(ctx)
	for _, p := range problems {
		if p.Agent == "" {
			a.log.Warn("agents folder", "error", p)
		} else if a.own[p.Agent] == nil || prefersRuby(a.cfg, p.Agent) {
			inactive[p.Agent] = p // unless it is one that works
		}
	}
	for name, ag := range found {
		if (a.own[name] != nil || a.bad[name] != nil) && !takesPlace(a.cfg, name, ag) {
			a.passOver(name, ag)
			continue
		}
		all[name] = ag
		delete(inactive, name) // the problem was one with a second file of this name
	}
	a.warnOfStrangers(all, inactive)
	active, useless := agent.Activate(ctx, all, plugins.Enabled(a.cfg))
	maps.Copy(inactive, useless)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("find out which agents can work: %w", err)
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	idle := make(map[string]string, len(inactive))
	for _, name := range slices.Sorted(maps.Keys(inactive)) {
		idle[name] = inactive[name].Error()
		if a.idle[name] != idle[name] {
			level := slog.LevelInfo
			if errors.As(inactive[name], new(stdio.Problem)) { // its files are wrong, which nobody wanted
				level = slog.LevelWarn
			}
			a.log.Log(ctx, level, "agent is inactive", "agent", name, "why", inactive[name])
		}
	}
	handlers := make(map[string]*agent.Handler, len(active))
	engines := make(map[string]server.Handler, len(active))
	for name, ag := range active {
		h := a.handlers[name]
		if h == nil || h.Agent() != ag {
			h = agent.NewHandler(ag, agent.Options{Log: a.log})
			if p, ok := ag.(agent.Preparer); ok {
				p.Prepare(a.log)
			}
		}
		handlers[name], engines[name] = h, h
	}
	a.handlers, a.idle, a.found = handlers, idle, found
	return engines, nil
}

// warnOfStrangers names the agents that the configuration switches on or off and
// that are not here, if one that is here has nearly the same name: a misspelled
// "off" leaves an agent on. A name that is like no other may be that of an agent
// which only other nodes have.
func (a *agents) warnOfStrangers(here map[string]agent.Agent, inactive map[string]error) {
	known := slices.Collect(maps.Keys(here))
	known = slices.AppendSeq(known, maps.Keys(inactive))
	for _, key := range a.cfg.PluginNames() {
		name, ok := strings.CutSuffix(key, ".activate_agent")
		if !ok || name == rpcutil.Name || slices.Contains(known, name) {
			continue
		}
		if near := suggest.Nearest(name, known); near != "" {
			a.log.Warn("setting names an agent that is not here", "setting", "plugin."+key, "at", a.cfg.Origin("plugin."+key).String(), "did_you_mean", near)
		}
	}
}

// passOver says that an agent of the program is used, and not one of its name that
// was found.
func (a *agents) passOver(name string, found agent.Agent) {
	if r, ok := found.(*ruby.Agent); ok {
		a.log.Info("agent in Ruby is passed over: the program itself has one of this name", "agent", name, "file", r.Path(), "to use it", "plugin."+name+".ruby = 1")
		return
	}
	a.log.Warn("agent is passed over: the program itself has one of this name", "agent", name, "folders", strings.Join(a.cfg.AgentsDirs, ":"))
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
	handlers, err := a.load(ctx)
	if err != nil {
		return err
	}
	return engine.Reload(ctx, handlers)
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
		found, _ := a.look(ctx)
		a.mu.Lock()
		same := maps.Equal(found, a.found)
		a.mu.Unlock()
		if same || ctx.Err() != nil {
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
	if a.rubies != nil {
		a.rubies.Close()
	}
	if err := a.folders.Close(); err != nil {
		a.log.Warn("agents leave files behind", "error", err)
	}
}
