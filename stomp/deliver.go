package stomp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// mostTries is how often a message may lose the connection before it is given up.
const mostTries = 2

// sizeMemory is how long a broker is not asked again for a size that it refused.
// Brokers read their limits when they start; who raised one ends the memory by
// restarting the broker, or waits this long.
const sizeMemory = 10 * time.Minute

// fate says how far a message was written when its connection broke.
type fate int

const (
	unbegun  fate = iota // it may stay in line
	partial              // the broker cannot have taken it
	complete             // the broker may have taken it
)

// A lossError is what a Deliver that waits hears when its connection breaks.
type lossError struct {
	server string
	fate   fate
	err    error
}

func (e *lossError) Error() string { return fmt.Sprintf("%v: %v", ErrLost, e.err) }

func (e *lossError) Unwrap() []error { return []error{ErrLost, e.err} }

// An UndeliverableError says that a message was given up because a broker does
// not take it: it is the message that breaks the connection, so it is not sent
// again.
type UndeliverableError struct {
	Server      string // the broker as host:port
	Destination string
	Size        int   // bytes of the body
	Taken       int   // bytes of the largest body that this broker confirmed, 0 if none
	Refused     int   // bytes of the smallest body that this broker refused, 0 if that is this one
	Err         error // how the connection broke
}

func (e *UndeliverableError) Error() string {
	why := e.Err
	if said, ok := errors.AsType[*ServerError](why); ok {
		why = errors.New(said.Message)
	}
	text := fmt.Sprintf("%d bytes to %s: ", e.Size, e.Destination)
	if e.Refused > 0 {
		text += fmt.Sprintf("broker %s has refused %d bytes before (%v)", e.Server, e.Refused, why)
	} else {
		text += fmt.Sprintf("broker %s broke the connection each time it was sent (%v)", e.Server, why)
	}
	if e.Taken > 0 {
		return text + fmt.Sprintf("; its limit is not known, it has taken %d bytes", e.Taken)
	}
	return text + "; its limit is not known"
}

// Unwrap returns Err.
func (e *UndeliverableError) Unwrap() error { return e.Err }

// sizes is what a broker was seen to take.
type sizes struct {
	taken, refused int   // the largest confirmed, the smallest refused
	why            error // of the refusal
	until          time.Time
}

// Deliver is Send for a large message: it returns when the broker has confirmed
// it. A broker that has a limit breaks the connection in the middle of a message,
// often without a word, so that only a message with a receipt can be told of its
// fate. One is under way at a time, so that it is known which one is to blame.
//
// A message that broke the connection is sent once more, to the next broker of
// the pool if there is one, and then given up with *UndeliverableError. One that
// was written to the end may have been taken all the same: that is sent once more
// only with repeat, and returns ErrLost (wrapped) without. What the broker refuses
// with words of its own, but for its size, is its *ServerError.
//
// Deliver must not be called from a receive function, which keeps the
// confirmation from being read.
func (c *Client) Deliver(ctx context.Context, h Header, body []byte, repeat bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.delivering <- struct{}{}:
		defer func() { <-c.delivering }()
	case <-ctx.Done():
		return c.waitError("send", ctx.Err())
	case <-c.closed:
		return c.fatal
	}
	destination := h.Get("destination")
	for tries := 0; ; {
		err := c.deliverOnce(ctx, h, body)
		loss, lost := errors.AsType[*lossError](err)
		if lost && loss.fate == unbegun {
			continue
		}
		if lost {
			err = loss.err
		}
		said, spoke := err.(*ServerError) //lint:allow errcompare the answer to this message, not to one before
		switch {
		case spoke && !(lost && aboutSize(said)):
			return fmt.Errorf("message to %s refused: %w", destination, said)
		case !lost:
			return err
		case ctx.Err() != nil:
			return loss
		}
		if tries++; tries < mostTries && (repeat || spoke || loss.fate == partial) {
			c.opts.Logger.Warn("message broke the connection, sending it once more",
				"broker", loss.server, "destination", destination, "bytes", len(body), "error", loss.err)
			continue
		}
		if tries < mostTries {
			return fmt.Errorf("message of %d bytes to %s may not have arrived: %w", len(body), destination, loss)
		}
		return c.undeliverable(loss, destination, len(body))
	}
}

// deliverOnce sends a message on one connection and waits for the receipt.
func (c *Client) deliverOnce(ctx context.Context, h Header, body []byte) error {
	c.mu.Lock()
	if err := c.await(ctx, "send"); err != nil {
		return err
	}
	if k := c.sizes[c.state.Server]; k.refused > 0 && len(body) >= k.refused && time.Now().Before(k.until) {
		defer c.mu.Unlock()
		return &UndeliverableError{c.state.Server, h.Get("destination"), len(body), k.taken, k.refused, k.why}
	}
	if err := c.blocks(h.Get("destination")); err != nil {
		c.mu.Unlock()
		return err
	}
	server := c.state.Server
	receipt := c.ticket("send")
	id := c.serial
	f := Frame{Command: Send, Header: append(h[:len(h):len(h)], Field{"receipt", receipt}), Body: body}
	if err := c.out.add(&f, mark{id: id}); err != nil {
		c.mu.Unlock()
		return err
	}
	done := make(chan error, 1)
	c.receipts[receipt] = waiter{serial: id, done: done, message: id}
	s := c.sess
	c.mu.Unlock()
	s.signal()
	select {
	case err := <-done:
		if err == nil {
			c.confirmed(server, len(body))
		}
		return err
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.receipts, receipt)
		c.out.cancel(id)
		c.mu.Unlock()
		return c.waitError("send "+strconv.Itoa(len(body))+" bytes", ctx.Err())
	}
}

// confirmed notes a size that a broker takes.
func (c *Client) confirmed(server string, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.sizes[server]
	k.taken = max(k.taken, size)
	c.sizes[server] = k
}

// undeliverable notes a size that a broker does not take.
func (c *Client) undeliverable(loss *lossError, destination string, size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.sizes[loss.server]
	e := &UndeliverableError{loss.server, destination, size, k.taken, 0, loss.err}
	if k.refused == 0 || size < k.refused || time.Now().After(k.until) {
		k.refused = size
	}
	k.why, k.until = loss.err, time.Now().Add(sizeMemory)
	if k.taken >= k.refused {
		k.refused = 0 // so it was not the size
	}
	c.sizes[loss.server] = k
	return e
}

var sizeWords = regexp.MustCompile(`(?i)length|size|large|big|too long|exceed`)

// aboutSize reports whether a broker complains of the size of a frame. ActiveMQ
// says "The maximum data length was exceeded".
func aboutSize(e *ServerError) bool { return sizeWords.MatchString(e.Message + " " + e.Detail) }
