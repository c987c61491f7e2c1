package overstomp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"mcollective/connector"
	"mcollective/stomp"
)

// A share is one subscription at the broker and all of ours that it serves.
type share struct {
	c      *Connector
	listen Listen

	users int        // guarded by c.mu
	setup sync.Mutex // held while sub is made
	sub   atomic.Pointer[stomp.Subscription]

	mu        sync.Mutex // held while receivers run
	receivers []*Subscription
}

// Subscription is a connector.Subscription.
type Subscription struct {
	s       *share
	target  connector.Target
	receive func(connector.Delivery)
	once    sync.Once
}

// Subscribe implements connector.Connector.
func (c *Connector) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	listen, err := c.dialect.Listen(from)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s := c.shares[listen.ID]
	if s == nil {
		s = &share{c: c, listen: listen}
		c.shares[listen.ID] = s
	}
	s.users++
	c.mu.Unlock()
	r := &Subscription{s: s, target: from, receive: receive}
	s.mu.Lock()
	s.receivers = append(s.receivers, r)
	s.mu.Unlock()
	if err := s.start(ctx); err != nil {
		r.Close()
		return nil, closed(refused(from, err))
	}
	return r, nil
}

// start subscribes at the broker unless that is done and stands.
func (s *share) start(ctx context.Context) error {
	s.setup.Lock()
	defer s.setup.Unlock()
	old := s.sub.Load()
	if old != nil && old.Err() == nil {
		return nil
	}
	if old != nil {
		old.Close()
	}
	sub, err := s.c.client.Subscribe(ctx, s.listen.Listen, s.deliver)
	if err != nil {
		return err
	}
	s.sub.Store(sub)
	return nil
}

// Address implements connector.Subscription.
func (r *Subscription) Address() string { return r.s.listen.Address }

// Err implements connector.Subscription.
func (r *Subscription) Err() error {
	sub := r.s.sub.Load()
	if sub == nil {
		return nil
	}
	return refused(r.target, sub.Err())
}

// refused says in the contract's words that the broker does not allow a
// subscription.
func refused(from connector.Target, err error) error {
	if e := (*stomp.RefusedError)(nil); errors.As(err, &e) {
		return fmt.Errorf("subscribe to %s of %s: %w: %w", from.Agent+from.Identity, from.Collective, connector.ErrRefused, e)
	}
	return err
}

// Close implements connector.Subscription.
func (r *Subscription) Close() error {
	r.once.Do(func() {
		s := r.s
		s.mu.Lock()
		s.receivers = slices.DeleteFunc(s.receivers, func(other *Subscription) bool { return other == r })
		s.mu.Unlock()
		s.c.mu.Lock()
		defer s.c.mu.Unlock()
		if s.users--; s.users > 0 {
			return
		}
		delete(s.c.shares, s.listen.ID)
		s.setup.Lock()
		defer s.setup.Unlock()
		if sub := s.sub.Load(); sub != nil {
			// Under c.mu, so that the next subscription of this id comes after it.
			sub.Close()
		}
	})
	return nil
}

func (s *share) deliver(f *stomp.Frame) {
	d := connector.Delivery{Message: connector.Message{Data: f.Body, Headers: headers(f.Header), ReplyTo: f.Header.Get("reply-to")}}
	if s.c.opts.Base64 {
		var err error
		if d.Data, err = decode64(f.Body); err != nil {
			s.c.broken.Add(1)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.receivers {
		d.Target = r.target
		if s.listen.Merged {
			d.Target.Agent = ""
			r.receive(d)
			return
		}
		r.receive(d)
	}
}
