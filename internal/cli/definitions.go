package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mcollective/ddl"
	"mcollective/internal/config"
	"mcollective/internal/definitions"
	"mcollective/internal/plugins"
	"mcollective/internal/render"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/message"
)

// cacheFolder is where commands keep what they learn, or "" if there is no place
// for it.
func cacheFolder(env *Env) string {
	dir := env.Getenv("XDG_CACHE_HOME")
	if dir == "" || !filepath.IsAbs(dir) {
		home := env.Getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "mco")
}

// library is where definitions are found without asking anybody: the folders of
// the configuration, what is built in, and what nodes gave earlier.
func library(env *Env, cfg *config.Config) *ddl.Library { return libraryFor(env, cfg, "") }

// libraryFor is the library for whoever wants to find one plugin only.
func libraryFor(env *Env, cfg *config.Config, name string) *ddl.Library {
	return &ddl.Library{Dirs: cfg.LibDirs, BuiltIn: func(kind ddl.Kind) map[string]*ddl.Definition { return plugins.BuiltIn(kind, name, Version()) }, Cache: definitionCache(env)}
}

// definitionCache is what nodes gave earlier.
func definitionCache(env *Env) ddl.Cache {
	c := ddl.Cache{Now: env.Now}
	if dir := cacheFolder(env); dir != "" {
		c.Dir = filepath.Join(dir, "ddl")
	}
	return c
}

// contract begins what a call of an agent goes by, with the definition of this
// machine if there is one. Otherwise complete has the nodes asked.
func (e *errand) contract(agent string) (*ddl.Contract, error) {
	d, err := libraryFor(e.env, e.cfg, agent).Local(ddl.Agent, agent)
	if err != nil && !errors.Is(err, ddl.ErrUnknown) {
		return nil, err
	}
	if message.ValidAgent(agent) == nil {
		e.defining = agent
	}
	return ddl.NewContract(agent, d), nil
}

// complete adds to a contract what the nodes that are about to be called define. It
// is an error if nobody knows the agent.
func (e *errand) complete(ctx context.Context, c *ddl.Contract, a audience) error {
	// With a definition here only what is asked before many are called matters.
	if len(a.nodes) > 0 && c.Local() == nil || len(a.nodes) > 1 && len(a.stated) > 0 {
		if err := e.connect(ctx); err != nil {
			return err
		}
		f := &definitions.Finder{Client: e.client, Collective: e.target, Timeout: e.hashTime(a.method), Cache: definitionCache(e.env), Log: e.log}
		t := definitions.Targets{Nodes: a.nodes, Searched: !a.named && a.method.local == nil, Stated: a.stated}
		if err := f.Complete(ctx, c, t); err != nil {
			return err
		}
	}
	if c.Definition() == nil && len(a.nodes) == 0 {
		// Nothing will be sent; this only shows the result of that.
		if l := definitionCache(e.env).Latest(c.Agent()); l != nil {
			c.Learn(l.Definition, nil)
		}
	}
	if c.Definition() != nil {
		return nil
	}
	hint := "No node gave one either; is there a node with this agent? 'mco plugin doc' lists the agents that are known here"
	if why := c.Differences(""); len(why) > 0 {
		hint = render.CleanLine(why[0])
	} else if near := suggest.Nearest(c.Agent(), agentNames(library(e.env, e.cfg))); near != "" {
		hint = "Did you mean '" + near + "'?"
	}
	return usage.Hinted(unknownAgent(c.Agent()), hint)
}

// hashTime is how long nodes are awaited that were not searched for.
func (e *errand) hashTime(method choice) time.Duration {
	if method.name == methodBroadcast {
		return method.timeout
	}
	return e.flags.discoveryTimeout.or(e.cfg.DiscoveryTimeout, broadcastTime)
}

// differences prints how the definitions differ that a call goes by.
func (e *errand) differences(c *ddl.Contract, action string) {
	for _, line := range c.Differences(action) {
		fmt.Fprintln(e.env.Err, "Warning: "+render.CleanLine(line))
	}
}

// agentTime is how long an action may take. It is said if that is less than nodes
// say, unless the user decides.
func (e *errand) agentTime(c *ddl.Contract, action string) time.Duration {
	limit, cut := c.Timeout(action)
	if cut && !e.flags.timeout.set {
		fmt.Fprintf(e.env.Err, "Warning: answers are awaited for %v and not as long as the nodes' definition of agent %s says; --timeout sets another time\n", limit, c.Agent())
	}
	return limit
}

// unknownAgent is the error of a search for an agent that nobody knows.
type unknownAgent string

func (a unknownAgent) Error() string { return "Can't find DDL for agent plugin '" + string(a) + "'" }

func (unknownAgent) Is(target error) bool { return target == ddl.ErrUnknown }

// privateFolder makes a folder for this user alone.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder %s: %w", dir, err)
	}
	return nil
}

// agentNames are the agents that are known on this machine.
func agentNames(l *ddl.Library) []string {
	entries := l.List(ddl.Agent)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Err == nil {
			names = append(names, e.Name)
		}
	}
	return slices.Compact(names)
}
