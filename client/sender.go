package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mcollective/connector"
)

// A sending is what became of asking some nodes.
type sending struct {
	sent, failed []string
	err          error // why they failed
}

// progress is how many nodes are asked between two reports.
const progress = 250

// send asks these nodes, each in a message of its own and all within the time
// limit, and gives report what became of it. One that cannot be asked does not keep
// the others from their turn, but the end of the time does.
func (e *engine) send(ctx context.Context, names []string, report func(sending)) {
	c := e.client
	ctx, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
	defer cancel()
	var s sending
	for i, name := range names {
		err := ctx.Err()
		if err == nil {
			err = e.publish(ctx, name)
		}
		switch {
		case err == nil:
			s.sent = append(s.sent, name)
		case ctx.Err() != nil:
			s.failed, s.err = append(s.failed, names[i:]...), fmt.Errorf("send the request to %s: %w", name, err)
			report(s)
			return
		default:
			s.failed, s.err = append(s.failed, name), fmt.Errorf("send the request to %s: %w", name, err)
			c.opts.Log.Warn("a request was not sent", "node", name, "error", err)
		}
		if len(s.sent)+len(s.failed) == progress && i < len(names)-1 {
			report(s)
			s = sending{}
		}
	}
	if len(names) > 1 || !e.expectsReplies() {
		c.flush(ctx) // thousands of messages take a while to leave
	}
	report(s)
}

// publish asks one node.
func (e *engine) publish(ctx context.Context, name string) error {
	msg, err := e.message(name)
	if err != nil {
		return err
	}
	return e.client.conn.Publish(ctx, connector.Target{Kind: connector.Directed, Collective: e.Collective, Agent: e.Agent, Identity: name}, msg)
}

func (c *Client) flush(ctx context.Context) {
	if err := c.conn.Flush(ctx); err != nil && !errors.Is(err, context.Canceled) {
		c.opts.Log.Warn("the broker did not confirm the request in time", "timeout", c.opts.PublishTimeout, "error", err)
	}
}

// quiet is how long a call may be without any reply before the broker is asked
// whether it has the request: a reply proves more than that does, and sooner.
const quiet = 100 * time.Millisecond

// confirm has the broker confirm a broadcast, once nobody has answered it for a
// while, and warns if it does not. The end of ctx ends that, and ended has to be
// called then; background counts it.
func (c *Client) confirm(ctx context.Context, in *inbox, background *sync.WaitGroup) (ended func()) {
	background.Add(1)
	timer := time.AfterFunc(quiet, func() {
		defer background.Done()
		if !in.heard() && ctx.Err() == nil {
			c.flush(ctx)
		}
	})
	return func() {
		if timer.Stop() {
			background.Done()
		}
	}
}

// unique returns names without repetitions, in order.
func unique(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	seen := make(map[string]bool, len(names))
	once := make([]string, 0, len(names))
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			once = append(once, n)
		}
	}
	return once
}
