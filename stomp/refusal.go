package stomp

import (
	"context"
	"fmt"
	"time"

	"mcollective/internal/dial"
)

const (
	// answerAge is how long after an ERROR the end of the connection is held to
	// belong to it.
	answerAge = 10 * time.Second
	// refusalPause bounds the delay before a connection that follows a refused
	// subscription: each has one subscription less, so this comes to an end.
	refusalPause = time.Second

	// trialFirst and trialMost bound the pause between two trials of refused
	// subscriptions: a fleet with a wrong permission must not keep its broker busy.
	trialFirst = 5 * time.Second
	trialMost  = time.Minute

	// mostRefusals bounds what is remembered.
	mostRefusals = 1000
)

// A RefusedError says that the broker does not allow a subscription, or has no
// such destination.
type RefusedError struct {
	Destination string
	Err         *ServerError
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("subscription to %s refused: %v", e.Destination, e.Err)
}

// Unwrap returns Err.
func (e *RefusedError) Unwrap() error { return e.Err }

// refusals are the subscriptions that a broker has refused which breaks the
// connection with it, as RabbitMQ does. To ask again on the connection that
// everything else depends on would break that each time, so a connection of its
// own is tried first. The Client's mutex guards it.
type refusals struct {
	hangsUp bool // a refusal has broken the connection
	known   map[string]*refusal
	pause   time.Duration
	next    time.Time // no trial before
}

type refusal struct {
	err *ServerError
	due time.Time // no trial of this one before
}

// note remembers that a destination was refused when it was tried.
func (r *refusals) note(destination string, err *ServerError, tried bool) {
	if r.known == nil || len(r.known) >= mostRefusals {
		r.known = map[string]*refusal{}
	}
	k := r.known[destination]
	if k == nil {
		k = &refusal{}
		r.known[destination] = k
	}
	k.err = err
	if !tried {
		return
	}
	r.pause = min(max(2*r.pause, trialFirst), trialMost)
	now := time.Now()
	r.next = now.Add(r.pause)
	k.due = now.Add(time.Duration(len(r.known)) * r.pause) // the others come first
}

// reset has everything tried again: something has changed at the broker.
func (r *refusals) reset() {
	r.pause, r.next = 0, time.Time{}
	for _, k := range r.known {
		k.due = time.Time{}
	}
}

// pending returns why a destination is not tried now, or nil.
func (r *refusals) pending(destination string) *ServerError {
	k := r.known[destination]
	if now := time.Now(); k != nil && (now.Before(r.next) || now.Before(k.due)) {
		return k.err
	}
	return nil
}

// try subscribes on a connection of its own, where a refusal harms nothing, if
// the broker breaks connections with refusals. It returns *RefusedError, also for
// a destination whose time to be tried again has not come, and nil where the
// broker has to be asked on the connection of all.
func (c *Client) try(ctx context.Context, sub *Subscription) error {
	c.mu.Lock()
	if !c.refusals.hangsUp || sub.l.Passive {
		c.mu.Unlock()
		return nil
	}
	if err := c.await(ctx, "subscribe to "+sub.l.Destination); err != nil {
		return err
	}
	if said := c.refusals.pending(sub.l.Destination); said != nil {
		defer c.mu.Unlock()
		return &RefusedError{sub.l.Destination, said}
	}
	srv := c.opts.Servers[c.sess.place]
	c.mu.Unlock()
	said, err := c.trial(ctx, srv, sub)
	if err != nil {
		return fmt.Errorf("stomp: subscribe to %s: %w", sub.l.Destination, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if said != nil {
		c.refusals.note(sub.l.Destination, said, true)
		return &RefusedError{sub.l.Destination, said}
	}
	if c.refusals.known[sub.l.Destination] != nil {
		delete(c.refusals.known, sub.l.Destination)
		c.refusals.reset()
	}
	return nil
}

// trial asks a broker whether it would accept a subscription. What arrives
// meanwhile is not acknowledged, so that it is delivered to somebody else.
func (c *Client) trial(ctx context.Context, srv Server, sub *Subscription) (said *ServerError, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)() // Close
	s, err := c.attempt(ctx, srv, 1)
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	if err := s.conn.SetDeadline(time.Now().Add(c.opts.ConnectTimeout)); err != nil {
		return nil, dial.Plain(err)
	}
	s.idle.limit = 0
	const receipt, bye = "trial", "bye"
	f := sub.frame(s.version, receipt)
	f.Header = f.Header.Add("ack", "client")
	w := NewWriter(s.conn, s.codec)
	if err := w.WriteFrame(f); err != nil {
		return nil, dial.Plain(err)
	}
	for {
		if err := s.r.Read(f); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, dial.Plain(err)
		}
		switch {
		case f.Command == Error:
			return serverError(s.server, f), nil
		case f.Command == Receipt && f.Header.Get("receipt-id") == receipt:
			// It has to be gone before the real one comes, or it would take messages.
			if err := w.WriteFrame(sub.end(s.version)); err != nil {
				return nil, dial.Plain(err)
			}
			if err := w.WriteFrame(&Frame{Command: Disconnect, Header: Header{{"receipt", bye}}}); err != nil {
				return nil, dial.Plain(err)
			}
		case f.Command == Receipt && f.Header.Get("receipt-id") == bye:
			return nil, nil
		}
	}
}

// suspect returns the subscription that a complaint is about which does not say so,
// nil when it must be about something else: brokers take frames in order, so it
// is what the oldest receipt that is owed is for. RabbitMQ names an exchange in
// its complaint; if no such subscription waits, it is about none. c.mu is held.
func (c *Client) suspect(e *ServerError) waiter {
	var oldest waiter
	var receipt string
	for id, w := range c.receipts {
		if oldest.serial == 0 || w.serial < oldest.serial {
			oldest, receipt = w, id
		}
	}
	if oldest.sub == nil {
		return waiter{}
	}
	if name := exchangeIn(e); name != "" && name != exchangeOf(oldest.sub.l.Destination) {
		return waiter{}
	}
	delete(c.receipts, receipt) // which RabbitMQ sends all the same
	return oldest
}

// refused takes a subscription out that the broker does not accept. c.mu is held.
func (c *Client) refused(s *session, w waiter, e *ServerError) {
	c.drop(w.sub)
	w.sub.refusal = &RefusedError{w.sub.l.Destination, e}
	w.sub.resolve(w.sub.refusal)
	if w.restore {
		s.left--
	}
	s.refused = true
	c.refusals.note(w.sub.l.Destination, e, false)
}

// Err returns nil while the broker is not known to refuse the subscription, and
// *RefusedError once it does: a subscription that stood can be refused when it is
// restored. It receives nothing more then; who wants to ask again closes it and
// subscribes anew.
func (sub *Subscription) Err() error {
	sub.c.mu.Lock()
	defer sub.c.mu.Unlock()
	if sub.refusal == nil {
		return nil
	}
	return sub.refusal
}
