package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/message"
	"mcollective/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openSecurity writes messages as plain JSON and trusts everybody.
type openSecurity struct{}

func (openSecurity) CallerID() string { return "uid=1" }

func (openSecurity) EncodeRequest(_ context.Context, r *message.Request) (security.Payload, error) {
	if r.Body == nil {
		return security.Payload{}, fmt.Errorf("no body")
	}
	if r.ReplyTo != "here" {
		return security.Payload{}, fmt.Errorf("the request says that its replies go to %q", r.ReplyTo)
	}
	data, err := json.Marshal(r)
	return security.Payload{Data: data}, err
}

func (openSecurity) DecodeReply(_ context.Context, req *message.Request, p security.Payload) (*message.Reply, error) {
	var r message.Reply
	// What follows the first value is padding.
	if err := json.NewDecoder(bytes.NewReader(p.Data)).Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: %w", security.ErrMalformed, err)
	}
	if r.RequestID != req.ID {
		return nil, fmt.Errorf("%w: %s", security.ErrOtherRequest, r.RequestID)
	}
	return &r, nil
}

// A fakeBroker runs a script for each message that is published, on a goroutine of
// its own, and delivers what the script answers.
type fakeBroker struct {
	refused error // what becomes of subscriptions
	script  func(to connector.Target, req *message.Request, answer func(*message.Reply))

	publishErr func(to connector.Target) error // nil means that all goes well
	flush      func(ctx context.Context) error

	mu        sync.Mutex
	receive   func(connector.Delivery)
	events    []string
	published []connector.Target
	requests  []*message.Request
	running   sync.WaitGroup
	order     sync.Mutex
}

func (b *fakeBroker) Subscribe(_ context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, "subscribe "+from.Kind.String()+" "+from.Agent)
	b.receive = receive
	return fakeSubscription{b}, nil
}

func (b *fakeBroker) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	if b.publishErr != nil {
		if err := b.publishErr(to); err != nil {
			return err
		}
	}
	var req message.Request
	if err := json.Unmarshal(m.Data, &req); err != nil {
		return err
	}
	b.mu.Lock()
	b.events = append(b.events, "publish "+to.Kind.String()+" "+to.Agent+to.Identity)
	b.published = append(b.published, to)
	b.requests = append(b.requests, &req)
	b.mu.Unlock()
	if m.ReplyTo != "here" {
		return fmt.Errorf("reply-to is %q", m.ReplyTo)
	}
	b.running.Go(func() { b.script(to, &req, b.deliver) })
	return nil
}

func (b *fakeBroker) deliver(r *message.Reply) {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	b.deliverRaw(data)
}

// deliverPadded is deliver for a reply that takes size bytes.
func (b *fakeBroker) deliverPadded(r *message.Reply, size int) {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	b.deliverRaw(append(data, make([]byte, size)...))
}

func (b *fakeBroker) deliverRaw(data []byte) {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	receive := b.receive
	b.mu.Unlock()
	if receive != nil {
		receive(connector.Delivery{Message: connector.Message{Data: data}})
	}
}

func (b *fakeBroker) Flush(ctx context.Context) error {
	if b.flush != nil {
		return b.flush(ctx)
	}
	return nil
}
func (b *fakeBroker) Status() connector.Status { return connector.Status{Connected: true} }
func (b *fakeBroker) Close() error             { return nil }

type fakeSubscription struct{ b *fakeBroker }

func (s fakeSubscription) Address() string { return "here" }
func (s fakeSubscription) Err() error      { return s.b.refused }

func (s fakeSubscription) Close() error {
	s.b.mu.Lock()
	s.b.receive = nil
	s.b.events = append(s.b.events, "unsubscribe")
	s.b.mu.Unlock()
	// As the contract says: receive is not called after Close returned.
	s.b.order.Lock()
	defer s.b.order.Unlock()
	return nil
}

func pong(req *message.Request, sender string) *message.Reply {
	return &message.Reply{RequestID: req.ID, Sender: sender, Agent: req.Agent, Time: time.Now().Truncate(time.Second), Body: "pong"}
}
