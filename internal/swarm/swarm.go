// Package swarm runs many simulated nodes in one process, each a full node with its own connection.
//
// What is simulated is the machine: its name, facts and classes, made up from a
// seed and a number so that the same swarm can be had again. All else is real. A
// node connects to the broker, subscribes, decodes, checks, filters, answers and
// signs with the engine of mco server. That makes a swarm a demonstration, a test
// bed and a load test:
//
//	s, err := swarm.Start(ctx, swarm.Options{
//		Nodes: 1000, Seed: 7, Security: sec,
//		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
//			return nats.Connect(ctx, nats.Options{Servers: servers, Identity: identity})
//		},
//	})
//	defer s.Stop()
package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/server"
	"mcollective/security"
)

// Options say how many nodes there are and what they stand on.
type Options struct {
	Nodes int    // how many; at least 1
	Seed  uint64 // which; the same seed gives the same nodes

	// Connect opens the connection of one node. Required. The swarm closes it.
	Connect func(ctx context.Context, identity string) (connector.Connector, error)

	// Security is shared by all nodes. Required.
	Security security.Node

	// Collectives that every node is in. Default mcollective.
	Collectives []string

	// Handlers are the agents of every node besides discovery and rpcutil, which
	// each node has.
	Handlers map[string]server.Handler

	// Version is the version that the nodes report.
	Version string

	// Parallel is how many nodes connect at the same time. Default 64.
	Parallel int

	// Tune, if set, may change what a node's server is made with.
	Tune func(*server.Options)

	// Log takes what the nodes log. Default: discard.
	Log *slog.Logger
}

// A Swarm is nodes that run.
type Swarm struct {
	config  *config.Config // of every node, but for its identity
	nodes   []Node
	servers []*server.Server
	cancel  context.CancelFunc
	group   sync.WaitGroup

	mu   sync.Mutex
	errs []error // what went wrong while nodes ended
}

// Start starts the nodes and returns when every one has all its subscriptions.
// If one cannot be started none is left running. The end of ctx ends the swarm
// as Stop does.
func Start(ctx context.Context, o Options) (*Swarm, error) {
	if o.Nodes < 1 {
		return nil, fmt.Errorf("swarm: %d nodes are none", o.Nodes)
	}
	if o.Connect == nil || o.Security == nil {
		return nil, errors.New("swarm: nodes need a connection and a security provider")
	}
	if o.Parallel <= 0 {
		o.Parallel = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	shared, err := config.Load("", config.Server)
	if err != nil {
		return nil, fmt.Errorf("swarm: %w", err)
	}
	if len(o.Collectives) > 0 {
		shared.Collectives, shared.MainCollective = o.Collectives, o.Collectives[0]
	}
	run, cancel := context.WithCancel(ctx)
	s := &Swarm{config: shared, nodes: make([]Node, o.Nodes), servers: make([]*server.Server, o.Nodes), cancel: cancel}
	if err := s.startAll(run, o); err != nil {
		s.Stop()
		return nil, fmt.Errorf("swarm: %w", err)
	}
	return s, nil
}

// startAll starts the nodes, some at a time, and stops at the first that fails.
func (s *Swarm) startAll(ctx context.Context, o Options) error {
	starting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	next := make(chan int)
	var group sync.WaitGroup
	for range min(o.Parallel, o.Nodes) {
		group.Go(func() {
			for i := range next {
				if err := s.start(ctx, starting, o, i); err != nil {
					fail(fmt.Errorf("node %d of %d: %w", i+1, o.Nodes, err))
				}
			}
		})
	}
	for i := 0; i < o.Nodes && starting.Err() == nil; i++ {
		select {
		case next <- i:
		case <-starting.Done():
		}
	}
	close(next)
	group.Wait()
	return context.Cause(starting)
}

// start brings up one node: run is its life, starting the time until it must
// stand.
func (s *Swarm) start(run, starting context.Context, o Options, i int) error {
	n := Describe(o.Seed, i)
	conn, err := o.Connect(starting, n.Identity)
	if err != nil {
		return fmt.Errorf("connect %s: %w", n.Identity, err)
	}
	about := &self{node: &s.nodes[i], config: s.config}
	opts := server.Options{
		Identity:         n.Identity,
		Collectives:      o.Collectives,
		Connector:        conn,
		Security:         o.Security,
		Facts:            n.Facts,
		Classes:          func() []string { return n.Classes },
		Handlers:         about.agents(o),
		DirectAddressing: true,
		Log:              o.Log.With("node", n.Identity),
	}
	if o.Tune != nil {
		o.Tune(&opts)
	}
	srv, err := server.New(opts)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	s.nodes[i], s.servers[i], about.server = n, srv, srv
	s.group.Go(func() {
		err := srv.Run(run)
		if err := errors.Join(err, conn.Close()); err != nil {
			s.mu.Lock()
			s.errs = append(s.errs, fmt.Errorf("%s: %w", n.Identity, err))
			s.mu.Unlock()
		}
	})
	select {
	case <-srv.Ready():
		return nil
	case <-starting.Done():
		return context.Cause(starting)
	}
}

// Stop ends all nodes and their connections, and returns when they have ended.
func (s *Swarm) Stop() error {
	s.cancel()
	s.group.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) > 0 {
		return fmt.Errorf("swarm: %d nodes ended badly; the first: %w", len(s.errs), s.errs[0])
	}
	return nil
}

// Nodes returns the nodes that were made up, in the order of their numbers.
func (s *Swarm) Nodes() []Node { return s.nodes }

// Stats sums up the counters of all nodes. StartTime is that of the first.
func (s *Swarm) Stats() server.Stats {
	sum := s.servers[0].Stats()
	for _, srv := range s.servers[1:] {
		n := srv.Stats()
		sum.Total += n.Total
		sum.Validated += n.Validated
		sum.Unvalidated += n.Unvalidated
		sum.Passed += n.Passed
		sum.Filtered += n.Filtered
		sum.Replies += n.Replies
		sum.Busy += n.Busy
		sum.Dropped += n.Dropped
		sum.Panics += n.Panics
	}
	return sum
}
