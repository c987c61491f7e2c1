package stomp

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Listen says what to subscribe to.
type Listen struct {
	Destination string
	ID          string // unique within the client. Default Destination. Not sent in 1.0
	Selector    string // the selector header, "" for none
	Header      Header // more fields for the SUBSCRIBE frame

	// Passive sends no SUBSCRIBE: the broker subscribes us by itself and marks
	// its messages with ID, as RabbitMQ does for the temporary queue of a
	// reply-to header.
	Passive bool
}

// A Subscription is one destination that a Client listens to, on whatever
// connection it has.
type Subscription struct {
	c       *Client
	l       Listen
	receive func(*Frame)

	result    chan error    // for Subscribe; holds its answer
	confirmed bool          // the broker has accepted it once; guarded by c.mu
	refusal   *RefusedError // guarded by c.mu

	mu     sync.Mutex // held during a call of receive
	closed bool
}

// Subscribe calls receive with each message for the destination, one at a time.
// The frame and its body are receive's until it returns; the strings in it may
// be kept. While receive runs nothing else is received on the connection, so it
// must neither block for long nor call Subscribe, Flush or Close.
//
// It returns when the broker has confirmed, or with *RefusedError when it
// refuses. Without a connection it waits for one until ctx ends. Once
// accepted, a subscription is restored on each new connection until it is closed
// or refused there, which Err tells.
func (c *Client) Subscribe(ctx context.Context, l Listen, receive func(*Frame)) (*Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.ID == "" {
		l.ID = l.Destination
	}
	sub := &Subscription{c: c, l: l, receive: receive, result: make(chan error, 1)}
	if err := c.try(ctx, sub); err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.fatal != nil {
		defer c.mu.Unlock()
		return nil, c.fatal
	}
	if c.subs[l.ID] != nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("stomp: there is a subscription %q already", l.ID)
	}
	if _, err := AppendFrame(nil, V11, sub.frame(V11, "")); err != nil {
		c.mu.Unlock()
		return nil, err
	}
	if l.Passive {
		sub.confirmed = true
		c.subs[l.ID] = sub
		c.mu.Unlock()
		return sub, nil
	}
	if c.sess != nil {
		receipt := c.ticket("sub")
		if err := c.out.add(sub.frame(c.out.version, receipt), mark{}); err != nil {
			c.mu.Unlock()
			return nil, err
		}
		c.receipts[receipt] = waiter{serial: c.serial, sub: sub}
		c.sess.signal()
	}
	c.subs[l.ID] = sub
	c.order = append(c.order, sub)
	c.mu.Unlock()
	select {
	case err := <-sub.result:
		if err != nil {
			return nil, err
		}
		return sub, nil
	case <-ctx.Done():
		c.forget(sub)
		return nil, c.waitError("subscribe to "+l.Destination, ctx.Err())
	case <-c.closed:
		return nil, c.fatal
	}
}

// frame returns the SUBSCRIBE frame in a version.
func (sub *Subscription) frame(v Version, receipt string) *Frame {
	h := make(Header, 0, 4+len(sub.l.Header))
	if sub.l.Selector != "" {
		h = h.Add("selector", sub.l.Selector)
	}
	h = append(h.Add("destination", sub.l.Destination), sub.l.Header...)
	if v != V10 {
		h = h.Add("id", sub.l.ID)
	}
	if receipt != "" {
		h = h.Add("receipt", receipt)
	}
	return &Frame{Command: Subscribe, Header: h}
}

// end returns the UNSUBSCRIBE frame in a version.
func (sub *Subscription) end(v Version) *Frame {
	h := Header{{"destination", sub.l.Destination}}
	if v != V10 {
		h = h.Add("id", sub.l.ID)
	}
	return &Frame{Command: Unsubscribe, Header: h}
}

// Close ends the subscription; receive is not running and will not be called
// when it returns. It must not be called from receive.
func (sub *Subscription) Close() error {
	sub.c.forget(sub)
	sub.mu.Lock()
	sub.closed = true
	sub.mu.Unlock()
	return nil
}

func (sub *Subscription) deliver(f *Frame) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !sub.closed {
		sub.receive(f)
	}
}

// resolve answers the Subscribe that waits, if one does. c.mu is held.
func (sub *Subscription) resolve(err error) {
	sub.confirmed = sub.confirmed || err == nil
	select {
	case sub.result <- err:
	default:
	}
}

// forget drops a subscription and tells the broker.
func (c *Client) forget(sub *Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs[sub.l.ID] != sub {
		return
	}
	c.drop(sub)
	if sub.l.Passive || c.sess == nil || c.fatal != nil {
		return
	}
	if err := c.out.add(sub.end(c.out.version), mark{}); err == nil {
		c.sess.signal()
	}
}

// drop removes a subscription from the list. c.mu is held.
func (c *Client) drop(sub *Subscription) {
	delete(c.subs, sub.l.ID)
	c.order = slices.DeleteFunc(c.order, func(s *Subscription) bool { return s == sub })
}

// deliver hands a MESSAGE to the subscription that it is for. In 1.0 a message
// may name only its destination.
func (c *Client) deliver(f *Frame) {
	c.mu.Lock()
	var sub *Subscription
	if id, ok := f.Header.Lookup("subscription"); ok {
		sub = c.subs[id]
	} else {
		destination := f.Header.Get("destination")
		if sub = c.subs[destination]; sub == nil {
			for _, s := range c.order {
				if s.l.Destination == destination {
					sub = s
					break
				}
			}
		}
	}
	c.mu.Unlock()
	if sub != nil {
		sub.deliver(f)
	}
}
