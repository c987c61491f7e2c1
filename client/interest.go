package client

import (
	"context"
	"errors"
	"sync"

	"mcollective/connector"
)

// An interested connector knows who listens. That is asked of it where it saves
// waiting for those who do not.
type interested interface {
	// Interest returns the names of the connections that listen to a broadcast
	// target now, one for each subscription, in no order. An error means that
	// nobody can tell, or not all.
	Interest(ctx context.Context, to connector.Target) ([]string, error)
}

// everywhere is an agent that each node has.
const everywhere = "discovery"

// A hearing is what the broker says of who listens. Without an error its names are
// all.
type hearing struct {
	names []string
	err   error
}

var (
	errUninterested = errors.New("this broker does not tell who listens")
	errReconnected  = errors.New("the connection was lost since the request was sent")
)

// connections is how often the connection was made anew. Asked for before a request
// is published, it goes with each question who listens to that.
func (c *Client) connections() uint64 { return c.conn.Status().Reconnects }

// ask has the broker tell who listens to an agent, which it does once; background
// counts the asking, which the end of ctx ends. What a broker says to a connection
// younger than the request is worth nothing: it may have begun after it, with no
// node back yet.
func (c *Client) ask(ctx context.Context, since uint64, collective, agent string, background *sync.WaitGroup) <-chan hearing {
	answer := make(chan hearing, 1)
	conn, ok := c.conn.(interested)
	if !ok {
		answer <- hearing{err: errUninterested}
		return answer
	}
	background.Go(func() {
		names, err := conn.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: collective, Agent: agent})
		if s := c.conn.Status(); err == nil && (!s.Connected || s.Reconnects != since) {
			err = errReconnected
		}
		answer <- hearing{names, err}
	})
	return answer
}

// A verifier has the broker confirm, by who listens, what came as its word that
// nobody does: that comes to the address for replies, where others may write, too.
// It belongs to the goroutine of its call.
type verifier struct {
	ask    func() <-chan hearing // who listens to the agent that is everywhere
	heard  map[connector.Target]bool
	queue  []connector.Target // that are still to be asked about
	asked  []connector.Target
	answer <-chan hearing // to the question about asked; nil if there is none
}

// verifier returns one for a request that is published on a connection of this
// age. The end of ctx ends its questions, which background counts.
func (c *Client) verifier(ctx context.Context, since uint64, collective string, background *sync.WaitGroup) *verifier {
	return &verifier{heard: make(map[connector.Target]bool), ask: func() <-chan hearing {
		asking, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
		var question sync.WaitGroup
		answer := c.ask(asking, since, collective, everywhere, &question)
		background.Go(func() { question.Wait(); cancel() })
		return answer
	}}
}

// doubt takes the word that nobody listens to a target. Of each it is heard once,
// and many that come together cost one question.
func (v *verifier) doubt(to connector.Target) {
	if !v.heard[to] {
		v.heard[to] = true
		v.queue = append(v.queue, to)
	}
}

// next asks about those that are waiting for it, unless a question is under way.
func (v *verifier) next() {
	if v.answer == nil && len(v.queue) > 0 {
		v.asked, v.queue = v.queue, nil
		v.answer = v.ask()
	}
}

// judge returns those that are gone, by the answer to the last question. If the
// broker cannot tell they are not sure, and the word stands, but not for a
// broadcast: there one word would silence all.
func (v *verifier) judge(h hearing) (gone []connector.Target, sure bool) {
	asked := v.asked
	v.asked, v.answer = nil, nil
	listens := make(map[string]bool, len(h.names))
	for _, name := range h.names {
		listens[name] = true
	}
	for _, to := range asked {
		if to.Kind == connector.Directed && !listens[to.Identity] || to.Kind == connector.Broadcast && h.err == nil && len(h.names) == 0 {
			gone = append(gone, to)
		}
	}
	return gone, h.err == nil
}

// doubted tells whether it was said of a node, by whomever, that it is not there.
func (v *verifier) doubted(collective, name string) bool {
	return v.heard[connector.Target{Kind: connector.Directed, Collective: collective, Identity: name}]
}
