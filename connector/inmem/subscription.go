package inmem

import (
	"fmt"
	"sync"
	"sync/atomic"

	"mcollective/connector"
)

// A subscription is a queue between publishers and one receiver.
type subscription struct {
	conn    *Conn
	target  connector.Target // as asked for
	key     connector.Target
	address string
	receive func(connector.Delivery)
	wake    chan struct{} // holds a token when queue or closed changed
	ended   chan struct{}
	watcher atomic.Pointer[func(connector.Target)]

	refused atomic.Bool

	mu     sync.Mutex
	queue  []connector.Delivery
	closed bool
}

func (s *subscription) put(d connector.Delivery) {
	s.mu.Lock()
	full := len(s.queue) >= s.conn.hub.opts.Queue
	if !full && !s.closed {
		s.queue = append(s.queue, d)
	}
	s.mu.Unlock()
	if full {
		s.conn.dropped.Add(1)
		return
	}
	s.signal()
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// discard forgets what waits, as a broker does that is killed.
func (s *subscription) discard() {
	s.mu.Lock()
	s.queue = nil
	s.mu.Unlock()
}

// run calls receive for each message in turn until the subscription is closed.
func (s *subscription) run() {
	defer close(s.ended)
	for {
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return
		}
		for _, d := range batch {
			s.mu.Lock()
			closed := s.closed
			s.mu.Unlock()
			if closed {
				return
			}
			s.receive(d)
		}
		if len(batch) == 0 {
			<-s.wake
		}
	}
}

// Address returns where replies are to be sent.
func (s *subscription) Address() string { return s.address }

// Err returns an error if the hub refuses the subscription.
func (s *subscription) Err() error {
	if !s.refused.Load() {
		return nil
	}
	return fmt.Errorf("%s %s of %s: %w", s.target.Kind, s.target.Agent+s.target.Identity, s.target.Collective, connector.ErrRefused)
}

// Watch has tell called for each request with this address that nobody listens
// to, unless the hub is blind, which it reports.
func (s *subscription) Watch(tell func(to connector.Target)) bool {
	s.watcher.Store(&tell)
	return !s.conn.hub.opts.Blind
}

// Close ends the subscription and waits for a call of receive that is under
// way; it must not be called from there.
func (s *subscription) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.conn.hub.remove(s)
	s.signal()
	<-s.ended
	return nil
}
