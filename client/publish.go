package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mcollective/connector"
)

// A delivery is what became of publishing a call.
type delivery struct {
	notSent []string // targets that the request did not go to
	err     error    // why nothing at all was sent
}

// broadcast hands the request to the broker, for everybody.
func (c *Client) broadcast(ctx context.Context, call Call, msg connector.Message) delivery {
	to := connector.Target{Kind: connector.Broadcast, Collective: call.Collective, Agent: call.Agent}
	if err := c.conn.Publish(ctx, to, msg); err != nil {
		return delivery{err: fmt.Errorf("publish the request to agent %s: %w", call.Agent, err)}
	}
	return delivery{}
}

// publishAll hands the request to the broker once for each target.
func (c *Client) publishAll(ctx context.Context, call Call, msg connector.Message) delivery {
	// Thousands of messages take a while to leave, and nobody can answer before.
	d := c.publishEach(ctx, call, msg)
	if d.err == nil {
		c.flush(ctx)
	}
	return d
}

func (c *Client) flush(ctx context.Context) {
	if err := c.conn.Flush(ctx); err != nil && !errors.Is(err, context.Canceled) {
		c.opts.Log.Warn("the broker did not confirm the request in time", "timeout", c.opts.PublishTimeout, "error", err)
	}
}

// unheard returns an error if the broker refused the subscription to replies: then
// that there are none says nothing of the nodes.
func unheard(replies connector.Subscription) error {
	if err := replies.Err(); err != nil {
		return fmt.Errorf("no reply can arrive, whatever the nodes did: %w", err)
	}
	return nil
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
