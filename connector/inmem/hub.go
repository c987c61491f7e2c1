// Package inmem is a connector whose broker is a value in this process.
//
// A [Hub] is the broker: anyone who connects to it reaches everybody else who did.
// It keeps the promises of package connector, passes connectortest, and can be
// stopped and started like a broker that is restarted, so that the client and
// the node are tested without sockets and, with testing/synctest, without
// waiting:
//
//	hub := inmem.NewHub(inmem.Options{})
//	node, err := hub.Connect(ctx, "web1.example.net")
//
// It never leaves the process, and has no access rules but those of [Hub.Refuse].
package inmem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"mcollective/connector"
)

// Options set up a Hub.
type Options struct {
	// MaxPayload is the size in bytes of the largest Data that the hub takes.
	// Default: no limit.
	MaxPayload int

	// Queue is how many messages a subscription holds for a receiver that is
	// behind; those beyond are dropped and counted. Default 65,536.
	Queue int

	// Blind hubs cannot tell who listens, like brokers other than NATS.
	Blind bool
}

// A Hub is a broker in memory. It may be used by several goroutines.
type Hub struct {
	opts Options

	mu     sync.RWMutex
	up     chan struct{} // closed while the hub runs
	down   bool
	conns  map[*Conn]struct{}
	subs   map[connector.Target][]*subscription
	serial uint64 // of reply addresses
	refuse func(connector.Target) bool
}

// errDown is why connections are lost while a hub is stopped.
var errDown = errors.New("the in-memory hub is stopped")

// NewHub returns a hub that runs.
func NewHub(opts Options) *Hub {
	if opts.Queue <= 0 {
		opts.Queue = 1 << 16
	}
	h := &Hub{
		opts:  opts,
		up:    make(chan struct{}),
		conns: make(map[*Conn]struct{}),
		subs:  make(map[connector.Target][]*subscription),
	}
	close(h.up)
	return h
}

// Connect opens a connection for the node or client of this identity. It waits
// for a hub that is stopped until ctx ends.
func (h *Hub) Connect(ctx context.Context, identity string) (*Conn, error) {
	c := &Conn{hub: h, identity: identity, closed: make(chan struct{})}
	if err := h.wait(ctx, c); err != nil {
		return nil, fmt.Errorf("connect to the in-memory hub: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.connected = true
	h.conns[c] = struct{}{}
	return c, nil
}

// Stop loses all connections: what is published from now on waits for Start, and
// what was delivered to nobody yet is gone.
func (h *Hub) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return
	}
	h.down = true
	h.up = make(chan struct{})
	for c := range h.conns {
		c.connected, c.lastErr = false, errDown
	}
	for _, list := range h.subs {
		for _, s := range list {
			s.discard()
		}
	}
}

// Start runs a stopped hub again; connections and their subscriptions are back
// when it returns.
func (h *Hub) Start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down {
		return
	}
	h.down = false
	for c := range h.conns {
		c.connected = true
		c.reconnects++
	}
	close(h.up)
}

// Refuse has the hub refuse subscriptions to targets that refuse accepts: those that
// are asked for from now on, and those that stand, as a broker does that is started
// again with other permissions. Nil refuses none.
func (h *Hub) Refuse(refuse func(connector.Target) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = refuse
	for _, list := range h.subs {
		for _, s := range list {
			h.judge(s)
		}
	}
}

func (h *Hub) judge(s *subscription) {
	if h.refuse != nil && h.refuse(s.target) {
		s.refused.Store(true)
	}
}

// wait returns once the hub runs, or with the reason why it waits no longer.
func (h *Hub) wait(ctx context.Context, c *Conn) error {
	for {
		h.mu.RLock()
		up, down := h.up, h.down
		h.mu.RUnlock()
		select {
		case <-c.closed:
			return connector.ErrClosed
		default:
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !down {
			return nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errDown, ctx.Err())
		case <-c.closed:
		}
	}
}

// key reduces a target to what decides where a message goes.
func key(t connector.Target) (connector.Target, error) {
	switch {
	case t.Kind == connector.Broadcast && t.Collective != "" && t.Agent != "":
		return connector.Target{Kind: t.Kind, Collective: t.Collective, Agent: t.Agent}, nil
	case t.Kind == connector.Directed && t.Collective != "" && t.Identity != "":
		return connector.Target{Kind: t.Kind, Collective: t.Collective, Identity: t.Identity}, nil
	case t.Kind == connector.Reply && t.Address != "":
		return connector.Target{Kind: t.Kind, Address: t.Address}, nil
	}
	return connector.Target{}, fmt.Errorf("%v target %+v names nobody", t.Kind, t)
}

// CheckReply accepts every address: those of replies reach nothing else here.
func (c *Conn) CheckReply(string) error { return nil }

// deliver hands a copy of m to every subscription of the target.
func (h *Hub) deliver(to connector.Target, m connector.Message) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.down {
		return errDown
	}
	list := h.subs[to]
	if len(list) == 0 {
		h.nobody(to, m.ReplyTo)
		return nil
	}
	m.Data, m.Headers = bytes.Clone(m.Data), maps.Clone(m.Headers)
	for _, s := range list {
		if s.refused.Load() {
			continue
		}
		s.put(connector.Delivery{Message: m, Target: s.target})
	}
	return nil
}

// nobody tells who waits for answers that there will be none.
func (h *Hub) nobody(to connector.Target, replyTo string) {
	if to.Kind == connector.Reply || h.opts.Blind {
		return
	}
	for _, s := range h.subs[connector.Target{Kind: connector.Reply, Address: replyTo}] {
		if tell := s.watcher.Load(); tell != nil {
			(*tell)(to)
		}
	}
}

func (h *Hub) remove(s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.subs[s.key]
	for i, other := range list {
		if other == s {
			// A new list, for deliver may have the old one in hand.
			h.subs[s.key] = append(append([]*subscription(nil), list[:i]...), list[i+1:]...)
			break
		}
	}
	if len(h.subs[s.key]) == 0 {
		delete(h.subs, s.key)
	}
}
