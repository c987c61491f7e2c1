package operation

import (
	"context"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/usage"
	"mcollective/value"
)

// A Question is whether an action is meant that changes things.
type Question struct {
	Agent  string
	Action string
	Why    string   // what makes it one that changes things; "" if its definition says so
	All    bool     // it goes to all nodes that match the filter, however many they are
	Nodes  []string // to whom it goes unless that is All
}

// Confirm asks before an action that changes things runs on several nodes.
func (o *Operation) Confirm(c *ddl.Contract, action string, nodes []string) error {
	if len(nodes) < 2 {
		return nil
	}
	return o.question(c, Question{Agent: c.Agent(), Action: action, Nodes: nodes})
}

// confirmAll is Confirm for a request to all nodes that the filter matches, however many they
// are: nobody looks for them first, and they count as many.
func (o *Operation) confirmAll(c *ddl.Contract, action string) error {
	return o.question(c, Question{Agent: c.Agent(), Action: action, All: true})
}

func (o *Operation) question(c *ddl.Contract, q Question) error {
	destructive, why := c.Destructive(q.Action)
	if !destructive {
		return nil
	}
	q.Why = why
	return o.dialog.Confirm(q)
}

// A Job is one action that somebody wants to have run.
type Job struct {
	Agent  string
	Action string

	// Inputs is asked for the inputs once there is a definition to judge them by:
	// before anybody is looked for if this machine has one, else when the nodes have
	// been found and have said what they define. An error ends the operation.
	Inputs func(*ddl.Contract) (*value.Map, error)

	// Confirmed says that Dialog.Confirm need not be asked.
	Confirmed bool

	Found func(nodes int)     // called before the nodes are asked; may be nil
	Each  func(client.Answer) // given each answer
	Idle  func()              // as in client.Run; may be nil
}

// A Report is what came of a job.
type Report struct {
	Targets *Targets
	Account *client.Account // nil if no node was found
}

// Do runs an action on all nodes that are meant.
func (o *Operation) Do(ctx context.Context, j Job) (*Report, error) {
	c, inputs, err := o.begin(j)
	if err != nil {
		return nil, err
	}
	t, inputs, err := o.targets(ctx, j, c, inputs, false)
	if err != nil {
		return nil, err
	}
	if !j.Confirmed {
		if err := o.Confirm(c, j.Action, t.Nodes); err != nil {
			return nil, err
		}
	}
	r := &Report{Targets: t}
	if len(t.Nodes) == 0 {
		return r, nil
	}
	if err := o.Connect(ctx); err != nil {
		return nil, err
	}
	if j.Found != nil {
		j.Found(len(t.Nodes))
	}
	r.Account, err = o.Run(ctx, t, Call{Agent: j.Agent, Action: j.Action, Inputs: inputs, Time: o.AgentTime(c, j.Action), Idle: j.Idle}, j.Each)
	return r, err
}

// begin reads what this machine knows of the agent, and judges the inputs by it: what
// is wrong with the request is said before anybody is asked.
func (o *Operation) begin(j Job) (*ddl.Contract, *value.Map, error) {
	c, err := o.Contract(j.Agent)
	if err != nil || c.Local() == nil {
		return c, nil, err
	}
	inputs, err := j.Inputs(c)
	return c, inputs, err
}

// targets finds the nodes, and what they say of the agent, by which a request is
// prepared that this machine has no definition for.
func (o *Operation) targets(ctx context.Context, j Job, c *ddl.Contract, inputs *value.Map, quiet bool) (*Targets, *value.Map, error) {
	local := c.Local() != nil
	// Of an agent that may not be there nothing is said before it is found.
	early := local || o.env.Definitions.Latest(j.Agent) != nil
	t, err := o.Find(ctx, Search{Agent: j.Agent, Quiet: quiet || !early})
	if err != nil {
		return nil, nil, err
	}
	if err := o.Complete(ctx, c, t); err != nil {
		return nil, nil, err
	}
	if !quiet && !early && !t.Named {
		o.dialog.Searching(t.Method)
		o.dialog.Searched(len(t.Nodes), nil)
	}
	o.WarnOfDifferences(c, j.Action)
	if !local {
		inputs, err = j.Inputs(c)
	}
	return t, inputs, err
}

// A Delivery is where the answers to a request go that this operation awaits none of.
type Delivery struct {
	ReplyTo string // an address in the broker's terms; "" means that nobody is to answer
}

// A Sent is what came of a request that no answers are awaited of.
type Sent struct {
	RequestID string
	Targets   *Targets // nil if it went to all that match the filter

	// Missed are how many of the targets it did not go to, since the user broke it off.
	Missed int
}

// Send sends a request to all nodes that are meant, and awaits no answers. Targets
// without nodes mean that nothing was sent.
func (o *Operation) Send(ctx context.Context, j Job, d Delivery) (*Sent, error) {
	c, inputs, err := o.begin(j)
	if err != nil {
		return nil, err
	}
	if o.opts.Batch != nil && o.opts.Batch.Size > 0 {
		return nil, usage.Errorf("Cannot bypass result processing for batched requests")
	}
	method, err := o.Method()
	if err != nil {
		return nil, err
	}
	if err := o.Connect(ctx); err != nil {
		return nil, err
	}
	if err := o.session.Client().CheckReplyTo(d.ReplyTo); err != nil {
		return nil, usage.Errorf("invalid argument: --reply-to %s: %w", d.ReplyTo, err)
	}
	t := &Targets{}
	_, given := o.names()
	some := o.limited() || given || method.local != nil
	if some || c.Local() == nil {
		if t, inputs, err = o.targets(ctx, j, c, inputs, true); err != nil {
			return nil, err
		}
		if len(t.Nodes) == 0 {
			return &Sent{Targets: t}, nil
		}
	}
	s := &Sent{Targets: t}
	if !some {
		t, s.Targets = &Targets{}, nil // all of them
	}
	switch {
	case j.Confirmed:
	case some:
		err = o.Confirm(c, j.Action, t.Nodes)
	default:
		err = o.confirmAll(c, j.Action)
	}
	if err != nil {
		return nil, err
	}
	r := client.Run{Agent: j.Agent, Action: j.Action, Inputs: inputs}
	o.address(&r, t)
	r.Silent, r.ReplyTo = d.ReplyTo == "", d.ReplyTo
	account, err := o.session.Client().Run(ctx, r, func(client.Answer) {})
	if err != nil {
		return nil, err
	}
	s.RequestID = account.RequestID
	if account.Interrupted {
		s.Missed = account.Count[client.NotSent]
	}
	return s, nil
}
