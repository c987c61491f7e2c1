// Package nodeagents has the agents of one node: those of this program and those found in agents_dir and libdir, which of them can work here, and what becomes of them when files change.
package nodeagents

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
	"mcollective/ddl"
	"mcollective/internal/agenthost"
	"mcollective/internal/agenthost/ruby"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
	"mcollective/internal/suggest"
)

// watchInterval is how often the directories of agents are looked through for changes.
const watchInterval = 10 * time.Second

// Options say what agents need to know of their node.
type Options struct {
	Config *config.Config
	Facts  func() map[string]any // of the machine
	Ruby   *ruby.Loader          // of agents in Ruby, as from Ruby; nil for none. Close closes it
	Log    *slog.Logger
}

// A Set is the agents of a node besides discovery, which the engine brings.
type Set struct {
	cfg        *config.Config
	log        *slog.Logger
	builtin    map[string]agent.Agent // in Go: made once
	failed     map[string]error       // those of them that could not be made
	programs   *agenthost.Loader      // in other languages
	rubyAgents *ruby.Loader           // of MCollective, in Ruby; nil for none

	changing sync.Mutex // held while the engine is given other agents

	mu       sync.Mutex
	found    map[string]agent.Agent // in directories, when it was last looked
	handlers map[string]*agent.Handler
	inactive map[string]string // why agents that are there cannot work here
}

// New makes the agents that are part of the program. Nothing is looked for yet.
func New(o Options) (*Set, error) {
	options, err := ProgramOptions(o.Config, o.Facts, o.Log)
	if err != nil {
		return nil, err
	}
	if path := o.Config.PluginString("ruby.interpreter", ""); path != "" && o.Ruby != nil {
		if err := agenthost.CheckInterpreter(path); err != nil {
			return nil, fmt.Errorf("%s: plugin.ruby.interpreter: %w", o.Config.Origin("plugin.ruby.interpreter"), err)
		}
	}
	s := &Set{cfg: o.Config, log: o.Log, rubyAgents: o.Ruby, programs: agenthost.NewLoader(options)}
	s.builtin, s.failed = plugins.Agents(o.Config)
	return s, nil
}

// Add makes an agent part of the program's. It may be called before the first Load.
func (s *Set) Add(name string, a agent.Agent) { s.builtin[name] = a }

// ProgramOptions returns the options of agents in other languages.
func ProgramOptions(cfg *config.Config, facts func() map[string]any, log *slog.Logger) (agenthost.Options, error) {
	interpreters, err := agenthost.ParseInterpreters(cfg.PluginString("bolt.interpreters", ""))
	if err != nil {
		return agenthost.Options{}, fmt.Errorf("%s: plugin.bolt.interpreters: %w", cfg.Origin("plugin.bolt.interpreters"), err)
	}
	for _, ext := range slices.Sorted(maps.Keys(interpreters)) {
		if err := agenthost.CheckInterpreter(interpreters[ext]); err != nil {
			return agenthost.Options{}, fmt.Errorf("%s: plugin.bolt.interpreters: tasks that end in %s: %w", cfg.Origin("plugin.bolt.interpreters"), ext, err)
		}
	}
	return agenthost.Options{Dirs: cfg.AgentsDirs, Config: cfg.File, Facts: facts, Interpreters: interpreters, Log: log}, nil
}

// look reads the directories. Of agents of one name, that of agents_dir counts.
func (s *Set) look(ctx context.Context) (map[string]agent.Agent, []agent.Problem) {
	found, problems := s.programs.Load(ctx)
	if s.rubyAgents == nil {
		return found, problems
	}
	inRuby, more := s.rubyAgents.Load(ctx)
	for name, a := range inRuby {
		if found[name] == nil && name != rpcutil.Name { // which is MCollective's own
			found[name] = a
		}
	}
	return found, append(problems, more...)
}

// overrides reports whether an agent that was found counts: the program has none of
// its name, or the configuration prefers Ruby's.
func (s *Set) overrides(name string, found agent.Agent) bool {
	if s.builtin[name] == nil && s.failed[name] == nil {
		return true
	}
	_, isRuby := found.(*ruby.Agent)
	return isRuby && prefersRuby(s.cfg, name)
}

// Load finds out which agents can work now, and returns their handlers. Those of
// agents that stay are the same as before. If ctx ends meanwhile nobody knows: the
// agents stay as they are, and that is an error.
func (s *Set) Load(ctx context.Context) (map[string]server.Handler, error) {
	all, inactive := maps.Clone(s.builtin), maps.Clone(s.failed)
	found, problems := s.look(ctx)
	for _, p := range problems {
		if p.Agent == "" {
			s.log.Warn("agents directory", "error", p)
		} else if s.builtin[p.Agent] == nil || prefersRuby(s.cfg, p.Agent) {
			inactive[p.Agent] = p // unless it is one that works
		}
	}
	for name, a := range found {
		if !s.overrides(name, a) {
			s.logPassedOver(name, a)
			continue
		}
		all[name] = a
		delete(inactive, name) // the problem was one with a second file of this name
	}
	s.warnOfUnknown(all, inactive)
	active, useless := agent.Activate(ctx, all, plugins.Enabled(s.cfg))
	maps.Copy(inactive, useless)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("find out which agents can work: %w", err)
	}
	return s.take(ctx, found, active, inactive), nil
}

// take makes these agents those of the node, and returns their handlers.
func (s *Set) take(ctx context.Context, found, active map[string]agent.Agent, inactive map[string]error) map[string]server.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	reasons := make(map[string]string, len(inactive))
	for _, name := range slices.Sorted(maps.Keys(inactive)) {
		reasons[name] = inactive[name].Error()
		if s.inactive[name] != reasons[name] {
			level := slog.LevelInfo
			if errors.As(inactive[name], new(agent.Problem)) { // its files are wrong, which nobody wanted
				level = slog.LevelWarn
			}
			s.log.Log(ctx, level, "agent is inactive", "agent", name, "why", inactive[name])
		}
	}
	handlers := make(map[string]*agent.Handler, len(active))
	engines := make(map[string]server.Handler, len(active))
	for name, a := range active {
		h := s.handlers[name]
		if h == nil || h.Agent() != a {
			h = agent.NewHandler(a, agent.Options{Log: s.log})
			if p, ok := a.(agent.Preparer); ok {
				p.Prepare(s.log)
			}
		}
		handlers[name], engines[name] = h, h
	}
	s.handlers, s.inactive, s.found = handlers, reasons, found
	return engines
}

// warnOfUnknown names the agents that the configuration switches on or off and
// that are not here, if one that is here has nearly the same name: a misspelled
// "off" leaves an agent on. A name that is like no other may be that of an agent
// which only other nodes have.
func (s *Set) warnOfUnknown(here map[string]agent.Agent, inactive map[string]error) {
	known := slices.Collect(maps.Keys(here))
	known = slices.AppendSeq(known, maps.Keys(inactive))
	for _, key := range s.cfg.PluginNames() {
		name, ok := strings.CutSuffix(key, ".activate_agent")
		if !ok || name == rpcutil.Name || slices.Contains(known, name) {
			continue
		}
		if near := suggest.Nearest(name, known); near != "" {
			s.log.Warn("setting names an agent that does not exist", "setting", "plugin."+key, "at", s.cfg.Origin("plugin."+key).String(), "did_you_mean", near)
		}
	}
}

// logPassedOver logs that an agent of the program is used, and not one of its name
// that was found.
func (s *Set) logPassedOver(name string, found agent.Agent) {
	if r, ok := found.(*ruby.Agent); ok {
		s.log.Info("agent in Ruby skipped; a built-in agent has this name", "agent", name, "file", r.Path(), "prefer_with", "plugin."+name+".ruby = 1")
		return
	}
	s.log.Warn("agent skipped; a built-in agent has this name", "agent", name, "directories", strings.Join(s.cfg.AgentsDirs, ":"))
}

// Inactive returns the agents that cannot work here, with the reason.
func (s *Set) Inactive() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.inactive)
	for name, h := range s.handlers {
		// A worker that broke too often is not started any more.
		if w, ok := h.Agent().(interface{ Inactive() error }); ok {
			if err := w.Inactive(); err != nil {
				all[name] = err.Error()
			}
		}
	}
	return all
}

// Reload makes the agents of an engine those that can work now.
func (s *Set) Reload(ctx context.Context, engine *server.Server) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	handlers, err := s.Load(ctx)
	if err != nil {
		return err
	}
	return engine.Reload(ctx, handlers)
}

// Watch reloads when the files of an agent have changed, until ctx ends.
func (s *Set) Watch(ctx context.Context, engine *server.Server) {
	look := time.NewTicker(watchInterval)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		found, _ := s.look(ctx)
		s.mu.Lock()
		same := maps.Equal(found, s.found)
		s.mu.Unlock()
		if same || ctx.Err() != nil {
			continue
		}
		s.log.Info("agents have changed")
		if err := s.Reload(ctx, engine); err != nil {
			s.log.Error("the agents that changed are not all there", "error", err)
		}
	}
}

// Definition returns that of an agent of the node, for clients that have it not; nil
// if the node has no such agent.
func (s *Set) Definition(kind ddl.Kind, name string) *ddl.Definition {
	if kind != ddl.Agent {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.handlers[name]; h != nil {
		return h.Agent().Definition()
	}
	return nil
}

// Close ends the agents that hold something, and the loader of those in Ruby.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.handlers {
		h.Close() // it logs for itself
	}
	s.handlers = nil
	if s.rubyAgents != nil {
		s.rubyAgents.Close()
	}
	if err := s.programs.Close(); err != nil {
		s.log.Warn("agents leave files behind", "error", err)
	}
}
