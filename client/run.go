package client

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/rpc"
	"mcollective/value"
)

// A Run is one action of an agent on a set of nodes.
type Run struct {
	Agent  string
	Action string
	Inputs *value.Map // under symbols; nil means none

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

	// Direct asks each node in a message of its own, and nobody else; a client with
	// BroadcastOnly has a filter see to that. Otherwise the request is broadcast to whom the filter matches, of whom only Nodes are
	// expected, unless there are no more of these than DirectThreshold, or it is
	// Silent, or in batches.
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
	TimedOut                   // the node has the request, and took longer than the agent or we allow; or it went down
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

	Undecodable int  // replies that were malformed or not proven
	Sent        bool // the request has left, if only to some of the nodes
	Interrupted bool // the context ended first
}

// ErrNoNodes is returned (wrapped) by Run when there is nobody to ask.
var ErrNoNodes = errors.New("no nodes to ask")

// Run runs an action and gives each answer to each, in the order they arrive and
// from the goroutine that called Run, which also calls Sent and Idle. The end of
// ctx ends the run: there is an Account of what came until then, and no error,
// unless nobody is to answer (Silent, ReplyTo) and nothing was sent.
// Run ends as soon as every node has answered, cannot be reached, or has had its
// time. Answers are not kept.
//
// An error means that nothing could be sent (there is an Account then, in which
// all nodes are NotSent), or that the connection, or the number of replies, made
// the result worthless.
func (c *Client) Run(ctx context.Context, r Run, each func(Answer)) (*Account, error) {
	r.Nodes = unique(r.Nodes)
	if len(r.Nodes) == 0 && !r.Silent && r.ReplyTo == "" {
		return nil, fmt.Errorf("agent %s, action %s: %w", r.Agent, r.Action, ErrNoNodes)
	}
	if err := c.CheckReplyTo(r.ReplyTo); err != nil {
		return nil, err
	}
	judges := withAgent(r.Filter, r.Agent)
	if c.opts.BroadcastOnly {
		if r.Batch > 0 {
			return nil, errors.New("batches need nodes that can be addressed by name (direct addressing)")
		}
		if len(r.Nodes) > 0 && (r.Direct || r.Silent) {
			judges.Identities = []filter.Pattern{oneOf(r.Nodes)}
		}
	}
	if r.Collective == "" {
		r.Collective = c.opts.Collective
	}
	body := rpc.Request{Agent: r.Agent, Action: r.Action, Caller: c.sec.CallerID(), Data: r.Inputs, Silent: r.Silent}
	req := c.request(Call{Agent: r.Agent, Collective: r.Collective, Filter: judges, TTL: r.TTL, Body: body.Body()})
	payload, err := c.sec.EncodeRequest(req)
	if err != nil {
		return nil, fmt.Errorf("encode the request to agent %s: %w", r.Agent, err)
	}
	e := &engine{
		client: c, run: r, each: each, in: newInbox(c, req.ID), ledger: newLedger(r.Nodes, req.ID, c.opts.Now),
		msg: connector.Message{Data: payload.Data, Headers: payload.Headers, ReplyTo: r.ReplyTo, TTL: req.TTL},
	}
	e.in.start = e.ledger.account.Started
	e.since = c.connections()
	var background sync.WaitGroup
	working, cancel := context.WithCancel(ctx)
	defer func() { cancel(); background.Wait() }()
	e.verifier = c.verifier(working, e.since, r.Collective, &background)
	heard := func() error { return nil }
	if !e.deaf() {
		subscribing, done := context.WithTimeout(ctx, c.opts.PublishTimeout)
		defer done()
		sub, err := c.conn.Subscribe(subscribing, connector.Target{Kind: connector.Reply, Collective: r.Collective, Agent: r.Agent}, e.in.receive)
		if err != nil && ctx.Err() != nil {
			e.ledger.account.Interrupted = true
			return e.ledger.close(e.in, false), nil
		}
		if err != nil {
			return nil, fmt.Errorf("subscribe to replies of agent %s: %w", r.Agent, err)
		}
		// In this order: a receive that waits for room would hold up Close.
		defer sub.Close()
		defer e.in.close()
		e.msg.ReplyTo = sub.Address()
		heard = func() error { return unheard(sub) }
		if s, ok := sub.(watcher); ok {
			e.watched = s.Watch(e.in.nobody)
		}
	}
	if e.direct() {
		err = e.askEach(ctx)
	} else {
		err = e.askAll(ctx)
	}
	if err == nil {
		err = heard()
	}
	a := e.ledger.close(e.in, e.deaf())
	if err == nil && e.deaf() && !a.Sent {
		err = fmt.Errorf("agent %s, action %s: interrupted before anything was sent: %w", r.Agent, r.Action, context.Cause(ctx))
	}
	return a, err
}

// oneOf is the pattern that matches these identities, in the form that Ruby sends.
func oneOf(names []string) filter.Pattern {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return filter.Pattern{Regexp: true, Text: "^(" + strings.Join(quoted, "|") + ")$"}
}

// maxAddress is how long an address for answers may be, in bytes.
const maxAddress = 1024

// A replyChecker is a connector that knows where replies may go.
type replyChecker interface {
	// CheckReply refuses an address that is not one of a client, such as that of a
	// node or an agent.
	CheckReply(address string) error
}

// CheckReplyTo refuses an address that Run would not take as ReplyTo: replies that
// go to a node or to an agent would be taken for requests there. "" is none.
func (c *Client) CheckReplyTo(address string) error {
	if address == "" {
		return nil
	}
	if err := checkAddress(address); err != nil {
		return err
	}
	checker, ok := c.conn.(replyChecker)
	if !ok {
		return fmt.Errorf("the address for replies %.100q cannot be checked with this connector", address)
	}
	if err := checker.CheckReply(address); err != nil {
		return fmt.Errorf("the address for replies: %w", err)
	}
	return nil
}

// checkAddress makes sure that an address for answers is one word in every
// broker's language.
func checkAddress(a string) error {
	if len(a) > maxAddress {
		return fmt.Errorf("the address for replies has %d bytes, more than %d", len(a), maxAddress)
	}
	for i := range len(a) {
		if a[i] <= ' ' || a[i] > '~' {
			return fmt.Errorf("the address for replies %.100q has other characters than printable ASCII without blanks", a)
		}
	}
	return nil
}

// A watcher is a subscription to replies whose broker can tell that nobody
// listens to what a request with its address was sent to.
type watcher interface {
	// Watch has tell called for each such request from now on, until the
	// subscription is closed, and reports whether this broker can tell at all.
	Watch(tell func(to connector.Target)) bool
}

// withAgent is a filter that only nodes with an agent match.
func withAgent(f filter.Filter, agent string) filter.Filter {
	p := filter.Pattern{Text: agent}
	if !slices.Contains(f.Agents, p) {
		f.Agents = append(slices.Clone(f.Agents), p)
	}
	return f
}
