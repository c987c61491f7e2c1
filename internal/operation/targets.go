package operation

import (
	"context"
	"slices"
	"time"

	"mcollective/discovery"
	"mcollective/filter"
)

// Targets are the nodes that an operation is about.
type Targets struct {
	Nodes  []string
	Silent []string // nodes that listen, and did not say whether they match
	Method Method
	Took   time.Duration // how long finding them took
	Named  bool          // the user named them, and nobody looked for them

	stated map[string][]string // which definitions they have, by hash
}

// A Search is how nodes are looked for.
type Search struct {
	Agent string // nodes without this agent are not meant

	// Quiet keeps the search from the dialog.
	Quiet bool

	// Each is given every node as soon as it is found by asking the collective, and
	// Idle is called when no more are at hand. Either may be nil.
	Each func(node string)
	Idle func()
}

// Search finds the nodes with an agent that the filter matches, and applies the
// limit.
func (o *Operation) Search(ctx context.Context, agent string) (*Targets, error) {
	return o.Find(ctx, Search{Agent: agent})
}

// Find is Search with more to say about how. With ErrInterrupted there are targets,
// which are not all.
func (o *Operation) Find(ctx context.Context, s Search) (*Targets, error) {
	method, err := o.Method()
	if err != nil {
		return nil, err
	}
	t := &Targets{Method: method}
	if names, ok := o.names(); ok && method.Name == discovery.MethodBroadcast {
		t.Nodes, t.Named = o.opts.Limit.Pick(names), true
		return t, nil
	}
	if method.local == nil {
		if err := o.Connect(ctx); err != nil {
			return nil, err
		}
	}
	start := o.env.Now()
	if !s.Quiet {
		o.dialog.Searching(method)
	}
	if method.local != nil {
		t.Nodes, err = method.local.Discover(ctx, o.Query(o.opts.Filter, 0, 0))
	} else {
		err = o.broadcast(ctx, t, s)
	}
	t.Took = max(o.env.Now().Sub(start), 1)
	if !s.Quiet {
		o.dialog.Searched(len(t.Nodes), err)
	}
	// Who may have been missed is said by everything that calls nodes.
	if len(t.Silent) > 0 {
		o.dialog.Silent(t.Silent)
	}
	if err != nil {
		return nil, err
	}
	t.Nodes = o.opts.Limit.Pick(t.Nodes)
	if ctx.Err() != nil {
		return t, ErrInterrupted
	}
	return t, nil
}

// One returns the targets of an operation about one node that the user named, whatever
// the filter and standard input.
func (o *Operation) One(node string) (*Targets, error) {
	p, err := filter.ParseIdentity(node)
	if err != nil {
		return nil, err
	}
	o.opts.Filter.Identities = []filter.Pattern{p}
	method, err := o.chooseMethod(filter.Filter{}, false)
	return &Targets{Nodes: []string{node}, Named: true, Method: method}, err
}

// Found makes targets of nodes that the collective was asked for by other means.
func (o *Operation) Found(nodes []string) *Targets {
	return &Targets{Nodes: nodes, Method: Method{Name: discovery.MethodBroadcast, Timeout: discovery.BroadcastTimeout}}
}

// names returns the nodes that the user named, if there is no other filter.
func (o *Operation) names() ([]string, bool) {
	names, ok := discovery.Literal(o.opts.Filter)
	return names, ok && discovery.Only(o.opts.Filter)
}

// limited reports whether not all nodes that are found are meant.
func (o *Operation) limited() bool { return o.opts.Limit.Count > 0 || o.opts.Limit.Percent > 0 }

// broadcast asks the collective who matches.
func (o *Operation) broadcast(ctx context.Context, t *Targets, s Search) error {
	most := 0
	if !o.opts.Limit.Random {
		most = o.opts.Limit.Count
	}
	q := o.Query(WithAgent(o.opts.Filter, s.Agent), t.Method.Timeout, most)
	q.Definition = o.defining
	each := s.Each
	if each == nil {
		each = func(string) {}
	}
	found, err := o.session.Client().Find(ctx, q, each, s.Idle)
	if err != nil {
		return err
	}
	t.Nodes, t.Silent, t.stated = found.Nodes, found.Silent, found.Definitions
	return nil
}

// WithAgent returns a filter that only nodes with an agent match.
func WithAgent(f filter.Filter, agent string) filter.Filter {
	p := filter.Pattern{Text: agent}
	if !slices.Contains(f.Agents, p) {
		f.Agents = append(slices.Clone(f.Agents), p)
	}
	return f
}
