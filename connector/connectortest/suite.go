package connectortest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mcollective/connector"
)

// serial tells the names of one case from those of another on a shared broker.
var serial atomic.Int64

// suite is one case at work.
type suite struct {
	*testing.T
	h   Harness
	ctx context.Context
	id  int64
}

func newSuite(t *testing.T, h Harness) *suite {
	t.Helper()
	if h.Connect == nil {
		t.Fatal("connectortest: Harness.Connect is nil")
	}
	if h.Collectives == [2]string{} {
		h.Collectives = [2]string{"mcollective", "france"}
	}
	if h.Patience == 0 {
		h.Patience = 20 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*h.Patience)
	t.Cleanup(cancel)
	return &suite{T: t, h: h, ctx: ctx, id: serial.Add(1)}
}

// identity spells a host name that no other case uses.
func (s *suite) identity(name string) string {
	return fmt.Sprintf("%s.case%d.example.net", name, s.id)
}

// agent spells an agent that no other case uses.
func (s *suite) agent(name string) string { return fmt.Sprintf("%s%d", name, s.id) }

func (s *suite) toAgent(name string) connector.Target {
	return connector.Target{Kind: connector.Broadcast, Collective: s.h.Collectives[0], Agent: s.agent(name)}
}

func (s *suite) toNode(name string) connector.Target {
	return connector.Target{Kind: connector.Directed, Collective: s.h.Collectives[0], Identity: s.identity(name)}
}

func (s *suite) forReplies(agent string) connector.Target {
	return connector.Target{Kind: connector.Reply, Collective: s.h.Collectives[0], Agent: s.agent(agent)}
}

// connect opens a connection that the case's end closes.
func (s *suite) connect(name string) connector.Connector {
	s.Helper()
	c, err := s.h.Connect(s.ctx, s.identity(name))
	if err != nil {
		s.Fatalf("connect %s: %v", name, err)
	}
	s.Cleanup(func() { c.Close() })
	return c
}

// subscribe listens and makes sure that the broker knows.
func (s *suite) subscribe(c connector.Connector, from connector.Target) *inbox {
	s.Helper()
	in := &inbox{arrived: make(chan struct{}, 1)}
	sub, err := c.Subscribe(s.ctx, from, in.receive)
	if err != nil {
		s.Fatalf("subscribe %+v: %v", from, err)
	}
	in.Subscription = sub
	s.flush(c)
	return in
}

func (s *suite) flush(c connector.Connector) {
	s.Helper()
	if err := c.Flush(s.ctx); err != nil {
		s.Fatalf("flush: %v", err)
	}
}

func (s *suite) publish(c connector.Connector, to connector.Target, text string) {
	s.Helper()
	s.send(c, to, connector.Message{Data: []byte(text)})
}

func (s *suite) send(c connector.Connector, to connector.Target, m connector.Message) {
	s.Helper()
	if err := c.Publish(s.ctx, to, m); err != nil {
		s.Fatalf("publish to %+v: %v", to, err)
	}
}

// want waits for the next messages in the inbox and compares their texts.
func (s *suite) want(in *inbox, texts ...string) []connector.Delivery {
	s.Helper()
	got := s.take(in, len(texts))
	for i, text := range texts {
		if string(got[i].Data) != text {
			s.Fatalf("message %d is %.60q, want %.60q", i, got[i].Data, text)
		}
	}
	return got
}

// take waits for the next n messages in the inbox.
func (s *suite) take(in *inbox, n int) []connector.Delivery {
	s.Helper()
	patience := time.NewTimer(s.h.Patience)
	defer patience.Stop()
	for {
		if got := in.take(n); got != nil {
			return got
		}
		select {
		case <-in.arrived:
		case <-patience.C:
			s.Fatalf("only %d of %d messages came within %v", in.len(), n, s.h.Patience)
		}
	}
}

// eventually waits until ok says yes.
func (s *suite) eventually(what string, ok func() bool) {
	s.Helper()
	deadline := time.Now().Add(s.h.Patience)
	for !ok() {
		if time.Now().After(deadline) {
			s.Fatalf("%s: not within %v", what, s.h.Patience)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// inbox keeps what a subscription received.
type inbox struct {
	connector.Subscription
	arrived chan struct{} // holds one token when something came since it was last read

	mu      sync.Mutex
	got     []connector.Delivery
	running atomic.Int32
	overlap atomic.Bool // two calls of receive ran at once
}

func (in *inbox) receive(d connector.Delivery) {
	if in.running.Add(1) != 1 {
		in.overlap.Store(true)
	}
	defer in.running.Add(-1)
	d.Data = bytes.Clone(d.Data)
	in.mu.Lock()
	in.got = append(in.got, d)
	in.mu.Unlock()
	select {
	case in.arrived <- struct{}{}:
	default:
	}
}

func (in *inbox) take(n int) []connector.Delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.got) < n {
		return nil
	}
	out := in.got[:n:n]
	in.got = in.got[n:]
	if out == nil {
		out = []connector.Delivery{}
	}
	return out
}

func (in *inbox) len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.got)
}
