// Package server is the engine of a node: it receives requests, decides about each in a fixed order of steps, and answers.
//
// The way of a request, all of it in pipeline.go:
//
//	size, decode, binding, age, proof, replay, filter     on the connector's receive path
//	authorize, audit, data filter, run, reply             on a worker
//
// What costs nothing is done where the message arrives; what may run code or
// wait is done by at most Options.Workers goroutines behind a bounded queue, and
// what finds no room there is answered with "busy". A request that is stopped by
// a step is counted in Stats and logged; only a step that knows the caller to be
// trustworthy lets it see an answer.
//
// The engine holds a connector and a security provider and knows neither by
// name; internal/plugins picks them:
//
//	s, err := server.New(server.Options{Identity: "web1.example.net", Connector: c, Security: sec})
//	err = s.Run(ctx) // until ctx ends and the work that was accepted is done
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/message"
	"mcollective/security"
)

// Options set up a Server.
type Options struct {
	Identity    string              // the node's name; required
	Collectives []string            // default: mcollective
	Connector   connector.Connector // required; stays open when Run returns
	Security    security.Node       // required

	Facts   FactSource      // default: no facts
	Classes func() []string // default: no classes
	Data    DataSource      // default: no data plugins
	Rules   filter.Rules    // choices in how filters compare

	// Handlers are the agents by name. Built in is discovery, which cannot be
	// replaced. Ruby's clients find only nodes with an agent rpcutil.
	Handlers map[string]Handler

	// DirectAddressing makes the node take requests addressed to it by name.
	DirectAddressing bool

	TTL     time.Duration // of replies, and of requests that name none; default 60 s
	MaxTTL  time.Duration // requests are good for no longer, whatever they say; 0 is no limit
	MaxSkew time.Duration // how far ahead of ours a request's clock may be; 0 is no limit

	Workers     int           // requests that run at the same time, and one more for each agent; default 32
	Queue       int           // requests that wait for a worker; default 1,000, negative for none
	QueueBytes  int           // payload bytes of the requests that wait; default 32 MiB
	MaxRequest  int           // payload bytes of one request; default 4 MiB
	DataTimeout time.Duration // for all data functions of one filter; default 3 s
	Grace       time.Duration // for the work under way when Run's context ends; default 10 s

	Replay    ReplayGuard // nil: requests are not remembered
	Authorize Authorizer  // nil: everybody may do everything
	Audit     Auditor     // nil: nothing is recorded

	Log *slog.Logger     // default: discard
	Now func() time.Time // default: time.Now
}

// A Server is a node of a collective.
type Server struct {
	opts     Options
	log      *slog.Logger
	now      func() time.Time
	online   func() bool // Connector has its broker
	agentSet atomic.Pointer[agentSet]
	count    counters
	flood    sampler

	receiving sharedDeadline // for replies from the receive path
	working   sharedDeadline // and from workers
	pool      *pool
	ready     chan struct{}

	started atomic.Bool
	running atomic.Bool
	work    context.Context // what handlers run under; set by Run
	answers context.Context // what replies are sent under: ends after work; set by Run
	lack    atomic.Pointer[Lack]
	again   chan struct{} // holds a token when subscriptions are missing

	changing sync.Mutex // held while subscriptions change, which may wait for a broker

	mu     sync.Mutex // guards what is below, briefly; the receive path takes no lock
	listen map[connector.Target]*listener
	ended  bool
}

// New checks the options and makes a server that Run starts.
func New(opts Options) (*Server, error) {
	if err := message.ValidIdentity(opts.Identity); err != nil {
		return nil, err
	}
	if opts.Connector == nil || opts.Security == nil {
		return nil, errors.New("a node needs a connector and a security provider")
	}
	if len(opts.Collectives) == 0 {
		opts.Collectives = []string{"mcollective"}
	}
	for _, c := range opts.Collectives {
		if err := message.ValidCollective(c); err != nil {
			return nil, err
		}
	}
	defaultTo(&opts.TTL, time.Minute)
	defaultTo(&opts.Workers, 32)
	defaultTo(&opts.Queue, 1000)
	defaultTo(&opts.QueueBytes, 32<<20)
	defaultTo(&opts.MaxRequest, 4<<20)
	defaultTo(&opts.DataTimeout, 3*time.Second)
	defaultTo(&opts.Grace, 10*time.Second)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Replay == nil {
		opts.Replay, _ = opts.Security.(ReplayGuard)
	}
	s := &Server{
		opts:   opts,
		log:    opts.Log,
		now:    opts.Now,
		ready:  make(chan struct{}),
		again:  make(chan struct{}, 1),
		listen: make(map[connector.Target]*listener),

		receiving: sharedDeadline{atLeast: receivePatience},
		working:   sharedDeadline{atLeast: workerPatience},
	}
	s.online = func() bool { return s.opts.Connector.Status().Connected }
	if c, ok := opts.Connector.(interface{ Connected() bool }); ok {
		s.online = c.Connected // asked for each message: some know without gathering all of their status
	}
	s.pool = newPool(opts.Workers, opts.Queue, opts.QueueBytes, opts.Now, s.answer)
	s.count.start = opts.Now()
	r, err := s.newAgentSet(opts)
	if err != nil {
		return nil, err
	}
	s.agentSet.Store(r)
	return s, nil
}

func defaultTo[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Ready is closed once every subscription stands: from then on requests reach
// the node wherever it should be reached. Until then Lack says where they do not.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Reload replaces the agents while requests keep running: those that are new
// are subscribed, those that are gone are not asked any more, and a request
// that was accepted before runs to its end. A handler that is gone and is an
// io.Closer is closed after its last request. On an error about the agents
// themselves the old ones stay; a subscription that the broker refuses is asked
// for again by Run.
func (s *Server) Reload(ctx context.Context, handlers map[string]Handler) error {
	opts := s.opts
	opts.Handlers = handlers
	r, err := s.newAgentSet(opts)
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	s.agentSet.Swap(r).replaced(r)
	if !s.running.Load() {
		return nil
	}
	if err := s.subscribe(ctx); err != nil {
		select {
		case s.again <- struct{}{}:
		default:
		}
		return fmt.Errorf("reload: %w", err)
	}
	return nil
}
