package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
	"mcollective/connector/nats/subject"
)

// What one subscription may hold until receive takes it. Answers are given much
// room: thousands of nodes speak at once, and what is dropped is gone.
const (
	pendingRequests     = 64 << 10
	pendingRequestBytes = 64 << 20
	pendingReplies      = 1 << 20
	pendingReplyBytes   = 512 << 20
)

type subscription struct {
	conn    *Conn
	sub     *gonats.Subscription
	target  connector.Target
	subject string
	address string
	receive func(connector.Delivery)
	watcher atomic.Pointer[func(connector.Target)]

	refused atomic.Pointer[string] // the broker's words
	stands  atomic.Uint64          // the generation in which all that the broker had to say was heard

	mu     sync.Mutex // held while receive runs
	closed bool
}

// Subscribe implements connector.Connector. Close of the subscription must not
// be called from within receive.
func (c *Conn) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	s, err := c.subscribe(ctx, from, receive)
	if err != nil {
		return nil, fmt.Errorf("nats: subscribe: %w", err)
	}
	return s, nil
}

func (c *Conn) subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (_ *subscription, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &subscription{conn: c, target: from, receive: receive}
	messages, bytes := pendingRequests, pendingRequestBytes
	var subj string
	if from.Kind == connector.Reply {
		messages, bytes = pendingReplies, pendingReplyBytes
		subj, err = subject.NewReply(from.Collective, c.opts.ReplyName)
		s.address = subj
	} else {
		subj, err = subjectOf(from)
	}
	if err != nil {
		return nil, err
	}
	if c.opts.PendingMessages > 0 {
		messages = c.opts.PendingMessages
	}
	if c.opts.PendingBytes > 0 {
		bytes = c.opts.PendingBytes
	}
	s.subject = subj
	s.mu.Lock() // until s is complete
	defer s.mu.Unlock()
	c.ask(s)
	defer func() {
		if err != nil {
			c.forget(s)
		}
	}()
	if s.sub, err = c.nc.Subscribe(subj, s.deliver); err != nil {
		if c.closed.Load() {
			err = connector.ErrClosed
		}
		return nil, err
	}
	if err = s.sub.SetPendingLimits(messages, bytes); err != nil {
		return nil, errors.Join(err, s.sub.Unsubscribe())
	}
	c.mu.Lock()
	c.subs = append(c.subs, s)
	c.mu.Unlock()
	return s, nil
}

// noResponders is what a broker answers in the place of subscribers that do not
// exist. To a collective, nobody is a number of nodes like any other, so only who
// watches hears of it.
const noResponders = "503"

func (s *subscription) deliver(m *gonats.Msg) {
	d := connector.Delivery{Message: connector.Message{Data: m.Data, ReplyTo: m.Reply}, Target: s.target}
	if m.Header != nil {
		if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
			s.nobody(m.Header)
			return
		}
		d.Headers = make(map[string]string, len(m.Header))
		for k, v := range m.Header {
			if len(v) > 0 {
				d.Headers[k] = v[0]
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.conn.closed.Load() && s.refused.Load() == nil {
		s.receive(d)
	}
}

// Address implements connector.Subscription.
func (s *subscription) Address() string { return s.address }

// Err implements connector.Subscription.
func (s *subscription) Err() error {
	words := s.refused.Load()
	if words == nil {
		return nil
	}
	return fmt.Errorf("nats: subscription to %s: %w: %.200q", s.subject, connector.ErrRefused, *words)
}

// ask notes whom a refusal of the subject concerns, before it can come.
func (c *Conn) ask(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		c.asked = map[string][]*subscription{}
	}
	c.asked[s.subject] = append(c.asked[s.subject], s)
}

func (c *Conn) forget(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := slices.DeleteFunc(c.asked[s.subject], func(other *subscription) bool { return other == s })
	if c.asked[s.subject] = left; len(left) == 0 {
		delete(c.asked, s.subject)
	}
}

// refuse marks the subscriptions that the broker's words refuse, and reports
// whether there are any.
func (c *Conn) refuse(words string) (any bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if words == tooMany {
		// It does not say which: one of those that are not known to stand.
		generation := c.generation.Load()
		for _, list := range c.asked {
			for _, s := range list {
				if s.stands.Load() != generation {
					s.refused.Store(&words)
					any = true
				}
			}
		}
		return any
	}
	subj, ok := refusedSubject(words)
	if !ok {
		return false
	}
	for _, s := range c.asked[subj] {
		s.refused.Store(&words)
		any = true
	}
	return any
}

// refusedSubject finds out of which subscription a broker speaks that says
//
//	Permissions Violation for Subscription to "a.subject"
func refusedSubject(words string) (string, bool) {
	rest, ok := strings.CutPrefix(words, permissions+`Subscription to "`)
	if !ok {
		return "", false
	}
	subj, _, ok := strings.Cut(rest, `"`)
	return subj, ok
}

// Close implements connector.Subscription.
func (s *subscription) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	c := s.conn
	c.forget(s)
	c.mu.Lock()
	c.subs = slices.DeleteFunc(c.subs, func(other *subscription) bool { return other == s })
	c.dropped += s.dropped()
	c.mu.Unlock()
	if err := s.sub.Unsubscribe(); err != nil && !c.closed.Load() {
		return fmt.Errorf("nats: unsubscribe: %w", err)
	}
	return nil
}

func (s *subscription) dropped() uint64 {
	n, err := s.sub.Dropped()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}
