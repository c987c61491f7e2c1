package client

import (
	"context"

	"mcollective/discovery"
)

// Discover is the broadcast method of discovery: it asks the collective who is
// there and collects, for the whole timeout unless the limit is reached, who
// answers. The end of ctx ends it early, with those that had answered.
func (c *Client) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	return c.DiscoverEach(ctx, q, func(string) {}, nil)
}

// DiscoverEach is Discover for callers that want each identity when it answers;
// idle is as in Call.
func (c *Client) DiscoverEach(ctx context.Context, q discovery.Query, each func(identity string), idle func()) ([]string, error) {
	if q.Collective == "" {
		q.Collective = c.opts.Collective
	}
	// Ruby's clients say this in the filter of discovery requests only; a filter
	// with it is never taken for empty.
	q.Filter.Collective = q.Collective
	result, err := c.Call(ctx, Call{
		Agent: "discovery", Body: "ping", Filter: q.Filter, Collective: q.Collective,
		TTL: q.TTL, Timeout: q.Timeout, Limit: q.Limit, Idle: idle,
	}, func(r Reply) {
		if !r.Duplicate {
			each(r.Sender)
		}
	})
	if err != nil {
		return nil, err
	}
	return result.Responded, nil
}
