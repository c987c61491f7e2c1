package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/suggest"
	"mcollective/marshal"
	"mcollective/rpc"
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
	l := &ddl.Library{Dirs: cfg.LibDirs, BuiltIn: func(kind ddl.Kind) map[string]*ddl.Definition { return builtIn(kind, name) }, Now: env.Now}
	if dir := cacheFolder(env); dir != "" {
		l.Cache = filepath.Join(dir, "ddl")
	}
	return l
}

// definition finds what an agent says of itself: on this machine, or else by
// asking one of the nodes that have it.
func (e *errand) definition(ctx context.Context, agent string) (*ddl.Definition, error) {
	l := libraryFor(e.env, e.cfg, agent)
	l.Fetch = e.fetch
	d, err := l.Find(ctx, ddl.Agent, agent)
	switch {
	case errors.Is(err, ddl.ErrUnknown):
		known := agentNames(library(e.env, e.cfg))
		hint := "No node gave one either; is there a node with this agent? 'mco plugin doc' lists the agents that are known here"
		if near := suggest.Nearest(agent, known); near != "" {
			hint = "Did you mean '" + near + "'?"
		}
		return nil, hinted(unknownAgent(agent), hint)
	case err != nil:
		return nil, err
	}
	return d, nil
}

// unknownAgent is the error of a search for an agent that nobody knows.
type unknownAgent string

func (a unknownAgent) Error() string { return "Can't find DDL for agent plugin '" + string(a) + "'" }

func (unknownAgent) Is(target error) bool { return target == ddl.ErrUnknown }

// fetchTime is how long one node may take to give a definition.
const fetchTime = 5 * time.Second

// fetch asks one node for the definition of an agent.
func (e *errand) fetch(ctx context.Context, agent, known string) ([]byte, error) {
	if err := e.connect(ctx); err != nil {
		return nil, err
	}
	method, err := e.flags.chooseMethod(e.env, e.cfg, e.hosts, false)
	if err != nil {
		return nil, err
	}
	// The nodes that are meant, since others may have another version of it.
	nodes, ok := e.names()
	if !ok {
		wait := method.timeout
		if wait == 0 {
			wait = broadcastTime
		}
		found, err := e.client.Find(ctx, e.query(withAgent(e.hosts, agent), wait, 1), func(string) {}, nil)
		if err != nil {
			return nil, err
		}
		nodes = found.Nodes
	}
	if len(nodes) == 0 {
		return nil, ddl.ErrUnknown
	}
	inputs := marshal.NewHash(marshal.Symbol("agent"), agent, marshal.Symbol("format"), "json")
	if known != "" {
		inputs.Set(marshal.Symbol("hash"), known)
	}
	return e.askFor(ctx, nodes[:1], inputs)
}

// askFor calls rpcutil get_ddl.
func (e *errand) askFor(ctx context.Context, nodes []string, inputs *marshal.Hash) ([]byte, error) {
	var text []byte
	var refused error
	same := false
	_, err := e.client.Run(ctx, client.Run{
		Agent: rpcutil.Name, Action: "get_ddl", Inputs: inputs, Nodes: nodes, Collective: e.target,
		Direct: e.cfg.DirectAddressing, Timeout: fetchTime,
	}, func(a client.Answer) {
		switch {
		case a.Err != nil:
			refused = a.Err
		case a.RPC.Status != rpc.OK:
			refused = fmt.Errorf("node %s: %s", a.Sender, a.RPC.Message)
		default:
			v, _ := a.RPC.Output("ddl")
			s, _ := rpc.Text(v)
			text, same = []byte(s), s == ""
		}
	})
	if err != nil {
		return nil, err
	}
	if text == nil && refused != nil {
		e.log.Info("a node gave no definition", "error", refused)
	}
	switch {
	case text == nil:
		return nil, ddl.ErrUnknown
	case same:
		return nil, nil // the one that is in the cache is still good
	}
	return text, nil
}

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
