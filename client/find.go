package client

import (
	"context"
	"maps"
	"time"

	"mcollective/discovery"
)

// Found is what a search came to.
type Found struct {
	Nodes []string // that match, in the order they answered

	// Exact means that every node that the broker knows of has said yes or no.
	// If the broker could tell and some said nothing, they are Silent: nodes that
	// hang, or that are too old to say no.
	Exact      bool
	Silent     []string
	Suspicious []string // as in Result: the search is not exact then, and took its whole time
	Asked      int      // how many nodes the broker knew of; 0 if nobody can tell
	Took       time.Duration
}

// Find asks the nodes which of them a query selects, and gives each identity to
// each when it answers; idle is as in Call.
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
		Agent: "discovery", Body: "ping", Filter: q.Filter, Collective: q.Collective,
		TTL: q.TTL, Timeout: q.Timeout, Limit: q.Limit, Idle: idle, Exact: true,
	}
	if names, ok := discovery.Literal(q.Filter); ok && !c.opts.BroadcastOnly {
		call.Targets = names
	}
	r, err := c.Call(ctx, call, func(r Reply) {
		if !r.Duplicate && !r.Unexpected {
			each(r.Sender)
		}
	})
	if err != nil {
		return nil, err
	}
	return &Found{Nodes: r.Responded, Exact: r.Exact, Silent: r.Silent, Suspicious: r.Suspicious, Asked: max(r.Listening, len(call.Targets)), Took: r.Total}, nil
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

// wantsAll adds to headers the wish that nodes which do not match say so. Nodes
// that do not know it take no notice.
func wantsAll(headers map[string]string) map[string]string {
	all := maps.Clone(headers)
	if all == nil {
		all = make(map[string]string, 1)
	}
	all["mco-answer"] = "all"
	return all
}
