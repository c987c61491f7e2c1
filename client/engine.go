package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/message"
	"mcollective/security"
)

// A question is what the engine puts to a collective: what Call, Run and Find have
// in common.
type question struct {
	Call
	name       string        // for errors
	watch      bool          // the broker's word counts that nobody listens
	batch      int           // nodes that work on the request at the same time; 0 is all
	batchSleep time.Duration // before the place of one in the batch is given to another
	silent     bool          // nobody is to answer
	replyTo    string        // where replies go instead of here; "" is here
	sent       func(nodes int)
	action     bool // it calls an action, so that answers are those of SimpleRPC
}

// expectsReplies reports whether replies come here.
func (q *question) expectsReplies() bool { return !q.silent && q.replyTo == "" }

// An engine is one question under way. It belongs to the goroutine that put it;
// only what sends to many nodes, and what asks the broker, has goroutines of its
// own.
type engine struct {
	question
	client     *Client
	each       func(Answer)
	msg        connector.Message                               // all but what payload makes
	payload    func(identity string) (security.Payload, error) // for a node, or for all if none is named
	in         *inbox
	ledger     *ledger
	tracker    *tracker // nil unless the call is exact
	verifier   *verifier
	background sync.WaitGroup
	replies    int // that were taken out of the inbox

	since   uint64 // the age of the connection, as listListeners takes it
	watched bool   // the broker tells who cannot be reached

	inquire   func()              // asks the broker who listens to the broadcast; nil when that was done, or cannot be
	inquireAt time.Time           // when nobody has answered for a while
	latest    time.Time           // when it is done in any case
	listening <-chan listenerList // gives once who listened to the broadcast

	orders    chan []string // nodes that are to be asked now
	next      int           // how many of Nodes were ordered
	reported  int           // of how many it is known how sending went
	slots     []time.Time   // from when on places in the batch are free, each for one node
	deadlines []deadline    // in order
	overdue   bool          // all deadlines have passed before everybody had spoken
	timer     *time.Timer
}

// A deadline is until when some nodes may answer. Where none is named, it is
// everybody's.
type deadline struct {
	at    time.Time
	nodes []string
}

// put asks a question, which names no node twice, and collects the answers.
func (c *Client) put(ctx context.Context, q question, each func(Answer)) (*Account, error) {
	if q.Collective == "" {
		q.Collective = c.opts.Collective
	}
	if q.Direct && len(q.Nodes) == 0 {
		return nil, fmt.Errorf("%s: %w", q.name, ErrNoNodes)
	}
	req := c.request(q.Call)
	e := &engine{question: q, client: c, each: each, in: newInbox(c, req), ledger: newLedger(q.Nodes, req.ID), since: c.connections()}
	if q.Exact {
		e.tracker = &tracker{ledger: e.ledger}
	}
	working, cancel := context.WithCancel(ctx)
	defer func() { cancel(); e.background.Wait() }()
	e.verifier = c.verifier(working, e.since, q.Collective, &e.background)
	e.msg = connector.Message{ReplyTo: q.replyTo, TTL: req.TTL}
	refused := func() error { return nil }
	if e.expectsReplies() {
		sub, err := e.subscribe(working)
		if err != nil && ctx.Err() != nil {
			e.ledger.account.Interrupted = true
			return e.close(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("subscribe to replies of agent %s: %w", q.Agent, err)
		}
		// In this order: a receive that waits for room would hold up Close.
		defer sub.Close()
		defer e.in.close()
		refused = func() error { return unheard(sub) }
	}
	if err := e.encode(working, req); err != nil {
		return nil, fmt.Errorf("encode the request to agent %s: %w", q.Agent, err)
	}
	e.begin()
	var err error
	if q.Direct {
		err = e.askEach(working)
	} else {
		err = e.askAll(working)
	}
	if err == nil {
		err = refused()
	}
	a := e.close()
	if err == nil && !e.expectsReplies() && !a.Sent {
		err = fmt.Errorf("%s: interrupted before anything was sent: %w", q.name, context.Cause(ctx))
	}
	return a, err
}

// request makes the message of a call.
func (c *Client) request(call Call) *message.Request {
	ttl := call.TTL
	if ttl <= 0 {
		ttl = c.opts.TTL
	}
	return &message.Request{
		ID:         message.NewID(),
		Collective: call.Collective,
		Agent:      call.Agent,
		Sender:     c.opts.Identity,
		Filter:     call.Filter,
		Time:       time.Now().Truncate(time.Second),
		TTL:        (ttl + time.Second - 1).Truncate(time.Second),
		Body:       call.Body,
		Definition: call.Definition,
	}
}

// subscribe lets replies come, before the request is made: a provider may have to
// prove where to they go.
func (e *engine) subscribe(ctx context.Context) (connector.Subscription, error) {
	subscribing, done := context.WithTimeout(ctx, e.client.opts.PublishTimeout)
	defer done()
	from := connector.Target{Kind: connector.Reply, Collective: e.Collective, Agent: e.Agent}
	sub, err := e.client.conn.Subscribe(subscribing, from, func(d connector.Delivery) { e.in.receive(ctx, d) })
	if err != nil {
		return nil, err
	}
	e.msg.ReplyTo = sub.Address()
	if w, ok := sub.(watcher); ok && e.watch {
		e.watched = w.Watch(e.in.nobody)
	}
	return sub, nil
}

// unheard returns an error if the broker refused the subscription to replies: then
// that there are none says nothing of the nodes.
func unheard(replies connector.Subscription) error {
	if err := replies.Err(); err != nil {
		return fmt.Errorf("no reply can arrive, whatever the nodes did: %w", err)
	}
	return nil
}

// encode makes what is sent. Nodes that do not match are asked to say so where it is
// known who listens.
func (e *engine) encode(ctx context.Context, req *message.Request) (err error) {
	req.ReplyTo = e.msg.ReplyTo
	_, lists := e.client.conn.(listenerLister)
	req.AnswerAll = lists && e.tracker != nil
	if d, ok := e.client.sec.(security.Director); ok && e.Direct {
		e.payload, err = d.EncodeDirected(ctx, req)
		return err
	}
	p, err := e.client.sec.EncodeRequest(ctx, req)
	e.payload = func(string) (security.Payload, error) { return p, nil }
	return err
}

// message returns what is sent to a node, or to all if none is named.
func (e *engine) message(identity string) (connector.Message, error) {
	p, err := e.payload(identity)
	m := e.msg
	m.Data, m.Headers = p.Data, p.Headers
	return m, err
}

// begin starts the clock.
func (e *engine) begin() {
	now := time.Now()
	e.ledger.account.Started = now
	e.in.begin(now)
}

// askAll broadcasts the request.
func (e *engine) askAll(ctx context.Context) error {
	c := e.client
	publishing, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer cancel()
	// One message: until it is out nobody answers, and to wait elsewhere would be a
	// good part of what a call to few nodes takes.
	to := connector.Target{Kind: connector.Broadcast, Collective: e.Collective, Agent: e.Agent}
	e.ledger.order(e.Nodes)
	msg, err := e.message("")
	if err == nil {
		err = c.conn.Publish(publishing, to, msg)
	}
	if err != nil {
		e.note(sending{failed: e.Nodes})
		if ctx.Err() != nil {
			e.ledger.account.Interrupted = true
			return nil
		}
		return fmt.Errorf("publish the request to agent %s: %w", e.Agent, err)
	}
	e.ledger.account.Sent = true
	if !e.expectsReplies() {
		c.flush(publishing)
		e.note(sending{sent: e.Nodes})
		return nil
	}
	confirmed := c.confirm(publishing, e.in, &e.background)
	defer func() { cancel(); confirmed() }()
	listening, stop := context.WithTimeout(ctx, e.Timeout)
	defer stop()
	if _, ok := c.conn.(listenerLister); ok {
		// After the request is out, so that all who listen have it.
		list := func() {
			e.listening = c.listListeners(listening, e.since, e.Collective, e.Agent, &e.background)
		}
		if e.tracker != nil {
			list()
		} else if e.watch && len(e.Nodes) > 0 {
			// Not while answers come, since it is only of interest for those who do not
			// answer, and costs the broker a look at every subscription.
			e.inquire = list
			e.latest = time.Now().Add(e.Timeout / 2)
			e.stillAnswering(time.Now())
		}
	}
	e.note(sending{sent: e.Nodes})
	return e.collect(ctx, nil)
}

// askEach sends the request to each node, all at once or as the batch allows.
func (e *engine) askEach(ctx context.Context) error {
	sending, cancel := context.WithCancel(ctx)
	results := e.startSending(sending)
	finish := sync.OnceFunc(func() {
		cancel()
		close(e.orders)
		for r := range results {
			e.note(r)
		}
	})
	defer finish() // also where the caller's own code panics: else nobody takes the results
	now := time.Now()
	if e.batch <= 0 {
		e.next = len(e.Nodes)
		e.ledger.order(e.Nodes)
		e.orders <- e.Nodes
	} else {
		for range min(e.batch, len(e.Nodes)) {
			e.slots = append(e.slots, now)
		}
		e.refill(now)
	}
	err := e.collect(ctx, results)
	finish()
	l := e.ledger
	if ctx.Err() != nil && l.went < len(e.Nodes) {
		// The end of ctx may come back as failures to send before it is seen here.
		l.account.Interrupted = true
	}
	if err == nil && l.went == 0 && l.account.Replies == 0 && !l.account.Interrupted {
		err = l.failure
	}
	return err
}

// collect passes on answers until the question is done with.
func (e *engine) collect(ctx context.Context, results <-chan sending) error {
	e.timer = time.NewTimer(time.Hour)
	defer e.timer.Stop()
	var batch []arrival
	var set time.Time // what the timer is set to
	last := false     // nothing more is awaited, only what has arrived
	for {
		var absent []connector.Target
		batch, absent = e.in.take(batch)
		if err := e.answers(batch); err != nil {
			return err
		}
		for _, to := range absent {
			if e.awaits(to) {
				e.verifier.doubt(to)
			}
		}
		e.verifier.next()
		if last || e.complete() {
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
		if last = e.complete() || e.overdue; last {
			continue // what arrived meanwhile counts
		}
		if at := e.wakeAt(now); !at.Equal(set) {
			e.timer.Reset(at.Sub(now))
			set = at
		}
		select {
		case <-e.in.ready:
		case s := <-results:
			e.note(s)
		case list := <-e.listening:
			e.listening = nil
			e.listen(list)
		case list := <-e.verifier.answer:
			e.unreachable(e.verifier.judge(list))
		case <-e.timer.C:
			set = time.Time{}
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

// answers accounts for replies and gives them to the caller.
func (e *engine) answers(batch []arrival) error {
	for i := range batch {
		if err := e.answer(batch[i]); err != nil {
			return err
		}
		batch[i] = arrival{}
		if e.limited() {
			break
		}
	}
	if e.Idle != nil && len(batch) > 0 {
		e.Idle()
	}
	return nil
}

func (e *engine) answer(r arrival) error {
	node := e.ledger.entry(r.reply.Sender)
	no := false
	if e.tracker != nil {
		no = r.reply.Body == message.No
		e.tracker.record(node, no)
	}
	if e.replies++; e.replies > maxReplies {
		return fmt.Errorf("%w: more than %d to request %s", errFlooded, maxReplies, e.ledger.account.RequestID)
	}
	if no {
		if e.ledger.decline(node) {
			e.free(1)
		}
		return nil
	}
	a := Answer{Reply: r.reply, After: r.after}
	if e.action {
		judgeRPC(&a)
	} else {
		judge(&a)
	}
	if e.ledger.add(node, &a) {
		e.free(1)
	}
	if e.each != nil {
		e.each(a)
	}
	return nil
}

// limited reports whether as many nodes have answered as the caller wants.
func (e *engine) limited() bool { return e.Limit > 0 && e.ledger.heard >= e.Limit }

// complete reports whether waiting longer could bring nothing that is wanted.
func (e *engine) complete() bool {
	if e.limited() || e.tracker != nil && e.tracker.everybody() {
		return true
	}
	return len(e.Nodes) > 0 && e.ledger.open == 0 && (e.tracker == nil || e.tracker.odd == 0)
}

// note accounts for nodes that were asked, or could not be.
func (e *engine) note(s sending) {
	e.reported += len(s.sent) + len(s.failed)
	e.free(e.ledger.sent(s))
	switch {
	case !e.expectsReplies():
		e.free(e.ledger.settle(s.sent, Unknown))
	case len(s.sent) > 0 || len(e.Nodes) == 0:
		e.deadlines = append(e.deadlines, deadline{time.Now().Add(e.Timeout), s.sent})
	}
	if e.question.sent != nil && len(s.sent) > 0 {
		e.question.sent(len(s.sent))
	}
}

// awaits reports whether a target is one that this question was sent to, and that
// has not answered.
func (e *engine) awaits(to connector.Target) bool {
	if to.Kind != connector.Directed {
		// Of an exact call the broker was asked anyway.
		return !e.Direct && e.tracker == nil && to.Agent == e.Agent && to.Collective == e.Collective
	}
	n := e.ledger.entries[to.Identity]
	return e.Direct && n != nil && (n.stage == ordered || n.stage == asked)
}

// listen takes what the broker says of who listened to the broadcast.
func (e *engine) listen(list listenerList) {
	if e.tracker != nil {
		e.tracker.listen(list)
		return
	}
	for _, name := range list.names {
		if n := e.ledger.entries[name]; n != nil {
			n.listens++
		}
	}
}

// unreachable accounts for those that the broker found nobody for.
func (e *engine) unreachable(gone []connector.Target, sure bool) {
	for _, to := range gone {
		nodes := e.Nodes
		if to.Kind == connector.Directed {
			nodes = []string{to.Identity}
		}
		n := e.ledger.settle(nodes, Unreachable)
		e.free(n)
		if e.tracker != nil && n > 0 && !sure {
			e.tracker.unsure = true
		}
	}
}

// expire gives up those whose time has passed.
func (e *engine) expire(now time.Time) {
	for len(e.deadlines) > 0 && !e.deadlines[0].at.After(now) {
		// Over a connection that was lost the broker could not say who is not there.
		told := e.watched && e.Direct && e.client.connections() == e.since
		for _, name := range e.deadlines[0].nodes {
			e.free(e.ledger.settle([]string{name}, e.timeoutOutcome(name, told)))
		}
		e.deadlines = e.deadlines[1:]
	}
	e.overdue = len(e.deadlines) == 0 && e.reported == len(e.Nodes)
}

// timeoutOutcome returns why a node has not answered, and told whether the broker had said
// that it is not there. Of a broadcast the broker knows only who listened later: who
// did not may have taken the request before it left.
func (e *engine) timeoutOutcome(name string, told bool) Outcome {
	if e.ledger.entries[name].listens > 0 || told && !e.verifier.doubted(e.Collective, name) {
		return TimedOut // it has the request
	}
	return Unknown
}

// wakeAt is when there is something to do, unless something happens before.
func (e *engine) wakeAt(now time.Time) time.Time {
	at := now.Add(time.Hour)
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(e.deadlines) > 0 {
		earlier(e.deadlines[0].at)
	}
	if e.inquire != nil {
		earlier(e.inquireAt)
	}
	if len(e.slots) > 0 && e.next < len(e.Nodes) {
		earlier(e.slots[0])
	}
	return at
}

// close completes the account.
func (e *engine) close() *Account {
	complete := e.complete() && !e.overdue
	e.ledger.account.Undecodable = e.in.close()
	a := e.ledger.close(e.expectsReplies())
	if e.tracker != nil {
		e.tracker.close(e.watched, e.overdue)
		e.tracker.warn(e.client.opts.Log, e.Agent, e.listening != nil, complete)
	}
	return a
}
