package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"mcollective/connector"
	"mcollective/message"
)

// A Result is the account of a call. Every expected node is in exactly one of
// Responded, Declined, NoResponse, Unreachable and NotSent.
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

	// Of an exact call only.
	Declined    []string // who said that the request does not concern them, by arrival
	Unreachable []string // targets that nobody listens for, as the broker says
	Exact       bool     // everybody who listens has spoken
	Suspicious  []string // of whom more answers came than can be theirs, no among them; sorted
	Silent      []string // who has not, if the broker can tell; sorted, and not if the call ended early
	Listening   int      // how many nodes the broker knows of; 0 if it cannot tell

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
	declined          // said no, and nothing else
	absent            // nobody listens under this name
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
	overdue   bool // the time is up

	watched   bool           // the broker tells who cannot be reached
	verifier  *verifier      // of who cannot be reached
	unsure    bool           // the broker could not confirm that
	listening <-chan hearing // gives once who listens
	untold    bool           // the broker that could tell did not
	noes      int            // replies that said no
	denied    map[string]int // how often each has said no
	spoken    map[string]int // how often each has spoken, in an exact call
	listens   map[string]int // subscriptions of each who listens; nil until that is known
	owing     map[string]int // how often each of them still has to speak
	owed      int            // the sum of owing
	odd       map[string]bool
}

func newBooks(call Call, id string, now func() time.Time) *books {
	b := &books{call: call, now: now, result: Result{RequestID: id, Started: now()}}
	b.expected = unique(call.Expect)
	if len(call.Targets) > 0 {
		b.expected = unique(call.Targets)
	}
	b.spoken, b.denied = make(map[string]int), make(map[string]int)
	b.odd = make(map[string]bool)
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
			if b.hear(&batch[i]); b.result.Replies+b.noes > maxReplies {
				return fmt.Errorf("%w: more than %d to request %s", ErrFlooded, maxReplies, b.result.RequestID)
			}
			if !b.no(batch[i]) {
				each(batch[i])
			}
			batch[i] = Reply{}
			if b.result.Complete {
				break
			}
		}
		if b.call.Idle != nil && len(batch) > 0 {
			b.call.Idle()
		}
		for _, to := range in.absences() {
			b.absent(to)
		}
		b.verifier.next()
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
		case h := <-b.listening:
			b.listening = nil
			b.listen(h)
		case h := <-b.verifier.answer:
			b.unreachable(b.verifier.judge(h))
		case <-timeout:
			b.overdue = true
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

// no tells whether a reply says that the request does not concern its node.
func (b *books) no(r Reply) bool { return b.call.Exact && r.Body == message.No }

// hear accounts for one reply.
func (b *books) hear(r *Reply) {
	if b.call.Exact {
		if b.spoken[r.Sender]++; b.owing[r.Sender] > 0 {
			b.owing[r.Sender]--
			b.owed--
		}
	}
	if b.no(*r) {
		b.noes++
		b.denied[r.Sender]++
		b.decline(r.Sender)
	} else {
		b.add(r)
	}
	b.suspect(r.Sender)
	b.result.Complete = b.complete()
}

// decline accounts for a reply that says no. It is the last word of a node that
// was asked by name; but of two nodes with one name the other may match.
func (b *books) decline(name string) {
	switch b.nodes[name] {
	case awaited:
		b.awaiting--
	case unknown, absent:
	default:
		return
	}
	b.nodes[name] = declined
	b.result.Declined = append(b.result.Declined, name)
}

// listen notes who listens, one entry for each subscription.
func (b *books) listen(h hearing) {
	if h.err != nil { // nobody can tell
		b.untold = errors.Is(h.err, context.DeadlineExceeded)
		return
	}
	b.result.Listening = len(h.names)
	b.listens, b.owing = make(map[string]int, len(h.names)), make(map[string]int, len(h.names))
	for _, name := range h.names {
		b.listens[name]++
	}
	for name, n := range b.listens {
		n = max(0, n-b.spoken[name])
		b.owing[name] = n
		b.owed += n
	}
	for name := range b.denied {
		b.suspect(name)
	}
	b.result.Complete = b.complete()
}

// warn logs what casts doubt on the result.
func (b *books) warn(log *slog.Logger) {
	if (b.untold || b.listening != nil) && !b.result.Complete && !b.result.Interrupted {
		log.Warn("the broker did not tell in time who listens; the search took its whole time and may not be complete", "agent", b.call.Agent)
	}
	if odd := b.result.Suspicious; len(odd) > 0 {
		log.Warn("somebody may answer in the name of others, or nodes share a name: more was said under these than the broker knows listeners", "nodes", odd)
	}
}

// suspect takes note of a name under which more was said than the nodes that have
// it can have, if that may hide one of them: who says yes twice hides nobody.
func (b *books) suspect(name string) {
	if b.listens == nil && len(b.expected) == 0 {
		return // nobody can tell yet
	}
	if b.denied[name] > 0 && b.spoken[name] > max(1, b.listens[name]) {
		b.odd[name] = true
	}
}

// absent notes what came as the word that nobody listens to a target of an exact
// call. Of a broadcast the broker was asked anyway.
func (b *books) absent(to connector.Target) {
	if to.Kind == connector.Directed && b.nodes[to.Identity] == awaited {
		b.verifier.doubt(to)
	}
}

// unreachable notes the targets that are gone.
func (b *books) unreachable(gone []connector.Target, sure bool) {
	for _, to := range gone {
		if b.nodes[to.Identity] == awaited {
			b.nodes[to.Identity] = absent
			b.awaiting--
			b.unsure = b.unsure || !sure
		}
	}
	b.result.Complete = b.complete()
}

// add accounts for one reply that is to be given to the caller.
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
	case absent, declined: // by another of its name, or by a mistake of the broker
		b.result.Declined = slices.DeleteFunc(b.result.Declined, func(name string) bool { return name == r.Sender })
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
}

// complete tells whether waiting longer could bring nothing that is wanted.
func (b *books) complete() bool {
	return b.call.Limit > 0 && len(b.result.Responded) >= b.call.Limit ||
		len(b.expected) > 0 && b.awaiting == 0 && len(b.odd) == 0 || b.everybody()
}

// everybody tells whether all who listen have spoken, and nobody in the place of
// another.
func (b *books) everybody() bool { return b.owing != nil && b.owed == 0 && len(b.odd) == 0 }

// close completes the result.
func (b *books) close(in *inbox) {
	for _, name := range b.expected {
		switch b.nodes[name] {
		case awaited:
			b.result.NoResponse = append(b.result.NoResponse, name)
		case notSent:
			b.result.NotSent = append(b.result.NotSent, name)
		case absent:
			b.result.Unreachable = append(b.result.Unreachable, name)
		}
	}
	b.closeExact()
	b.result.Undecodable, b.result.Foreign = in.failures()
	b.result.Total = b.now().Sub(b.result.Started)
}

// closeExact completes what an exact call knows.
func (b *books) closeExact() {
	if len(b.odd) > 0 {
		b.result.Suspicious = slices.Sorted(maps.Keys(b.odd))
	}
	switch {
	case !b.call.Exact:
		return
	case len(b.expected) > 0:
		b.result.Exact = len(b.result.NoResponse)+len(b.result.NotSent)+len(b.odd) == 0 && !b.unsure
		if b.watched && b.overdue {
			b.result.Silent = slices.Sorted(slices.Values(b.result.NoResponse))
		}
	default:
		b.result.Exact = b.everybody()
		if b.overdue {
			for name, n := range b.owing {
				if n > 0 {
					b.result.Silent = append(b.result.Silent, name)
				}
			}
			slices.Sort(b.result.Silent)
		}
	}
}
