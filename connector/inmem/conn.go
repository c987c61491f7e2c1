package inmem

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"mcollective/connector"
)

// A Conn is one connection to a Hub.
type Conn struct {
	hub      *Hub
	identity string
	dropped  atomic.Uint64
	once     sync.Once
	closed   chan struct{}

	// The hub's lock guards these.
	connected  bool
	reconnects uint64
	lastErr    error
	subs       []*subscription
}

var _ connector.Connector = (*Conn)(nil)

// Publish delivers the message to who listens now. While the hub is stopped it
// waits for it until ctx ends.
func (c *Conn) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	k, err := key(to)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if limit := c.hub.opts.MaxPayload; limit > 0 && len(m.Data) > limit {
		return fmt.Errorf("publish %d bytes, the hub takes %d: %w", len(m.Data), limit, connector.ErrTooLarge)
	}
	for {
		if err := c.hub.wait(ctx, c); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if err := c.hub.deliver(k, m); !errors.Is(err, errDown) {
			return err
		}
	}
}

// Subscribe listens to the target. A Reply target gets an address of its own.
func (c *Conn) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	if err := c.hub.wait(ctx, c); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	h := c.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-c.closed: // Close came between
		return nil, fmt.Errorf("subscribe: %w", connector.ErrClosed)
	default:
	}
	s := &subscription{conn: c, target: from, receive: receive, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if from.Kind == connector.Reply {
		if from.Collective == "" {
			return nil, errors.New("subscribe: a reply target needs a collective")
		}
		h.serial++
		s.address = fmt.Sprintf("%s.reply.%s.%d", from.Collective, c.identity, h.serial)
		from.Address = s.address
	}
	k, err := key(from)
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	s.key = k
	h.judge(s)
	list := h.subs[k]
	h.subs[k] = append(list[:len(list):len(list)], s)
	c.subs = append(c.subs, s)
	go s.run()
	return s, nil
}

// Flush returns at once while the hub runs, for nothing is ever under way to it.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.hub.wait(ctx, c); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

// Interest returns the identities of the connections that listen to a target, one
// for each subscription.
func (c *Conn) Interest(ctx context.Context, to connector.Target) ([]string, error) {
	k, err := key(to)
	if err != nil {
		return nil, fmt.Errorf("interest: %w", err)
	}
	if c.hub.opts.Blind {
		return nil, errors.New("interest: this hub cannot tell")
	}
	if err := c.hub.wait(ctx, c); err != nil {
		return nil, fmt.Errorf("interest: %w", err)
	}
	c.hub.mu.RLock()
	defer c.hub.mu.RUnlock()
	var names []string
	for _, s := range c.hub.subs[k] {
		if s.refused.Load() {
			continue
		}
		names = append(names, s.conn.identity)
	}
	return names, nil
}

// Status tells how the connection is.
func (c *Conn) Status() connector.Status {
	c.hub.mu.RLock()
	defer c.hub.mu.RUnlock()
	return connector.Status{
		Connected:  c.connected,
		Server:     "inmem:1",
		Reconnects: c.reconnects,
		Dropped:    c.dropped.Load(),
		LastError:  c.lastErr,
	}
}

// Close ends the connection and its subscriptions.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.hub.mu.Lock()
		close(c.closed)
		c.connected = false
		subs := c.subs
		c.subs = nil
		delete(c.hub.conns, c)
		c.hub.mu.Unlock()
		for _, s := range subs {
			s.Close()
		}
	})
	return nil
}
