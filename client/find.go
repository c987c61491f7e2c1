package client

import (
	"context"
	"slices"
	"time"

	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/message"
)

// Found is the result of a search.
type Found struct {
	Nodes []string // that match, in the order they answered

	// Exact means that every node that the broker knows of has said yes or no.
	// If the broker could tell and some said nothing, they are Silent: nodes that
	// hang, or that are too old to say no. So are those that refused to say.
	Exact      bool
	Silent     []string
	Suspicious []string // names under which more was said than the nodes that have them can say: the search is not exact then, and took its whole time
	Asked      int      // how many nodes the broker knew of; 0 if nobody can tell
	Took       time.Duration

	// Definitions are, by the beginning of a hash, the nodes that state it for the
	// agent that the query names in Definition. A node whose replies differ is with
	// each. Nodes that state none, as Ruby's, are with none.
	Definitions map[string][]string
}

// Find asks the nodes which of them a query selects, and gives each identity to
// each, unless that is nil, when it answers; idle is as in Call.
//
// It ends when all who listen have said yes or no, where that can be known: our
// brokers tell who listens, and our nodes say no. Where it cannot, because the
// broker is another, or a part of a cluster, or a node is Ruby's or hangs, the
// search takes the whole timeout of the query, as it does with Ruby; or until its
// limit is reached, or ctx ends. The broker is asked after it has passed on the
// question, so that nobody who received that is forgotten. Whether a node said no
// itself is as sure as the security provider makes it; a client with Patient does
// not count on it.
//
// A query whose identities are all literal asks those nodes by name, with the
// whole filter, and nobody else.
func (c *Client) Find(ctx context.Context, q discovery.Query, each func(identity string), idle func()) (*Found, error) {
	if q.Collective == "" {
		q.Collective = c.opts.Collective
	}
	if !q.Filter.Empty() {
		// Ruby's clients say this in the filter of discovery requests only. Alone it
		// would match nobody.
		q.Filter.Collective = q.Collective
	}
	call := Call{
		Agent: discoveryAgent, Body: message.Ping, Filter: q.Filter, Collective: q.Collective,
		TTL: q.TTL, Timeout: q.Timeout, Limit: q.Limit, Idle: idle, Exact: true,
	}
	if q.Definition != "" {
		call.Definition = q.Definition
	}
	if names, ok := discovery.Literal(q.Filter); ok && !c.opts.BroadcastOnly {
		call.Nodes, call.Direct = unique(names), true
	}
	var nodes, refused []string
	var stated statements
	account, err := c.Call(ctx, call, func(a Answer) {
		if a.Outcome != OK {
			refused = append(refused, a.Sender) // with a reason, and so neither yes nor no
			return
		}
		stated.add(a)
		if !a.Duplicate && !a.Unexpected {
			nodes = append(nodes, a.Sender)
			if each != nil {
				each(a.Sender)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return &Found{
		Definitions: stated, Nodes: nodes, Exact: account.Exact && refused == nil,
		Silent: unique(append(account.Silent, refused...)), Suspicious: account.Suspicious,
		Asked: max(account.Listening, len(call.Nodes)), Took: account.Total,
	}, nil
}

// statements are, by the beginning of a hash, the nodes that state it.
type statements map[string][]string

// maxStatements is how many different hashes there may be before nodes are heard once
// only. By then it is clear that nobody can have all definitions.
const maxStatements = 100

// add takes what an answer states. Of a node that says different things each counts.
func (s *statements) add(r Answer) {
	h := message.StatedDefinition(r.Body)
	if h == "" || r.Unexpected || r.Duplicate && (len(*s) >= maxStatements || slices.Contains((*s)[h], r.Sender)) {
		return
	}
	if *s == nil {
		*s = make(statements)
	}
	(*s)[h] = append((*s)[h], r.Sender)
}

// Definitions asks nodes by name which definition they have of the agent that the
// query names in Definition, and returns it as Found does. It ends when all have
// spoken or cannot be reached, or with the timeout of the query.
func (c *Client) Definitions(ctx context.Context, q discovery.Query, nodes []string) (map[string][]string, error) {
	if len(nodes) == 0 {
		return nil, nil
	}
	call := Call{
		Agent: discoveryAgent, Body: message.Ping, Collective: q.Collective, TTL: q.TTL, Timeout: q.Timeout, Exact: true,
		Filter: withAgent(filter.Filter{}, q.Definition), Definition: q.Definition,
		Nodes: nodes, Direct: !c.opts.BroadcastOnly,
	}
	var stated statements
	_, err := c.Call(ctx, call, stated.add)
	return stated, err
}

// Discover is Find for callers that want no more than the names. It makes a
// Client a discovery.Method, the one that Ruby calls mc.
func (c *Client) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	found, err := c.Find(ctx, q, func(string) {}, nil)
	if err != nil {
		return nil, err
	}
	return found.Nodes, nil
}
