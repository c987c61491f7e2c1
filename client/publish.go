package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mcollective/connector"
)

// A delivery is what became of publishing a call.
type delivery struct {
	notSent []string // targets that the request did not go to
	err     error    // why nothing at all was sent
}

// publish hands the request to the broker, once or once for each target.
func (c *Client) publish(ctx context.Context, call Call, msg connector.Message) delivery {
	var d delivery
	if len(call.Targets) == 0 {
		to := connector.Target{Kind: connector.Broadcast, Collective: call.Collective, Agent: call.Agent}
		if err := c.conn.Publish(ctx, to, msg); err != nil {
			d.err = fmt.Errorf("publish the request to agent %s: %w", call.Agent, err)
		}
		return d
	}
	// Thousands of messages take a while to leave, and nobody can answer before.
	if d = c.publishEach(ctx, call, msg); d.err == nil {
		c.flush(ctx)
	}
	return d
}

func (c *Client) flush(ctx context.Context) {
	if err := c.conn.Flush(ctx); err != nil && !errors.Is(err, context.Canceled) {
		c.opts.Log.Warn("the broker did not confirm the request in time", "timeout", c.opts.PublishTimeout, "error", err)
	}
}

// quiet is how long a call may be without any reply before the broker is asked
// whether it has the request: a reply proves more than that does, and sooner.
const quiet = 100 * time.Millisecond

// confirm has the broker confirm a broadcast that nobody has answered yet, and
// warns if it does not. It returns early when ctx ends or a reply has come.
func (c *Client) confirm(ctx context.Context, heard <-chan struct{}) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-heard:
		return
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	c.flush(ctx)
}

// publishEach sends the request to every target. One that cannot be sent does not
// keep the others from theirs, but the end of ctx does.
func (c *Client) publishEach(ctx context.Context, call Call, msg connector.Message) delivery {
	var d delivery
	var last error
	targets := unique(call.Targets)
	for i, name := range targets {
		err := ctx.Err()
		if err == nil {
			err = c.conn.Publish(ctx, connector.Target{Kind: connector.Directed, Collective: call.Collective, Agent: call.Agent, Identity: name}, msg)
		}
		if err == nil {
			continue
		}
		last = fmt.Errorf("send the request to %s: %w", name, err)
		if ctx.Err() != nil {
			d.notSent = append(d.notSent, targets[i:]...)
			break
		}
		d.notSent = append(d.notSent, name)
		c.opts.Log.Warn("a request was not sent", "node", name, "error", err)
	}
	if len(d.notSent) == len(targets) {
		d.err = last
	}
	return d
}

// unique returns names without repetitions, in order.
func unique(names []string) []string {
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
