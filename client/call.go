package client

import (
	"context"
	"errors"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/rpc"
)

// A Call is one question to a collective.
type Call struct {
	Agent      string
	Body       any // as described at message.Request
	Filter     filter.Filter
	Collective string        // "" means that of the Options
	TTL        time.Duration // 0 means that of the Options; part seconds are rounded up

	// Definition is that of the request: an agent of which nodes are to state their
	// definition. For the agent discovery only.
	Definition string

	// Timeout is how long the answer of a node is awaited once it was asked.
	Timeout time.Duration

	// Nodes are the nodes that should answer; duplicates count once. Each is accounted
	// for, and the call ends when all have answered. With none everybody is welcome,
	// and the call takes its whole time.
	Nodes []string

	// Direct asks each of Nodes in a message of its own, and nobody else. Otherwise
	// the request is broadcast to whom the filter matches.
	Direct bool

	// Exact has the call end when everybody has spoken, where that can be known. The
	// request asks the nodes that it does not concern to say so, which those of ours
	// do for the agent discovery, and the broker is asked who listens. Where one
	// of them does not know this, the call takes its whole time as ever, and so do
	// all calls of a client with Patient.
	Exact bool

	// Limit ends the call after that many different nodes have answered; 0 means
	// no limit.
	Limit int

	// Idle, if set, is called between answers whenever none is waiting: the moment
	// to flush what the answers wrote.
	Idle func()
}

// An Answer is one reply of a node, as it arrived.
type Answer struct {
	*message.Reply

	After      time.Duration // from when publishing began until it arrived
	Duplicate  bool          // this sender has answered before
	Unexpected bool          // others were asked, or expected

	// Of a Run.
	RPC     *rpc.Reply // nil if Err is set
	Outcome Outcome    // OK, Failed, Denied, TimedOut or Expired, as the node says
	Err     error      // the reply is not one of SimpleRPC
}

// An Account says what became of a question. Every node that was named is in it.
type Account struct {
	RequestID string
	Started   time.Time     // when publishing began
	Publish   time.Duration // how long publishing took
	Total     time.Duration

	Outcomes map[string]Outcome // of every node that was named, and of no other
	Count    map[Outcome]int    // how many nodes have each outcome; they add up to len(Outcomes)

	Replies    int      // answers that were given to the caller, of any kind
	Duplicates []string // nodes that answered more than once
	Unexpected []string // nodes that answered though others were asked, by arrival
	NoResponse []string // named nodes that did not answer, whatever the outcome, in the order of the call

	Undecodable int  // replies that were malformed or not proven
	Sent        bool // the request has left, if only to some of the nodes
	Interrupted bool // the context ended first

	// Of an exact call only.
	Exact      bool     // everybody who listens, or was named, has spoken
	Declined   int      // nodes that said that the request does not concern them
	Suspicious []string // names under which more answers came than can be theirs, a no among them; sorted
	Silent     []string // nodes that have not spoken, if the broker can tell; sorted, and not if the call ended early
	Listening  int      // how many nodes the broker knows of; 0 if it cannot tell
}

// maxReplies ends a call that is flooded.
const maxReplies = 1 << 20

// errFlooded is returned when more replies came than any collective has nodes.
var errFlooded = errors.New("too many replies")

// Call sends a request and gives each answer to each, in the order they arrive and
// from the goroutine that called Call. each may take its time, for the answers behind
// it wait, and may be nil. The end of ctx ends the call as time does: there is an Account and no
// error.
//
// An error means that nothing could be sent, or that the connection, or the
// number of replies, made the result worthless.
func (c *Client) Call(ctx context.Context, call Call, each func(Answer)) (*Account, error) {
	call.Nodes = unique(call.Nodes)
	call.Exact = call.Exact && !c.opts.Patient
	return c.put(ctx, question{Call: call, name: "agent " + call.Agent, watch: call.Exact}, each)
}
