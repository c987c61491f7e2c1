package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
	"mcollective/connector/nats/interest"
	"mcollective/connector/nats/subject"
)

// Interest returns the names of the connections that listen to a broadcast
// target, one for each subscription. The broker looks after it has delivered what
// was published before, so that anyone who received that is among them, or gone; unless
// the connection was made anew in between, which Status().Reconnects tells.
//
// Only a broker of this project that stands alone is asked: it says so in its INFO,
// and lets nobody else answer. Any other gives an error at once.
func (c *Conn) Interest(ctx context.Context, to connector.Target) ([]string, error) {
	names, err := c.interest(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("nats: interest: %w", err)
	}
	return names, nil
}

func (c *Conn) interest(ctx context.Context, to connector.Target) ([]string, error) {
	subj, err := subjectOf(to)
	if err != nil {
		return nil, err
	}
	if to.Kind != connector.Broadcast {
		return nil, fmt.Errorf("of a %s target nobody can tell", to.Kind)
	}
	silent := fmt.Errorf("the broker did not tell within %v who listens: %w", c.interestPatience, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, c.interestPatience, silent)
	defer cancel()
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	change := c.nextChange() // before the question, so that no change goes unseen
	if !c.Connected() {
		return nil, errNoConnection
	}
	if !interest.Offered(c.nc.ConnectedServerName()) {
		return nil, errors.New("this broker does not tell who listens")
	}
	// An answer to a question of an old connection does not come over a new one.
	watching := make(chan struct{})
	defer func() { lost(nil); <-watching }()
	go func() {
		defer close(watching)
		select {
		case <-change:
			lost(errNewConnection)
		case <-ctx.Done():
		}
	}()
	names, err := c.askInterest(ctx, subj)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return c.sameConnection(names, err)
}

// interestPatience bounds how long a broker may take to tell who listens. Most that
// cannot tell do not answer at all.
const interestPatience = 10 * time.Second

var (
	errNoConnection  = errors.New("there is no connection to the broker")
	errNewConnection = errors.New("the connection is a new one")
)

// askInterest asks who listens to a subject and reads all parts of the answer.
func (c *Conn) askInterest(ctx context.Context, subj string) ([]string, error) {
	address := interest.NewReply()
	sub, err := c.nc.SubscribeSync(address)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := c.nc.PublishRequest(interest.Subject, address, []byte(subj)); err != nil {
		return nil, err
	}
	answer := interest.Names{Subject: subj}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		if more, err := answer.Add(m.Data); err != nil || !more {
			return answer.All, err
		}
	}
}

// sameConnection passes on what was heard, unless that was over a connection that
// Status does not count yet: who compares its count with an older one could not
// tell.
func (c *Conn) sameConnection(names []string, err error) ([]string, error) {
	if err == nil && (!interest.Offered(c.nc.ConnectedServerName()) || !c.Connected() || c.nc.Stats().Reconnects != c.made.Load()) {
		return nil, errNewConnection
	}
	return names, err
}

// Watch has tell called for each request with this reply address that nobody
// listens to, and reports whether this broker can tell: those older than 2.12 do
// not say which request it was.
func (s *subscription) Watch(tell func(to connector.Target)) bool {
	s.watcher.Store(&tell)
	return names503(s.conn.nc.ConnectedServerVersion())
}

func names503(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && (a > 2 || a == 2 && b >= 12)
}

// nobody tells the watcher of a message that says that nobody listens.
func (s *subscription) nobody(h gonats.Header) {
	tell := s.watcher.Load()
	if tell == nil {
		return
	}
	var to connector.Target
	asked := h.Get("Nats-Subject")
	if collective, name, ok := subject.ParseNode(asked); ok {
		to = connector.Target{Kind: connector.Directed, Collective: collective, Identity: name}
	} else if collective, name, ok := subject.ParseBroadcast(asked); ok {
		to = connector.Target{Kind: connector.Broadcast, Collective: collective, Agent: name}
	}
	if to.Kind == 0 || to.Collective != s.target.Collective {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		(*tell)(to)
	}
}
