package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
)

// interestSubject is where a broker of this project tells who listens to a
// broadcast. The request is the subject in question, the answer one or more
// listeners in JSON. docs/wire.md describes it.
const interestSubject = "_MCO.interest"

// The listeners to a subject are one part of an answer.
type listeners struct {
	Names   []string `json:"names,omitempty"`   // of connections, one for each subscription
	Unnamed int      `json:"unnamed,omitempty"` // subscriptions of connections that have no name of a node
	More    bool     `json:"more,omitempty"`    // another part follows
	Error   string   `json:"error,omitempty"`   // why the broker cannot tell
}

// maxInterest bounds how many names are taken from a broker.
const maxInterest = 1 << 18

// Interest returns the names of the connections that listen to a broadcast
// target, one for each subscription. The broker looks after it has delivered what
// was published before, so that whoever received that is among them, or gone; unless
// the connection was made anew in between, which Status().Reconnects tells. Only
// the brokers of this project know, and of those only one that stands alone: any
// other gives an error, mostly at once.
func (c *Conn) Interest(ctx context.Context, to connector.Target) ([]string, error) {
	names, err := c.interest(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("nats: interest: %w", err)
	}
	return names, nil
}

func (c *Conn) interest(ctx context.Context, to connector.Target) ([]string, error) {
	subj, err := subject(to)
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
func (c *Conn) askInterest(ctx context.Context, subj string) (names []string, err error) {
	inbox := c.nc.NewInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := c.nc.PublishRequest(interestSubject, inbox, []byte(subj)); err != nil {
		return nil, err
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		more := false
		if names, more, err = addListeners(names, m.Data); err != nil || !more {
			return names, err
		}
	}
}

// sameConnection passes on what was heard, unless that was over a connection that
// Status does not count yet: who compares its count with an older one could not
// tell.
func (c *Conn) sameConnection(names []string, err error) ([]string, error) {
	if err == nil && (!c.Connected() || c.nc.Stats().Reconnects != c.made.Load()) {
		return nil, errNewConnection
	}
	return names, err
}

// addListeners adds the names in one part of an answer.
func addListeners(names []string, data []byte) (all []string, more bool, err error) {
	var r listeners
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, false, fmt.Errorf("what the broker says makes no sense: %w", err)
	}
	switch names = append(names, r.Names...); {
	case r.Error != "":
		return nil, false, fmt.Errorf("the broker cannot tell: %.200q", r.Error)
	case r.Unnamed != 0:
		return nil, false, errors.New("somebody listens who has no name")
	case len(names) > maxInterest:
		return nil, false, fmt.Errorf("the broker names more than %d", maxInterest)
	case r.More && len(r.Names) == 0:
		return nil, false, errors.New("the broker sends parts without names")
	}
	return names, r.More, nil
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
	to := connector.Target{Collective: s.target.Collective}
	rest, ok := strings.CutPrefix(h.Get("Nats-Subject"), to.Collective+".")
	if !ok {
		return
	}
	if name, ok := strings.CutPrefix(rest, "node."); ok {
		to.Kind, to.Identity = connector.Directed, name
	} else if name, ok := strings.CutPrefix(rest, "broadcast.agent."); ok {
		to.Kind, to.Agent = connector.Broadcast, name
	} else {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		(*tell)(to)
	}
}
