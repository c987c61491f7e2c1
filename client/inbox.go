package client

import (
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/security"
)

// maxWaiting is how many bytes of replies may wait for the consumer before the
// connector has to wait, too.
const maxWaiting = 32 << 20

// loudFailures is how many unusable replies of one call are worth a warning each.
const loudFailures = 5

// An inbox takes replies from the connector's goroutine, opens them there, and
// keeps them until the caller's goroutine comes for them: all at once, so that a
// burst costs one wake-up and not one for each reply.
type inbox struct {
	client *Client
	id     string
	start  time.Time
	ready  chan struct{} // has a token when something waits

	mu          sync.Mutex
	room        sync.Cond
	waiting     []Reply
	bytes       int
	any         bool // a reply has come
	closed      bool
	absent      []connector.Target // where the broker found nobody
	undecodable int
	foreign     int
}

func newInbox(c *Client, id string) *inbox {
	in := &inbox{client: c, id: id, ready: make(chan struct{}, 1)}
	in.room.L = &in.mu
	return in
}

// receive opens one delivery.
func (in *inbox) receive(d connector.Delivery) {
	now := in.client.opts.Now()
	reply, err := in.client.sec.DecodeReply(security.Payload{Data: d.Data, Headers: d.Headers})

	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case err != nil:
		in.undecodable++
		if in.undecodable <= loudFailures {
			in.client.opts.Log.Warn("ignoring a reply that cannot be trusted", "request", in.id, "error", err)
		}
		return
	case reply.RequestID != in.id:
		in.foreign++
		in.client.opts.Log.Debug("ignoring a reply to another request", "request", in.id, "other", reply.RequestID, "node", reply.Sender)
		return
	}
	for in.bytes > maxWaiting && !in.closed {
		in.room.Wait()
	}
	if in.closed {
		return
	}
	in.any = true
	in.waiting = append(in.waiting, Reply{Reply: reply, After: now.Sub(in.start)})
	in.bytes += len(d.Data)
	if len(in.waiting) == 1 {
		select {
		case in.ready <- struct{}{}:
		default:
		}
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
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// absences returns what nobody noted since the last time.
func (in *inbox) absences() []connector.Target {
	in.mu.Lock()
	defer in.mu.Unlock()
	absent := in.absent
	in.absent = nil
	return absent
}

// take returns what waits, and keeps the given slice's memory for what follows.
func (in *inbox) take(spare []Reply) []Reply {
	in.mu.Lock()
	defer in.mu.Unlock()
	batch := in.waiting
	in.waiting, in.bytes = spare[:0], 0
	in.room.Broadcast()
	return batch
}

// heard tells whether any reply has come.
func (in *inbox) heard() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.any
}

// close drops what comes from now on.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.room.Broadcast()
}

// failures tells how many replies could not be used, and how many were for other
// requests.
func (in *inbox) failures() (undecodable, foreign int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.undecodable, in.foreign
}
