package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/connector"
	"mcollective/message"
	"mcollective/security"
)

// maxWaiting is how many bytes of replies may wait for the consumer before the
// connector has to wait, too.
const maxWaiting = 32 << 20

// loudFailures is how many unusable replies of one call are worth a warning each.
const loudFailures = 5

// An arrival is a reply and when it came.
type arrival struct {
	reply *message.Reply
	after time.Duration // from when publishing began
}

// An inbox takes replies from the connector's goroutine, opens them there, and
// keeps them until the caller's goroutine comes for them: all at once, so that a
// burst costs one wake-up and not one for each reply.
type inbox struct {
	client *Client
	req    *message.Request
	ready  chan struct{} // has a token when something waits
	begun  atomic.Bool   // replies are let in

	mu          sync.Mutex
	start       time.Time // when publishing began
	room        sync.Cond
	waiting     []arrival
	bytes       int
	any         bool // a reply has come
	closed      bool
	absent      []connector.Target // where the broker found nobody
	undecodable int
}

func newInbox(c *Client, req *message.Request) *inbox {
	in := &inbox{client: c, req: req, ready: make(chan struct{}, 1)}
	in.room.L = &in.mu
	return in
}

// begin lets replies in, now that the request is made, and sets the time from which
// arrivals are counted.
func (in *inbox) begin(now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.start = now
	in.begun.Store(true)
}

// receive opens one delivery.
func (in *inbox) receive(ctx context.Context, d connector.Delivery) {
	now := time.Now()
	log := in.client.opts.Log
	if !in.begun.Load() {
		return // nobody can answer what is not made yet
	}
	reply, err := in.client.sec.DecodeReply(ctx, in.req, security.Payload{Data: d.Data, Headers: d.Headers})

	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case errors.Is(err, security.ErrOtherRequest):
		log.Debug("ignoring a reply to another request", "request", in.req.ID, "error", err)
		return
	case err != nil:
		in.undecodable++
		if in.undecodable <= loudFailures {
			log.Warn("ignoring a reply that cannot be trusted", "request", in.req.ID, "error", err)
		}
		return
	}
	for in.bytes > maxWaiting && !in.closed {
		in.room.Wait()
	}
	if in.closed {
		return
	}
	in.any = true
	in.waiting = append(in.waiting, arrival{reply, now.Sub(in.start)})
	in.bytes += len(d.Data)
	if len(in.waiting) == 1 {
		in.wake()
	}
}

// wake puts a token into ready.
func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// nobody notes that the broker found nobody who listens to a target.
func (in *inbox) nobody(to connector.Target) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.absent) >= maxReplies {
		return // a flood, and no broker's word
	}
	in.absent = append(in.absent, to)
	in.wake()
}

// take returns the replies that wait and what nobody noted since the last time. It
// keeps the given slice's memory for what follows.
func (in *inbox) take(spare []arrival) (replies []arrival, absent []connector.Target) {
	in.mu.Lock()
	defer in.mu.Unlock()
	replies, absent = in.waiting, in.absent
	in.waiting, in.bytes, in.absent = spare[:0], 0, nil
	in.room.Broadcast()
	return replies, absent
}

// heard reports whether any reply has come.
func (in *inbox) heard() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.any
}

// close drops what comes from now on, and returns how many replies could not be
// used.
func (in *inbox) close() (undecodable int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.room.Broadcast()
	return in.undecodable
}
