package server

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/rpc"
)

// A Handler is one agent at the level of messages.
type Handler interface {
	// Handle answers a request that passed every check; body is what the reply
	// holds. ErrNoReply sends none, any other error sends a failure with status
	// 5 and the error's text, and so does a panic. An error of package timelimit may
	// come with a body, which is sent: then it only tells the reason. Handle is called from many
	// goroutines. It limits its own time, as agent.Handler does, and returns soon
	// after ctx ends, which is when the node stops: nobody else watches it.
	Handle(ctx context.Context, req *message.Request) (body any, err error)
}

// A HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, req *message.Request) (body any, err error)

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, req *message.Request) (any, error) {
	return f(ctx, req)
}

// A Timed handler tells how long Handle takes at most, by which Health knows a slow
// agent from one that hangs. Of others a minute is expected.
type Timed interface {
	Timeout() time.Duration
}

// A Described handler says what it is. Of others only the name is known.
type Described interface {
	Metadata() rpc.Metadata
}

// ErrNoReply is returned by a Handler whose caller asked for no answer. One that
// wraps it tells the log why there is none.
var ErrNoReply = rpc.ErrNoReply

// An agent is a handler as the pipeline needs it.
type agent struct {
	name    string
	handler Handler
	inline  bool // cheap and safe to run where messages arrive
}

// An agentSet is what a node is at one moment: its agents, and its face to filters.
// It is replaced whole, so that a request sees one state from begin to end.
type agentSet struct {
	agents map[string]*agent
	names  []string // sorted
	node   node

	users atomic.Int64 // requests that go by it, one for the Server, one for the agentSet before it
	next  *agentSet    // that came in its place
	gone  []io.Closer  // what nobody needs once it has no users
	ended sync.Once
}

// hold returns the agentSet of now, for a request that must release it when it is done.
func (s *Server) hold() *agentSet {
	for {
		r := s.agentSet.Load()
		r.users.Add(1)
		if r == s.agentSet.Load() {
			return r
		}
		r.release() // it was replaced at this moment
	}
}

func (r *agentSet) release() {
	if r.users.Add(-1) > 0 {
		return
	}
	r.ended.Do(func() {
		for _, c := range r.gone {
			c.Close() // it logs for itself
		}
		r.next.release()
	})
}

// replaced lets go of an agentSet in whose place another one is now.
func (r *agentSet) replaced(by *agentSet) {
	stays := map[io.Closer]bool{}
	for _, a := range by.agents {
		if c, ok := a.handler.(io.Closer); ok && reflect.TypeOf(c).Comparable() {
			stays[c] = true
		}
	}
	for _, a := range r.agents {
		if c, ok := a.handler.(io.Closer); ok && reflect.TypeOf(c).Comparable() && !stays[c] {
			r.gone = append(r.gone, c)
		}
	}
	by.users.Add(1)
	r.next = by
	r.release()
}

// newAgentSet has the agents of opts, and discovery.
func (s *Server) newAgentSet(opts Options) (*agentSet, error) {
	r := &agentSet{agents: make(map[string]*agent, len(opts.Handlers)+1)}
	r.users.Store(1)
	for name, h := range opts.Handlers {
		if err := message.ValidAgent(name); err != nil {
			return nil, err
		}
		if h == nil {
			return nil, fmt.Errorf("agent %q has no handler", name)
		}
		r.agents[name] = &agent{name: name, handler: h}
	}
	r.agents[discovery] = &agent{name: discovery, handler: discoverer{}, inline: true}
	for name := range r.agents {
		r.names = append(r.names, name)
	}
	slices.Sort(r.names)
	r.node = node{opts: &opts, agents: r.names}
	return r, nil
}

// with returns the node as filters would see it if it had this agent, too.
func (r *agentSet) with(agent string) *node {
	if r.agents[agent] != nil {
		return &r.node
	}
	n := r.node
	n.agents = append(slices.Clone(n.agents), agent)
	return &n
}

// Agents tells of the agents that the node has now, discovery included, in the
// order of their names.
func (s *Server) Agents() []rpc.Metadata {
	r := s.agentSet.Load()
	all := make([]rpc.Metadata, len(r.names))
	for i, name := range r.names {
		a := r.agents[name]
		if d, ok := a.handler.(Described); ok {
			all[i] = d.Metadata()
		}
		all[i].Agent = name
	}
	return all
}

// A FactSource knows the facts of the machine. It is asked on the receive path
// and must answer from memory.
type FactSource interface {
	// Fact is a top-level fact as filter.Node has it.
	Fact(name string) (any, bool)
}

// A DataSource runs data plugins for compound filters.
type DataSource interface {
	// Data runs one plugin and returns its outputs. It ends when ctx does.
	Data(ctx context.Context, plugin, query string) (map[string]any, error)
}

// node is the machine as filters see it.
type node struct {
	opts   *Options
	agents []string
}

var _ filter.Node = (*node)(nil)

func (n *node) Identity() string { return n.opts.Identity }

func (n *node) Agents() []string { return n.agents }

func (n *node) Classes() []string {
	if n.opts.Classes == nil {
		return nil
	}
	return n.opts.Classes()
}

func (n *node) Fact(name string) (any, bool) {
	if n.opts.Facts == nil {
		return nil, false
	}
	return n.opts.Facts.Fact(name)
}

func (n *node) Data(ctx context.Context, plugin, query string) (map[string]any, error) {
	if n.opts.Data == nil {
		return nil, fmt.Errorf("no data plugin %q on this node", plugin)
	}
	return n.opts.Data.Data(ctx, plugin, query)
}
