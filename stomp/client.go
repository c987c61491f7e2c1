package stomp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// A Client is a connection to one broker of a pool that restores itself. Its
// methods may be called from several goroutines.
type Client struct {
	opts   Options
	ctx    context.Context // ends attempts to connect
	cancel context.CancelFunc
	closed chan struct{} // closed when fatal is set
	done   chan struct{} // closed when nothing runs any more

	mu       sync.Mutex
	fatal    error    // why there will be no connection; nil until then
	sess     *session // the connection; nil while there is none
	state    State
	changed  chan struct{} // closed and replaced for those that wait
	waits    int           // how many do
	out      outbox
	subs     map[string]*Subscription // by id
	order    []*Subscription          // those to restore, oldest first
	receipts map[string]waiter
	serial   uint64
	sizes    map[string]sizes // by server
	refusals refusals
	blocked  map[string]*blocked // by exchange

	delivering chan struct{} // holds a token while a Deliver is under way

	// Used by run, and by Dial before it starts.
	log      pacer
	delay    time.Duration
	attempts int
	last     int // the place in the pool of the server that was lost last, -1 for none
}

// A waiter is what a receipt is for: a subscription, or anyone who reads done.
type waiter struct {
	serial  uint64 // of the frame
	sub     *Subscription
	restore bool // it stood before, or has waited for this connection
	done    chan error
	message uint64 // the message that the broker is to confirm, 0 if it is none
}

// Dial connects to a broker of the pool and returns when it has taken us.
//
// It tries until ctx ends or Options.MaxAttempts are made, and returns a
// *DialError then that names each server and its cause. When ctx has a deadline
// and every server refuses our login, it returns at once. The client lives on
// after ctx.
func Dial(ctx context.Context, o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts: o, closed: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}),
		subs: map[string]*Subscription{}, receipts: map[string]waiter{}, log: pacer{log: o.Logger},
		sizes: map[string]sizes{}, blocked: map[string]*blocked{}, delivering: make(chan struct{}, 1), last: -1,
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s, err := c.connect(ctx, false)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.adopt(s)
	go c.run(s)
	return c, nil
}

// run reads from connections and replaces those that break.
func (c *Client) run(s *session) {
	defer close(c.done)
	for {
		s.read()
		<-s.written
		if !c.lost(s) {
			return
		}
		next, err := c.connect(c.ctx, true)
		if err != nil {
			c.end(fmt.Errorf("stomp: gave up: %w", err))
			c.report()
			return
		}
		s = next
		c.adopt(s)
	}
}

// adopt makes a connection ours: it writes the subscriptions first, and opens
// the line for everybody when the broker has confirmed or refused each of them.
// Each has a receipt of its own, so that a refusal can be told whom it is for; an
// empty transaction at the end shows that the broker has not hung up meanwhile.
func (c *Client) adopt(s *session) {
	c.mu.Lock()
	given := c.out.adopt(s.version, s.codec)
	for _, sub := range c.order {
		receipt := c.ticket("restore")
		var err error
		if s.prologue, err = AppendFrame(s.prologue, s.codec, sub.frame(s.version, receipt)); err != nil {
			s.fail(err)
			break
		}
		c.receipts[receipt] = waiter{serial: c.serial, sub: sub, restore: true}
		s.left++
	}
	if s.left > 0 {
		receipt := c.ticket("restored")
		for _, f := range nothing(receipt) {
			var err error
			if s.prologue, err = AppendFrame(s.prologue, s.codec, &f); err != nil {
				s.fail(err)
			}
		}
		c.receipts[receipt] = waiter{serial: c.serial, restore: true}
		s.left++
	}
	if c.fatal != nil {
		s.fail(c.fatal)
	}
	c.sess = s
	alone := s.left == 0 && s.err == nil
	c.mu.Unlock()
	if given > 0 {
		c.opts.Logger.Warn("queued messages dropped; the new broker speaks another version", "messages", given)
	}
	go s.write()
	if alone { // nothing to restore
		c.ready(s)
		return
	}
	time.AfterFunc(c.opts.ConnectTimeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !s.open {
			s.fail(fmt.Errorf("the broker did not confirm our subscriptions within %v", c.opts.ConnectTimeout))
		}
	})
}

// ready opens the line: the broker has taken us and our subscriptions.
func (c *Client) ready(s *session) {
	c.mu.Lock()
	s.open = true
	again := c.state.Version != 0
	if again {
		c.state.Reconnects++
	}
	c.state.Connected, c.state.Server, c.state.Version = true, s.server, s.version
	c.broadcast()
	c.mu.Unlock()
	c.attempts = 0
	s.signal()
	c.opts.Logger.Info("connected to broker", "broker", s.server, "stomp", s.version.String(), "again", again)
	c.report()
}

// lost takes down a broken connection. It reports whether to make another.
func (c *Client) lost(s *session) bool {
	if time.Since(s.born) >= max(stable, c.delay) {
		c.delay = 0
	}
	c.last = s.place
	c.mu.Lock()
	switch {
	case !s.spoke(): // the broker may come back as another one
		c.refusals.reset()
		clear(c.blocked)
	case s.refused:
		c.delay = min(c.delay, refusalPause/2)
		c.refusals.hangsUp = true
	default:
		c.block(s.said)
	}
	c.sess = nil
	blamed := false
	for id, w := range c.receipts {
		delete(c.receipts, id)
		switch {
		case w.message != 0:
			e := &lossError{s.server, c.out.fate(w.message), s.err}
			blamed = blamed || e.fate != unbegun
			w.done <- e
		case w.done != nil:
			w.done <- fmt.Errorf("%w: %w", ErrLost, s.err)
		}
	}
	givenUp := c.out.carry(!blamed)
	if k := c.sizes[s.server]; !blamed && k.refused > 0 {
		k.refused = 0 // it may be restarted with another limit
		c.sizes[s.server] = k
	}
	c.state.Connected = false
	over := c.fatal != nil
	if over {
		c.state.Closed = true
	} else {
		c.state.LastError = s.err
	}
	c.broadcast()
	c.mu.Unlock()
	if !over {
		c.log.warn("lost the connection to the broker, connecting again", s.server, s.err)
	}
	if givenUp != nil {
		c.opts.Logger.Error("message dropped; it broke the connection each time it was sent",
			"broker", s.server, "destination", destinationOf(givenUp), "bytes", len(givenUp), "error", s.err)
	}
	c.report()
	return !over
}

// failed records an attempt that did not lead to a connection.
func (c *Client) failed(server string, err error) {
	c.mu.Lock()
	c.state.Server, c.state.LastError = server, err
	c.mu.Unlock()
	c.log.warn("cannot connect to the broker, trying on", server, err)
	c.report()
}

// end marks the client as closed for good; the first reason counts.
func (c *Client) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fatal == nil {
		c.fatal = why
		close(c.closed)
	}
	if c.sess == nil {
		c.state.Closed = true
	}
	c.broadcast()
}

func (c *Client) report() {
	if c.opts.OnState != nil {
		c.opts.OnState(c.State())
	}
}

// State tells how the client is.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.state
	if !st.Connected {
		st.Version = 0
	}
	return st
}

// broadcast wakes all that wait. c.mu is held.
func (c *Client) broadcast() {
	if c.waits > 0 {
		close(c.changed)
		c.changed, c.waits = make(chan struct{}), 0
	}
}

// await waits, with c.mu held again when it returns, until the line is open and
// has room. Unless it succeeds the mutex is not held.
func (c *Client) await(ctx context.Context, what string) error {
	for {
		if c.fatal != nil {
			c.mu.Unlock()
			return c.fatal
		}
		if c.state.Connected && len(c.out.waiting.buf) < c.opts.MaxBuffered {
			return nil
		}
		changed := c.changed
		c.waits++
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return c.waitError(what, ctx.Err())
		}
		c.mu.Lock()
	}
}

// waitError says why something did not happen before its context ended.
func (c *Client) waitError(what string, err error) error {
	st := c.State()
	switch {
	case st.Connected:
		return fmt.Errorf("stomp: %s: broker %s is slow: %w", what, st.Server, err)
	case st.LastError != nil:
		return fmt.Errorf("stomp: %s: not connected (broker %s: %w): %w", what, st.Server, st.LastError, err)
	}
	return fmt.Errorf("stomp: %s: not connected: %w", what, err)
}

// ticket makes a receipt id. c.mu is held.
func (c *Client) ticket(what string) string {
	c.serial++
	return what + "-" + strconv.FormatUint(c.serial, 10)
}

// Send puts a SEND frame in line; the header is to hold its destination. Body is
// copied. Without a connection, or with too much in line, it waits until ctx
// ends.
func (c *Client) Send(ctx context.Context, h Header, body []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if err := c.await(ctx, "send"); err != nil {
		return err
	}
	err := c.blocks(h.Get("destination"))
	if err != nil {
		c.mu.Unlock()
		return err
	}
	f := Frame{Command: Send, Header: h, Body: body}
	err = c.out.add(&f, mark{keep: true})
	s := c.sess
	c.mu.Unlock()
	if err == nil {
		s.signal()
	}
	return err
}

// Flush returns when the broker has taken all that was sent and subscribed
// before, with ErrLost (wrapped) when the connection broke meanwhile, or with an
// error when ctx ends.
func (c *Client) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if err := c.await(ctx, "flush"); err != nil {
		return err
	}
	id := c.ticket("flush")
	for _, f := range nothing(id) {
		if err := c.out.add(&f, mark{}); err != nil {
			c.mu.Unlock()
			return err
		}
	}
	done := make(chan error, 1)
	c.receipts[id] = waiter{serial: c.serial, done: done}
	s := c.sess
	c.mu.Unlock()
	s.signal()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("stomp: flush: %w", err)
		}
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.receipts, id)
		c.mu.Unlock()
		return c.waitError("flush", ctx.Err())
	}
}

// nothing asks for a receipt. STOMP has no frame that does only that; an empty
// transaction that is given up comes nearest.
func nothing(id string) []Frame {
	return []Frame{
		{Command: Begin, Header: Header{{"transaction", id}}},
		{Command: Abort, Header: Header{{"transaction", id}, {"receipt", id}}},
	}
}

// take gives the writer what stands in line.
func (c *Client) take(s *session) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.open {
		return nil
	}
	b := c.out.take()
	if b != nil {
		c.broadcast()
	}
	return b
}

// put records how much of that was written.
func (c *Client) put(n int) {
	c.mu.Lock()
	c.out.written(n)
	c.mu.Unlock()
}

// receipt handles a RECEIPT.
func (c *Client) receipt(s *session, id string) {
	c.mu.Lock()
	w := c.receipts[id]
	delete(c.receipts, id)
	if w.sub != nil {
		w.sub.resolve(nil)
	}
	if w.done != nil {
		w.done <- nil
	}
	if w.restore {
		s.left--
	}
	restored := w.restore && s.left == 0
	c.mu.Unlock()
	if restored {
		c.ready(s)
	}
}

// complaint handles an ERROR. Whether it ends the connection is the broker's
// choice. A subscription that it is about is taken out, so that it keeps neither
// this connection nor the next from being used.
func (c *Client) complaint(s *session, e *ServerError) {
	s.said, s.saidAt = e, time.Now()
	c.mu.Lock()
	c.state.LastError = e
	w := c.receipts[e.receipt]
	delete(c.receipts, e.receipt)
	if e.receipt == "" {
		w = c.suspect(e)
	}
	stood := w.sub != nil && w.sub.confirmed
	switch {
	case w.sub != nil:
		c.refused(s, w, e)
	case w.done != nil:
		w.done <- e
	case !s.open:
		s.fail(e)
	}
	restored := !s.open && w.restore && s.left == 0
	c.mu.Unlock()
	switch {
	case stood:
		c.opts.Logger.Warn("the broker refuses a subscription that it accepted before", "broker", s.server, "destination", w.sub.l.Destination, "error", e)
	case w.sub == nil && w.done == nil: // nobody waits for it
		c.log.warn("the broker complains", s.server, e)
	}
	if restored {
		c.ready(s)
	}
	c.report()
}

// oversize counts a received message that was skipped.
func (c *Client) oversize(s *session, err error) {
	c.mu.Lock()
	c.state.Oversize++
	c.mu.Unlock()
	c.log.warn("a message is too large to be received", s.server, err)
	c.report()
}

// Close sends what stands in line, takes leave of the broker and ends the
// client; it returns when no receive function runs any more. It returns an error
// when the broker did not confirm within Options.CloseTimeout. Without a
// connection it does not wait. It must not be called from a receive function or
// from OnState. Closing twice is no error.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.fatal != nil {
		c.mu.Unlock()
		<-c.done
		return nil
	}
	c.fatal = ErrClosed
	close(c.closed)
	c.broadcast()
	s, open, waiting := c.sess, c.state.Connected, c.out.messages()
	done := make(chan error, 1)
	if open {
		id := c.ticket("bye")
		c.receipts[id] = waiter{serial: c.serial, done: done}
		if err := c.out.add(&Frame{Command: Disconnect, Header: Header{{"receipt", id}}}, mark{}); err != nil {
			done <- err
		}
	}
	c.mu.Unlock()
	var err error
	switch {
	case open:
		s.signal()
		err = c.leave(s, done)
	case waiting > 0:
		err = fmt.Errorf("stomp: closed with %d messages in line and no connection", waiting)
	}
	c.cancel()
	if s != nil {
		s.fail(ErrClosed)
	}
	<-c.done
	c.end(ErrClosed)
	return err
}

// leave waits for the broker's answer to DISCONNECT.
func (c *Client) leave(s *session, done chan error) error {
	t := time.NewTimer(c.opts.CloseTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		if !errors.Is(err, ErrLost) {
			return err
		}
	case <-s.dead:
	case <-t.C:
		return fmt.Errorf("stomp: broker %s did not confirm the end within %v, messages may be lost", s.server, c.opts.CloseTimeout)
	}
	<-s.written
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.out.messages(); n > 0 {
		return fmt.Errorf("stomp: broker %s broke the connection with %d messages in line", s.server, n)
	}
	return nil
}
