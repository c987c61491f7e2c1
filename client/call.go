package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/message"
)

// A Call is one question to a collective.
type Call struct {
	Agent      string
	Body       any // as described at message.Request
	Filter     filter.Filter
	Collective string        // "" means that of the Options
	TTL        time.Duration // 0 means that of the Options; part seconds are rounded up

	// Headers go with the request, beside those of the security provider. Nothing
	// proves them, and nodes that do not know them take no notice.
	Headers map[string]string

	// Timeout is how long answers are awaited once the request is published.
	Timeout time.Duration

	// Targets are the nodes that are asked directly, one message each; duplicates
	// are sent once. With none the request is broadcast.
	Targets []string

	// Expect are the nodes that should answer a broadcast; the targets of a direct
	// call are always expected. The call ends when all have answered. With nobody
	// expected everybody is welcome, and the call takes its whole time.
	Expect []string

	// Exact has the call end when everybody has spoken, where that can be known. The
	// request asks the nodes that it does not concern to say so, which those of ours
	// do for the agent discovery, and the broker is asked who listens. Where one
	// of them does not know this, the call takes its whole time as ever, and so do
	// all calls of a client with Patient.
	Exact bool

	// Limit ends the call after that many different nodes have answered; 0 means
	// no limit.
	Limit int

	// Idle, if set, is called between replies whenever none is waiting: the moment
	// to flush what the replies wrote.
	Idle func()
}

// A Reply is one answer, as it arrived.
type Reply struct {
	*message.Reply

	After      time.Duration // from when publishing began until it arrived
	Duplicate  bool          // this sender has answered before
	Unexpected bool          // others were asked, or expected
}

// maxReplies ends a call that is flooded.
const maxReplies = 1 << 20

// ErrFlooded is returned (wrapped) by Call when more replies came than any
// collective has nodes.
var ErrFlooded = errors.New("too many replies")

// Call sends a request and gives each reply to each, in the order they arrive and
// from the goroutine that called Call. each may take its time: the replies behind
// it wait. The end of ctx ends the call as time does: there is a Result and no
// error.
//
// An error means that nothing could be sent, or that the connection, or the
// number of replies, made the result worthless.
func (c *Client) Call(ctx context.Context, call Call, each func(Reply)) (*Result, error) {
	if call.Collective == "" {
		call.Collective = c.opts.Collective
	}
	call.Exact = call.Exact && !c.opts.Patient
	req := c.request(call)
	payload, err := c.sec.EncodeRequest(req)
	if err != nil {
		return nil, fmt.Errorf("encode the request to agent %s: %w", call.Agent, err)
	}
	in := newInbox(c, req.ID)
	subscribing, done := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer done()
	sub, err := c.conn.Subscribe(subscribing, connector.Target{Kind: connector.Reply, Collective: call.Collective, Agent: call.Agent}, in.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to replies of agent %s: %w", call.Agent, err)
	}
	// In this order: a receive that waits for room would hold up Close.
	defer sub.Close()
	defer in.close()

	msg := connector.Message{Data: payload.Data, Headers: payload.Headers, ReplyTo: sub.Address(), TTL: req.TTL}
	if len(call.Headers) > 0 {
		headers := maps.Clone(call.Headers)
		maps.Copy(headers, msg.Headers)
		msg.Headers = headers
	}
	books := newBooks(call, req.ID, c.opts.Now)
	in.start = books.result.Started
	_, exact := c.conn.(interested)
	if exact = exact && call.Exact; exact {
		msg.Headers = wantsAll(msg.Headers)
	}
	since := c.connections()
	var background sync.WaitGroup
	verifying, verified := context.WithCancel(ctx)
	defer verified()
	books.verifier = c.verifier(verifying, since, call.Collective, &background)
	if w, ok := sub.(watcher); ok && call.Exact {
		books.watched = w.Watch(in.nobody)
	}
	publishing, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer cancel()
	published := make(chan delivery, 1)
	ended := func() {}
	if len(call.Targets) == 0 {
		// One message: until it is out nobody answers, and to wait elsewhere would
		// be a good part of what a call to few nodes takes.
		d := c.broadcast(publishing, call, msg)
		published <- d
		if d.err == nil {
			ended = c.confirm(publishing, in, &background)
			if exact {
				listening, stop := context.WithTimeout(ctx, call.Timeout)
				confirmed := ended
				ended = func() { stop(); confirmed() }
				books.listening = c.ask(listening, since, call.Collective, call.Agent, &background)
			}
		}
	} else {
		background.Go(func() { published <- c.publishAll(publishing, call, msg) })
	}
	err = books.collect(ctx, in, published, each)
	cancel()
	ended()
	verified()
	background.Wait()
	if !books.published {
		books.sent(<-published)
	}
	books.close(in)
	books.warn(c.opts.Log)
	if err = cmp.Or(err, unheard(sub)); err != nil {
		return nil, err
	}
	return &books.result, nil
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
		Time:       c.opts.Now().Truncate(time.Second),
		TTL:        (ttl + time.Second - 1).Truncate(time.Second),
		Body:       call.Body,
	}
}
