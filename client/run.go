package client

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"mcollective/filter"
	"mcollective/rpc"
	"mcollective/value"
)

// A Run is one action of an agent on a set of nodes.
type Run struct {
	Agent  string
	Action string
	Inputs *value.Map // by name; nil means none

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
	// BroadcastOnly has a filter see to that. Otherwise the request is broadcast to
	// whom the filter matches, of whom only Nodes are expected, unless there are no
	// more of these than DirectThreshold, or it is Silent, or in batches.
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
	q, err := c.question(r)
	if err != nil {
		return nil, err
	}
	return c.put(ctx, q, each)
}

// question checks a Run and makes it a question.
func (c *Client) question(r Run) (question, error) {
	q := question{
		name: fmt.Sprintf("agent %s, action %s", r.Agent, r.Action), watch: true, action: true,
		batch: r.Batch, batchSleep: r.BatchSleep, silent: r.Silent, replyTo: r.ReplyTo, sent: r.Sent,
	}
	r.Nodes = unique(r.Nodes)
	named := len(r.Nodes) > 0
	if !named && q.expectsReplies() {
		return q, fmt.Errorf("%s: %w", q.name, ErrNoNodes)
	}
	if err := c.CheckReplyTo(r.ReplyTo); err != nil {
		return q, err
	}
	judges := withAgent(r.Filter, r.Agent)
	direct := r.Direct || r.Batch > 0 || r.Silent || len(r.Nodes) <= r.DirectThreshold
	if c.opts.BroadcastOnly {
		if r.Batch > 0 {
			return q, errors.New("batches need nodes that can be addressed by name (direct addressing)")
		}
		if named && (r.Direct || r.Silent) {
			judges.Identities = []filter.Pattern{oneOf(r.Nodes)}
		}
		direct = false
	}
	body := rpc.Request{Agent: r.Agent, Action: r.Action, Caller: c.sec.CallerID(), Data: r.Inputs, Silent: r.Silent}
	q.Call = Call{
		Agent: r.Agent, Body: body.Body(), Filter: judges, Collective: r.Collective, TTL: r.TTL, Timeout: r.Timeout,
		Nodes: r.Nodes, Direct: named && direct, Idle: r.Idle,
	}
	return q, nil
}

// oneOf returns the pattern that matches these identities, in the form that Ruby sends.
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

// withAgent returns a filter that only nodes with an agent match.
func withAgent(f filter.Filter, agent string) filter.Filter {
	p := filter.Pattern{Text: agent}
	if !slices.Contains(f.Agents, p) {
		f.Agents = append(slices.Clone(f.Agents), p)
	}
	return f
}
