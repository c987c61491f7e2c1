package client

import (
	"context"
	"fmt"
	"time"
)

// A Result is the account of a call. Every expected node is in exactly one of
// Responded, NoResponse and NotSent.
type Result struct {
	RequestID string
	Started   time.Time     // when publishing began
	Publish   time.Duration // how long publishing took
	Total     time.Duration // how long the call took

	Replies    int // all that were given to the caller, duplicates and unexpected ones included
	Duplicates int // from nodes that had answered before

	Responded  []string // who answered and was expected (anybody, if nobody was), by arrival
	Unexpected []string // who answered without being expected, by arrival
	NoResponse []string // who was expected and did not answer, in the order of the call
	NotSent    []string // targets that the request was not sent to

	Undecodable int // replies that were malformed or not proven
	Foreign     int // replies to other requests

	Complete    bool // all who were expected have answered, or the limit was reached
	Interrupted bool // the context ended first
}

// What is known of a node during a call.
type standing int

const (
	unknown  standing = iota
	awaited           // expected, not heard of
	answered          // heard of, and welcome
	notSent           // expected, but the request did not go to it
	stranger          // heard of without being expected
)

// books do the accounting of one call. They belong to the goroutine that called
// Call.
type books struct {
	call   Call
	now    func() time.Time
	result Result

	expected  []string
	nodes     map[string]standing
	awaiting  int // how many nodes are awaited
	published bool
}

func newBooks(call Call, id string, now func() time.Time) *books {
	b := &books{call: call, now: now, result: Result{RequestID: id, Started: now()}}
	b.expected = unique(call.Expect)
	if len(call.Targets) > 0 {
		b.expected = unique(call.Targets)
	}
	b.nodes = make(map[string]standing, len(b.expected))
	for _, name := range b.expected {
		b.nodes[name] = awaited
	}
	b.awaiting = len(b.expected)
	return b
}

// collect passes on replies until the call has ended.
func (b *books) collect(ctx context.Context, in *inbox, published <-chan delivery, each func(Reply)) error {
	var timeout <-chan time.Time
	var batch []Reply
	last := false // nothing more is awaited, only what has arrived
	for {
		batch = in.take(batch)
		for i := range batch {
			if b.add(&batch[i]); b.result.Replies > maxReplies {
				return fmt.Errorf("%w: more than %d to request %s", ErrFlooded, maxReplies, b.result.RequestID)
			}
			each(batch[i])
			batch[i] = Reply{}
			if b.result.Complete {
				break
			}
		}
		if b.call.Idle != nil && len(batch) > 0 {
			b.call.Idle()
		}
		if b.result.Complete || last {
			return nil
		}
		select {
		case <-in.ready:
		case d := <-published:
			if b.sent(d); d.err != nil && b.result.Replies == 0 && ctx.Err() == nil {
				return d.err
			}
			published = nil
			timer := time.NewTimer(b.call.Timeout)
			defer timer.Stop()
			timeout = timer.C
			b.result.Complete = b.complete()
		case <-timeout:
			last = true
		case <-ctx.Done():
			b.result.Interrupted = true
			last = true
		}
	}
}

// sent notes how publishing ended.
func (b *books) sent(d delivery) {
	b.published = true
	b.result.Publish = b.now().Sub(b.result.Started)
	for _, name := range d.notSent {
		// Nobody waits for the answer to a question that was not asked.
		if b.nodes[name] == awaited {
			b.nodes[name] = notSent
			b.awaiting--
		}
	}
}

// add accounts for one reply.
func (b *books) add(r *Reply) {
	b.result.Replies++
	switch b.nodes[r.Sender] {
	case stranger:
		r.Unexpected = true
		fallthrough
	case answered:
		r.Duplicate = true
		b.result.Duplicates++
		return
	case unknown:
		if len(b.expected) > 0 {
			r.Unexpected = true
			b.nodes[r.Sender] = stranger
			b.result.Unexpected = append(b.result.Unexpected, r.Sender)
			return
		}
	case awaited:
		b.awaiting--
	case notSent: // it was, only too late for the broker to say so
	}
	b.nodes[r.Sender] = answered
	b.result.Responded = append(b.result.Responded, r.Sender)
	b.result.Complete = b.complete()
}

// complete tells whether waiting longer could bring nothing that is wanted.
func (b *books) complete() bool {
	return b.call.Limit > 0 && len(b.result.Responded) >= b.call.Limit ||
		len(b.expected) > 0 && b.awaiting == 0
}

// close completes the result.
func (b *books) close(in *inbox) {
	for _, name := range b.expected {
		switch b.nodes[name] {
		case awaited:
			b.result.NoResponse = append(b.result.NoResponse, name)
		case notSent:
			b.result.NotSent = append(b.result.NotSent, name)
		}
	}
	b.result.Undecodable, b.result.Foreign = in.failures()
	b.result.Total = b.now().Sub(b.result.Started)
}
