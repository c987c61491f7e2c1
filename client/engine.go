package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/rpc"
)

// An engine is one Run under way. It belongs to the goroutine that called Run;
// only what sends to many nodes has a goroutine of its own.
type engine struct {
	client   *Client
	run      Run
	each     func(Answer)
	msg      connector.Message
	in       *inbox
	ledger   *ledger
	since    uint64    // the age of the connection, as ask takes it
	watched  bool      // the broker tells who cannot be reached
	verifier *verifier // of who cannot be reached

	inquire   func()          // asks the broker who listens to the broadcast; nil when that was done, or cannot be
	inquireAt time.Time       // when nobody has answered for a while
	latest    time.Time       // when it is done in any case
	listening <-chan hearing  // gives once who listened to the broadcast
	listens   map[string]bool // these; nil if nobody can tell

	orders    chan []string // nodes that are to be asked now
	next      int           // how many of Run.Nodes were ordered
	slots     []time.Time   // from when on places in the window are free, each for one node
	deadlines []deadline    // in order
	timer     *time.Timer
}

// A deadline is until when some nodes may answer.
type deadline struct {
	at    time.Time
	nodes []string
}

// A sending is what became of asking some nodes.
type sending struct {
	sent, failed []string
	err          error // why they failed
}

// deaf tells whether answers do not come here.
func (e *engine) deaf() bool { return e.run.Silent || e.run.ReplyTo != "" }

// direct tells whether each node gets a message of its own.
func (e *engine) direct() bool {
	n := len(e.run.Nodes)
	return n > 0 && !e.client.opts.BroadcastOnly && (e.run.Direct || e.run.Batch > 0 || e.run.Silent || n <= e.run.DirectThreshold)
}

// askAll broadcasts the request.
func (e *engine) askAll(ctx context.Context) error {
	c := e.client
	publishing, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer cancel()
	// One message: until it is out nobody answers, and to wait elsewhere would be a
	// good part of what a run on few nodes takes.
	to := connector.Target{Kind: connector.Broadcast, Collective: e.run.Collective, Agent: e.run.Agent}
	e.ledger.order(e.run.Nodes)
	if err := c.conn.Publish(publishing, to, e.msg); err != nil {
		e.note(sending{failed: e.run.Nodes})
		if ctx.Err() != nil {
			e.ledger.account.Interrupted = true
			return nil
		}
		return fmt.Errorf("publish the request to agent %s: %w", e.run.Agent, err)
	}
	e.ledger.account.Sent = true
	if e.deaf() {
		c.flush(publishing)
		e.note(sending{sent: e.run.Nodes})
		return nil
	}
	var background sync.WaitGroup
	ended := c.confirm(publishing, e.in, &background)
	listening, stop := context.WithTimeout(ctx, e.run.Timeout)
	defer func() { stop(); cancel(); ended(); background.Wait() }()
	if _, ok := c.conn.(interested); ok && len(e.run.Nodes) > 0 {
		// After the request is out, so that who listens has it; and not while answers
		// come, since it is only of interest for those who do not answer, and costs the
		// broker a look at every subscription.
		e.inquire = func() { e.listening = c.ask(listening, e.since, e.run.Collective, e.run.Agent, &background) }
		e.latest = time.Now().Add(e.run.Timeout / 2)
		e.stillAnswering(time.Now())
	}
	e.note(sending{sent: e.run.Nodes})
	return e.collect(ctx, nil)
}

// askEach sends the request to each node, all at once or as the window allows.
func (e *engine) askEach(ctx context.Context) error {
	working, cancel := context.WithCancel(ctx)
	e.orders = make(chan []string, len(e.run.Nodes))
	results := make(chan sending)
	var background sync.WaitGroup
	background.Go(func() {
		defer close(results)
		for names := range e.orders {
			e.send(working, names, results)
		}
	})
	now := time.Now()
	if e.run.Batch <= 0 {
		e.next = len(e.run.Nodes)
		e.ledger.order(e.run.Nodes)
		e.orders <- e.run.Nodes
	} else {
		for range min(e.run.Batch, len(e.run.Nodes)) {
			e.slots = append(e.slots, now)
		}
		e.refill(now)
	}
	err := e.collect(ctx, results)
	cancel()
	close(e.orders)
	for r := range results {
		e.note(r)
	}
	background.Wait()
	if ctx.Err() != nil && e.ledger.went < len(e.run.Nodes) {
		// The end of ctx may come back as failures to send before it is seen here.
		e.ledger.account.Interrupted = true
	}
	if a := e.ledger; err == nil && a.went == 0 && a.account.Replies == 0 && !a.account.Interrupted {
		err = a.failure
	}
	return err
}

// progress is how many nodes are asked between two reports.
const progress = 250

// send asks these nodes, within the time limit, and reports to results. One that
// cannot be asked does not keep the others from their turn, but the end of the
// time does.
func (e *engine) send(ctx context.Context, names []string, results chan<- sending) {
	c := e.client
	ctx, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer cancel()
	var s sending
	for i, name := range names {
		err := ctx.Err()
		if err == nil {
			err = c.conn.Publish(ctx, connector.Target{Kind: connector.Directed, Collective: e.run.Collective, Agent: e.run.Agent, Identity: name}, e.msg)
		}
		switch {
		case err == nil:
			s.sent = append(s.sent, name)
		case ctx.Err() != nil:
			s.failed, s.err = append(s.failed, names[i:]...), fmt.Errorf("send the request to %s: %w", name, err)
			results <- s
			return
		default:
			s.failed, s.err = append(s.failed, name), fmt.Errorf("send the request to %s: %w", name, err)
			c.opts.Log.Warn("a request was not sent", "node", name, "error", err)
		}
		if len(s.sent)+len(s.failed) == progress && i < len(names)-1 {
			results <- s
			s = sending{}
		}
	}
	if len(names) > 1 || e.deaf() {
		c.flush(ctx) // thousands of messages take a while to leave
	}
	results <- s
}

// collect passes on answers until the run has ended.
func (e *engine) collect(ctx context.Context, results <-chan sending) error {
	e.timer = time.NewTimer(time.Hour)
	defer e.timer.Stop()
	var batch []Reply
	last := false // nothing more is awaited, only what has arrived
	for {
		batch = e.in.take(batch)
		for i := range batch {
			if err := e.answer(batch[i]); err != nil {
				return err
			}
			batch[i] = Reply{}
		}
		if e.run.Idle != nil && len(batch) > 0 {
			e.run.Idle()
		}
		for _, to := range e.in.absences() {
			if e.awaits(to) {
				e.verifier.doubt(to)
			}
		}
		e.verifier.next()
		if last || e.ledger.open == 0 {
			return nil
		}
		now := time.Now()
		if len(batch) > 0 {
			e.stillAnswering(now)
		}
		if e.inquire != nil && !e.inquireAt.After(now) {
			e.inquire()
			e.inquire = nil
		}
		e.expire(now)
		e.refill(now)
		if e.ledger.open == 0 {
			last = true
			continue // what arrived meanwhile counts
		}
		e.timer.Reset(e.wait(now))
		select {
		case <-e.in.ready:
		case s, ok := <-results:
			if ok {
				e.note(s)
			}
		case h := <-e.listening:
			e.listening = nil
			e.listens = make(map[string]bool, len(h.names))
			for _, name := range h.names {
				e.listens[name] = true
			}
		case h := <-e.verifier.answer:
			gone, _ := e.verifier.judge(h)
			for _, to := range gone {
				e.unreachable(to)
			}
		case <-e.timer.C:
		case <-ctx.Done():
			e.ledger.account.Interrupted = true
			last = true
		}
	}
}

// stillAnswering puts off the question who listens.
func (e *engine) stillAnswering(now time.Time) {
	if e.inquireAt = now.Add(quiet); e.inquireAt.After(e.latest) {
		e.inquireAt = e.latest
	}
}

// answer accounts for one reply and gives it to the caller.
func (e *engine) answer(r Reply) error {
	a := Answer{Reply: r}
	a.RPC, a.Err = rpc.ParseReply(r.Body)
	a.Outcome = judge(a.RPC, a.Err)
	if e.ledger.add(&a) {
		e.free(1)
	}
	if n := e.ledger.account.Replies; n > maxReplies {
		return fmt.Errorf("%w: more than %d to request %s", ErrFlooded, maxReplies, e.ledger.account.RequestID)
	}
	e.each(a)
	return nil
}

// note accounts for nodes that were asked, or could not be.
func (e *engine) note(s sending) {
	e.free(e.ledger.sent(s))
	if !e.deaf() && len(s.sent) > 0 {
		e.deadlines = append(e.deadlines, deadline{time.Now().Add(e.run.Timeout), s.sent})
	}
	if e.deaf() {
		e.free(e.ledger.settle(s.sent, Unknown))
	}
	if e.run.Sent != nil && len(s.sent) > 0 {
		e.run.Sent(len(s.sent))
	}
}

// awaits tells whether a target is one that this run has sent its request to, and
// not heard of.
func (e *engine) awaits(to connector.Target) bool {
	if to.Kind != connector.Directed {
		return !e.direct() && to.Agent == e.run.Agent && to.Collective == e.run.Collective
	}
	n := e.ledger.entries[to.Identity]
	return e.direct() && n != nil && (n.stage == ordered || n.stage == asked)
}

// unreachable accounts for those that the broker found nobody for.
func (e *engine) unreachable(to connector.Target) {
	switch to.Kind {
	case connector.Directed:
		e.free(e.ledger.settle([]string{to.Identity}, Unreachable))
	case connector.Broadcast:
		e.free(e.ledger.settle(e.run.Nodes, Unreachable))
	}
}

// expire gives up those whose time has passed.
func (e *engine) expire(now time.Time) {
	for len(e.deadlines) > 0 && !e.deadlines[0].at.After(now) {
		// Over a connection that was lost the broker could not say who is not there.
		told := e.watched && e.direct() && e.client.connections() == e.since
		for _, name := range e.deadlines[0].nodes {
			e.free(e.ledger.settle([]string{name}, e.excuse(name, told)))
		}
		e.deadlines = e.deadlines[1:]
	}
}

// excuse tells why a node has not answered, and told whether the broker had said
// that it is not there. Of a broadcast the broker knows only who listened later: who
// did not may have taken the request before it left.
func (e *engine) excuse(name string, told bool) Outcome {
	if e.listens[name] || told && !e.verifier.doubted(e.run.Collective, name) {
		return TimedOut // it has the request
	}
	return Unknown
}

// free notes that n nodes less work on the request.
func (e *engine) free(n int) {
	if e.run.Batch <= 0 || e.next == len(e.run.Nodes) {
		return
	}
	at := time.Now().Add(e.run.BatchSleep)
	for range n {
		e.slots = append(e.slots, at)
	}
}

// refill orders the next nodes for the places that are free.
func (e *engine) refill(now time.Time) {
	free := 0
	for free < len(e.slots) && !e.slots[free].After(now) {
		free++
	}
	e.slots = e.slots[free:]
	if free = min(free, len(e.run.Nodes)-e.next); free > 0 {
		names := e.run.Nodes[e.next : e.next+free]
		e.ledger.order(names)
		e.orders <- names
		e.next += free
	}
}

// wait is how long it is until there is something to do.
func (e *engine) wait(now time.Time) time.Duration {
	wait := time.Hour
	if len(e.deadlines) > 0 {
		wait = min(wait, e.deadlines[0].at.Sub(now))
	}
	if e.inquire != nil {
		wait = min(wait, e.inquireAt.Sub(now))
	}
	if len(e.slots) > 0 && e.next < len(e.run.Nodes) {
		wait = min(wait, e.slots[0].Sub(now))
	}
	return max(wait, 0)
}
