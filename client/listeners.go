package client

import (
	"context"
	"errors"
	"sync"

	"mcollective/connector"
)

// A listenerLister is a connector that knows who listens. That is asked of it where
// it saves waiting for those who do not.
type listenerLister interface {
	// Interest returns the names of the connections that listen to a broadcast
	// target now, one for each subscription, in no order. An error means that
	// nobody can tell, or not all.
	Interest(ctx context.Context, to connector.Target) ([]string, error)
}

// A watcher is a subscription to replies whose broker can tell that nobody
// listens to what a request with its address was sent to.
type watcher interface {
	// Watch has tell called for each such request from now on, until the
	// subscription is closed, and reports whether this broker can tell at all.
	Watch(tell func(to connector.Target)) bool
}

// discoveryAgent is an agent that each node has.
const discoveryAgent = "discovery"

// A listenerList is what the broker says of who listens. Without an error its names
// are all.
type listenerList struct {
	names []string
	err   error
}

var (
	errNoList      = errors.New("this broker does not tell who listens")
	errReconnected = errors.New("the connection was lost since the request was sent")
)

// connections returns how often the connection was made anew. Asked for before a request
// is published, it goes with each question who listens to that.
func (c *Client) connections() uint64 { return c.conn.Status().Reconnects }

// listListeners has the broker tell who listens to an agent, which it does once;
// background counts the asking, which the end of ctx ends. What a broker says to a
// connection younger than the request is worth nothing: it may have begun after it,
// with no node back yet.
func (c *Client) listListeners(ctx context.Context, since uint64, collective, agent string, background *sync.WaitGroup) <-chan listenerList {
	answer := make(chan listenerList, 1)
	conn, ok := c.conn.(listenerLister)
	if !ok {
		answer <- listenerList{err: errNoList}
		return answer
	}
	background.Go(func() {
		names, err := conn.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: collective, Agent: agent})
		if s := c.conn.Status(); err == nil && (!s.Connected || s.Reconnects != since) {
			err = errReconnected
		}
		answer <- listenerList{names, err}
	})
	return answer
}

// A verifier has the broker confirm, by who listens, what came as its word that
// nobody does: that comes to the address for replies, where others may write, too.
// It belongs to the goroutine of its call.
type verifier struct {
	list   func() <-chan listenerList // who listens to the agent that each node has
	known  map[connector.Target]bool
	queue  []connector.Target // that are still to be asked about
	asked  []connector.Target
	answer <-chan listenerList // to the question about asked; nil if there is none
}

// verifier returns one for a request that is published on a connection of this
// age. The end of ctx ends its questions, which background counts.
func (c *Client) verifier(ctx context.Context, since uint64, collective string, background *sync.WaitGroup) *verifier {
	return &verifier{known: make(map[connector.Target]bool), list: func() <-chan listenerList {
		asking, cancel := context.WithTimeout(ctx, c.opts.PublishTimeout)
		var question sync.WaitGroup
		answer := c.listListeners(asking, since, collective, discoveryAgent, &question)
		background.Go(func() { question.Wait(); cancel() })
		return answer
	}}
}

// doubt takes the word that nobody listens to a target. Of each it is taken once,
// and many that come together cost one question.
func (v *verifier) doubt(to connector.Target) {
	if !v.known[to] {
		v.known[to] = true
		v.queue = append(v.queue, to)
	}
}

// next asks about those that are waiting for it, unless a question is under way.
func (v *verifier) next() {
	if v.answer == nil && len(v.queue) > 0 {
		v.asked, v.queue = v.queue, nil
		v.answer = v.list()
	}
}

// judge returns those that are gone, by the answer to the last question. If the
// broker cannot tell they are not sure, and the word stands, but not for a
// broadcast: there one word would silence all.
func (v *verifier) judge(list listenerList) (gone []connector.Target, sure bool) {
	asked := v.asked
	v.asked, v.answer = nil, nil
	listens := make(map[string]bool, len(list.names))
	for _, name := range list.names {
		listens[name] = true
	}
	for _, to := range asked {
		if to.Kind == connector.Directed && !listens[to.Identity] || to.Kind == connector.Broadcast && list.err == nil && len(list.names) == 0 {
			gone = append(gone, to)
		}
	}
	return gone, list.err == nil
}

// doubted reports whether it was said of a node, by whomever, that it is not there.
func (v *verifier) doubted(collective, name string) bool {
	return v.known[connector.Target{Kind: connector.Directed, Collective: collective, Identity: name}]
}
