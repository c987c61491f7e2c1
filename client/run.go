package client

import (
	"context"
	"errors"
	"time"

	"mcollective/filter"
	"mcollective/marshal"
	"mcollective/rpc"
)

// A Run is one action of an agent on a set of nodes.
type Run struct {
	Agent  string
	Action string
	Inputs *marshal.Hash // under symbols; nil means none

	// Nodes are the nodes that are asked, as discovery found them or the user
	// named them. Each is accounted for. With none, and Silent set, the request is
	// broadcast to whom it may concern.
	Nodes []string

	// Filter travels with the request, and each node judges it again. The agent
	// itself is added to it.
	Filter     filter.Filter
	Collective string        // "" means that of the client's Options
	TTL        time.Duration // 0 means that of the client's Options
	Timeout    time.Duration // how long the answers of a node are awaited once it was asked

	// Direct asks each node in a message of its own. Otherwise the request is
	// broadcast, unless there are no more nodes than DirectThreshold.
	Direct          bool
	DirectThreshold int

	// Batch is how many nodes work on the request at the same time; 0 means all.
	// It is a rolling window: when a node has answered the next one is asked,
	// BatchSleep later. Batches are direct.
	Batch      int
	BatchSleep time.Duration

	Silent  bool   // nobody is to answer: the Run ends when the request is out
	ReplyTo string // where answers go in the place of this client, in the broker's terms; implies that none are awaited

	Sent func(nodes int) // called when the request has gone to so many more nodes; may be nil
	Idle func()          // as in Call
}

// An Answer is what one node said.
type Answer struct {
	Reply              // as it arrived
	RPC     *rpc.Reply // nil if Err is set
	Outcome Outcome    // OK, Failed, Denied, TimedOut or Expired, as the node says
	Err     error      // the answer is no SimpleRPC reply
}

// An Outcome is how the request ended for one node.
type Outcome int

// The outcomes. Every node that was asked has exactly one.
const (
	Unknown     Outcome = iota // nothing was heard, and nobody can tell why
	OK                         // the action answered with status 0
	Failed                     // the action answered with another status
	Denied                     // the node does not let this caller
	TimedOut                   // the node has the request, and took longer than the agent or we allow
	Expired                    // the request reached the node too late, or the clocks differ
	Unreachable                // the broker knows that nobody listens under this name
	NotSent                    // the request did not leave: the broker did not take it, or the run was broken off
)

// String is the outcome in words, as in "timed out".
func (o Outcome) String() string {
	return [...]string{"unknown", "ok", "failed", "denied", "timed out", "expired", "unreachable", "not sent"}[o]
}

// An Account says what became of a Run.
type Account struct {
	RequestID string
	Started   time.Time
	Publish   time.Duration // how long publishing took
	Total     time.Duration

	Outcomes map[string]Outcome // of every node that was asked, and of no other
	Count    map[Outcome]int    // how many nodes have each outcome; they add up to len(Outcomes)

	Replies    int      // answers that were given to the caller, of any kind
	Duplicates []string // nodes that answered more than once
	Unexpected []string // strangers: who answered without being asked, by arrival
	NoResponse []string // who did not answer, whatever the outcome, in the order of Run.Nodes

	Undecodable int // replies that were malformed or not proven
	Interrupted bool
}

// Run runs an action and gives each answer to each, in the order they arrive and
// from the goroutine that called Run. The end of ctx ends the run: there is an
// Account of what came until then, and no error. Run ends as soon as every node
// has answered.
func (c *Client) Run(ctx context.Context, r Run, each func(Answer)) (*Account, error) {
	return nil, errors.New("not yet")
}

// A Limit is a subset of the nodes that were found.
type Limit struct {
	Count   int     // so many; 0 means all
	Percent float64 // or this share, rounded down and at least one
	Random  bool    // any of them rather than the first
	Seed    *uint64 // makes the choice the same each time, and the same as Ruby's
}

// Pick returns those nodes that the limit leaves.
func (l Limit) Pick(nodes []string) []string { return nodes }

// Found is what a search came to.
type Found struct {
	Nodes []string // that match, in the order they answered

	// Exact means that every node that the broker knows of has said yes or no.
	// If the broker could tell and some said nothing, they are Silent.
	Exact  bool
	Silent []string
	Asked  int // how many nodes the broker knew of; 0 if nobody can tell
	Took   time.Duration
}
