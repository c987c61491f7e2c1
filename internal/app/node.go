// Package app has what mco runs for a long time as values that programs and tests embed: a node and a demonstration, each with New, Start, Stop and, where it can, Reload.
//
// Nothing here reads flags, listens for signals or ends the process: the commands in
// internal/cli do. What Start began is ended in the opposite order, by Stop, or by
// Start itself when it fails. The broker needs nothing of that: broker.Broker is such
// a value.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/authorization"
	"mcollective/internal/config"
	"mcollective/internal/facts"
	"mcollective/internal/nodeagents"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
)

// reloadTimeout bounds each half of a reload: facts may come from slow programs,
// and so may the word whether an agent can work.
const reloadTimeout = time.Minute

// NodeOptions say what a node is.
type NodeOptions struct {
	Config  *config.Config // required; a Reload does not read it again
	Version string         // what rpcutil says that it runs
	Log     *slog.Logger   // default: discard

	// OwnsProcess says that every program that this process runs is the node's: Stop
	// ends what is left of them.
	OwnsProcess bool

	// ProgramRecords is the directory in which such a node records the programs that
	// it runs, for its next start to find those that it leaves running when it is
	// killed. Default: they are not recorded.
	ProgramRecords string
}

// A Node is the node of this machine. It is started once.
//
// What Start opens is in the order in which one thing needs another, and is closed
// the other way round:
//
//	programs     what an earlier run left is found before anything new is started
//	facts        a node that answers without its facts would answer wrongly
//	agents       whether they can work here may depend on the facts
//	security     a bad secret must show before the network is touched
//	connector    until the broker is there
//	engine       subscribes; from then on requests arrive
//
// The end begins with the engine: it takes no new request, finishes those it has,
// and only then is the connection closed that their answers need.
type Node struct {
	cfg     *config.Config
	version string
	log     *slog.Logger
	owns    bool // the process
	records string

	closers  closers
	facts    *facts.Facts
	classes  *facts.Classes
	policies *authorization.Policies // nil: nothing is forbidden here
	agents   *nodeagents.Set
	conn     connector.Connector // set before engine
	keys     reloader            // of the security provider, if it reads anything again; set before engine
	engine   atomic.Pointer[server.Server]
	ready    chan struct{}
}

// NewNode makes a node that Start starts.
func NewNode(o NodeOptions) *Node {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Node{cfg: o.Config, version: o.Version, log: o.Log, owns: o.OwnsProcess, records: o.ProgramRecords, ready: make(chan struct{})}
}

// Start opens what the node needs and has it subscribe. It waits until the broker is
// there, or ctx ends; the node itself lives until Stop. When Start fails, nothing is
// left running.
func (n *Node) Start(ctx context.Context) error {
	if err := n.start(ctx); err != nil {
		return errors.Join(err, n.closers.close())
	}
	return nil
}

func (n *Node) start(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	n.closers.add(func() error { end(); return nil })
	if n.records != "" {
		forget := rememberPrograms(life, n.records, n.log)
		n.closers.add(func() error { forget(); return nil })
	}
	if n.owns {
		n.closers.add(func() error { endPrograms(n.log); return nil })
	}
	var err error
	if n.facts, err = plugins.Facts(ctx, n.cfg, n.log); err != nil {
		return err
	}
	n.closers.add(n.discard("facts", n.facts.Close))
	n.classes = facts.NewClasses(n.cfg.ClassesFile, n.log)
	options, err := n.openAgents(ctx)
	if err != nil {
		return err
	}
	if n.policies, err = plugins.Policies(n.cfg, n.facts, n.classes); err != nil {
		return err
	}
	if n.policies != nil {
		options.Authorize = n.policies
	}
	sec, warnings, err := plugins.NodeSecurity(n.cfg)
	if err != nil {
		return err
	}
	n.keys, _ = sec.(reloader)
	if c, ok := sec.(io.Closer); ok {
		n.closers.add(n.discard("security provider", c.Close))
	}
	for _, w := range warnings {
		n.log.Warn(w) //lint:allow logtext what is wrong with the configuration is a sentence of its own
	}
	if n.conn, err = plugins.Connect(ctx, n.cfg, n.log); err != nil {
		return err
	}
	n.closers.add(n.discard("connection", n.conn.Close))
	options.Connector, options.Security = n.conn, sec
	engine, err := server.New(options)
	if err != nil {
		return err
	}
	keep := plugins.Keep(sec, n.conn, n.log)
	n.serve(life, end, engine, func() { keep(life) })
	return nil
}

// openAgents makes the agents of the node, and returns what the engine needs to know
// of them and of the machine.
func (n *Node) openAgents(ctx context.Context) (server.Options, error) {
	info := &nodeInfo{cfg: n.cfg, facts: n.facts, classes: n.classes, engine: &n.engine}
	rubyAgents := nodeagents.Ruby(n.cfg, info.Facts, n.log)
	data := plugins.Data(ctx, n.cfg, info, n.log, nodeagents.RubyData(ctx, rubyAgents)...)
	var err error
	if n.agents, err = nodeagents.New(nodeagents.Options{Config: n.cfg, Facts: info.Facts, Ruby: rubyAgents, Log: n.log}); err != nil {
		return server.Options{}, err
	}
	n.closers.add(func() error { n.agents.Close(); return nil })
	n.agents.Add(rpcutil.Name, info.agent(n.version, data, n.agents))
	handlers, err := n.agents.Load(ctx)
	if err != nil {
		return server.Options{}, err
	}
	return server.Options{
		Identity: n.cfg.Identity, Collectives: n.cfg.Collectives,
		Facts: n.facts, Classes: n.classes.List, Data: data, Rules: filter.Rules{Numeric: n.cfg.FilterNumeric},
		Handlers:         handlers,
		DirectAddressing: n.cfg.DirectAddressing,
		TTL:              n.cfg.TTL, MaxTTL: n.cfg.MaxTTL, MaxSkew: n.cfg.MaxSkew,
		Workers: n.cfg.Workers, Queue: queueSize(n.cfg), Grace: grace(n.cfg),
		Log: n.log,
	}, nil
}

// serve has the engine and what goes on beside it run until the node ends.
func (n *Node) serve(life context.Context, end func(), engine *server.Server, beside func()) {
	n.engine.Store(engine)
	var group sync.WaitGroup
	var failed error // of the engine; once group is done
	served, stop := context.WithCancel(life)
	group.Go(func() {
		failed = engine.Run(life)
		n.log.Info("final counters", counters(engine.Stats())...)
		stop()
	})
	group.Go(func() { n.agents.Watch(served, engine) })
	group.Go(beside)
	group.Go(func() {
		select {
		case <-engine.Ready():
			close(n.ready)
		case <-served.Done():
		}
	})
	n.closers.add(func() error { end(); group.Wait(); stop(); return failed })
}

// discard closes what the end of a node does not depend on.
func (n *Node) discard(what string, f func() error) func() error {
	return func() error {
		if err := f(); err != nil {
			n.log.Debug("close failed", "what", what, "error", err)
		}
		return nil
	}
}

// Stop ends the node that Start started: requests under way may take the time that
// the configuration gives them. It returns an error if some were broken off.
func (n *Node) Stop() error { return n.closers.close() }

// Ready is closed once requests reach the node wherever they should. Until then
// Missing says where they do not.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Reload reads facts, classes, agents and what the security provider has in files again,
// and says what is wrong in the policies. What cannot be read stays as it is. The
// configuration itself needs a restart. It does nothing before the node runs: all is
// being read for the first time.
func (n *Node) Reload(ctx context.Context) error {
	engine := n.engine.Load()
	if engine == nil {
		return nil
	}
	limited := func(read func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
		defer cancel()
		return read(ctx)
	}
	err := errors.Join(
		limited(n.reloadKeys), // first: who was revoked waits for nothing else
		limited(n.facts.Refresh),
		limited(func(ctx context.Context) error { return n.agents.Reload(ctx, engine) }),
	)
	n.classes.Refresh()
	if n.policies != nil {
		err = errors.Join(err, n.policies.Check())
	}
	if err != nil {
		n.log.Error("not everything could be read again", "error", err)
	} else {
		n.log.Info("facts, classes, agents and policies were read again")
	}
	n.log.Info("counters", counters(engine.Stats())...)
	return err
}

// A reloader is a security provider that reads its files again, a security.Reloader.
type reloader interface{ Reload(context.Context) error }

// reloadKeys has the security provider read its keys and lists again.
func (n *Node) reloadKeys(ctx context.Context) error {
	if n.keys == nil {
		return nil
	}
	if err := n.keys.Reload(ctx); err != nil {
		return fmt.Errorf("security provider %s goes on with what it has: %w", n.cfg.SecurityProvider, err)
	}
	return nil
}

// Running reports whether Start has come so far that requests may arrive.
func (n *Node) Running() bool { return n.engine.Load() != nil }

// Broker returns the broker that the node uses; "" before it is connected.
func (n *Node) Broker() string {
	if !n.Running() {
		return ""
	}
	return n.conn.Status().Server
}

// Missing returns the collectives in which the node listens everywhere, and those in
// which it does not though it should.
func (n *Node) Missing() (complete, incomplete []string) {
	engine := n.engine.Load()
	if engine == nil || engine.Lack() == nil {
		return n.cfg.Collectives, nil
	}
	incomplete = engine.Lack().Collectives()
	return slices.DeleteFunc(slices.Clone(n.cfg.Collectives), func(c string) bool { return slices.Contains(incomplete, c) }), incomplete
}

// Health returns an error if the engine is stuck.
func (n *Node) Health() error {
	if engine := n.engine.Load(); engine != nil {
		return engine.Health()
	}
	return nil
}

// Status describes in one line how the node does.
func (n *Node) Status() string {
	engine := n.engine.Load()
	if engine == nil {
		return n.cfg.Identity + " waits for a broker"
	}
	st, s := n.conn.Status(), engine.Stats()
	if !st.Connected {
		return fmt.Sprintf("%s lost its broker %s and tries again", n.cfg.Identity, st.Server)
	}
	if lack := engine.Lack(); lack != nil {
		return fmt.Sprintf("%s is not ready: %.200s", n.cfg.Identity, lack.Error())
	}
	return fmt.Sprintf("%s serves through %s: %d requests, %d replies, %d busy, %d running", n.cfg.Identity, st.Server, s.Total, s.Replies, s.Busy, s.Running)
}

// counters returns the statistics of a node as log attributes.
func counters(s server.Stats) []any {
	list := []any{"total", s.Total, "passed", s.Passed, "filtered", s.Filtered, "replies", s.Replies}
	for _, c := range []struct {
		name string
		n    uint64
	}{
		{"unvalidated", s.Unvalidated}, {"ttl_expired", s.TTLExpired}, {"skewed", s.Skewed}, {"unbound", s.Unbound}, {"unknown_agent", s.Unknown},
		{"replayed", s.Replayed}, {"denied", s.Denied}, {"busy", s.Busy}, {"timed_out", s.TimedOut}, {"panics", s.Panics}, {"dropped", s.Dropped},
		{"oversize", s.Oversize}, {"logs_suppressed", s.LogsSuppressed},
	} {
		if c.n > 0 {
			list = append(list, c.name, c.n)
		}
	}
	return list
}

// queueSize returns the configured queue in the engine's terms, where 0 is a default.
func queueSize(cfg *config.Config) int {
	if cfg.QueueSize == 0 {
		return -1
	}
	return cfg.QueueSize
}

// grace returns how long requests under way may take when the node stops.
func grace(cfg *config.Config) time.Duration {
	switch {
	case !cfg.SoftShutdown:
		return 0 // the engine's default
	case cfg.SoftShutdownTimeout > 0:
		return cfg.SoftShutdownTimeout
	}
	return time.Hour
}

// ListAgents returns the agents that a node with this configuration would have, also
// those that cannot work here.
func ListAgents(ctx context.Context, cfg *config.Config) (list []nodeagents.Entry, err error) {
	log := slog.New(slog.DiscardHandler)
	known, err := plugins.Facts(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer known.Close()
	info := &nodeInfo{cfg: cfg, facts: known}
	agents, err := nodeagents.New(nodeagents.Options{Config: cfg, Facts: info.Facts, Ruby: nodeagents.Ruby(cfg, info.Facts, log), Log: log})
	if err != nil {
		return nil, err
	}
	defer agents.Close()
	agents.Add(rpcutil.Name, info.agent("", nil, agents))
	return agents.List(ctx), nil
}
