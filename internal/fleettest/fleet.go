// Package fleettest is a collective inside one test: a broker in memory or a real one, scripted, simulated or whole nodes, and clients.
//
//	f := fleettest.New(t, fleettest.Options{})
//	f.Node("web1", fleettest.Pong)
//	account, err := f.Client("me").Call(...)
//
// What it starts ends with the test. In a bubble of testing/synctest the fleet in
// memory takes virtual time only.
package fleettest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"mcollective/broker"
	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/connector/nats"
	"mcollective/internal/swarm"
	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
	"mcollective/security/psk"
)

// Secret is the secret that the members of every fleet share.
const Secret = "a secret of tests alone"

// Options say how a fleet is. The zero value is one in memory whose broker tells who
// listens.
type Options struct {
	Broker      bool     // a real one, on a port of 127.0.0.1
	Blind       bool     // the broker in memory cannot tell who listens
	Collectives []string // of all nodes; default mcollective
	Agents      []string // of scripted nodes, besides discovery
}

// A Fleet is a broker with whom a test lets connect to it.
type Fleet struct {
	Broker   *broker.Broker // nil in memory
	Security *psk.Provider

	t    testing.TB
	opts Options
	hub  *inmem.Hub // nil with a Broker

	start    time.Time
	mu       sync.Mutex
	received []Received
}

// New starts the broker of a fleet.
func New(t testing.TB, o Options) *Fleet {
	t.Helper()
	if len(o.Collectives) == 0 {
		o.Collectives = []string{"mcollective"}
	}
	p, err := psk.New(psk.Options{Secret: Secret, Identity: "client.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	f := &Fleet{t: t, opts: o, Security: p, start: time.Now()}
	if o.Broker {
		f.Broker = StartBroker(t, "127.0.0.1:0")
	} else {
		f.hub = inmem.NewHub(inmem.Options{Blind: o.Blind})
	}
	return f
}

// StartBroker starts a broker that ends with the test.
func StartBroker(t testing.TB, listen string) *broker.Broker {
	t.Helper()
	b, err := broker.New(broker.Options{Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

// Connect opens a connection, which the caller closes.
func (f *Fleet) Connect(ctx context.Context, identity string) (connector.Connector, error) {
	if f.hub != nil {
		return f.hub.Connect(ctx, identity)
	}
	c, err := nats.Connect(ctx, nats.Options{Servers: []string{f.Broker.Addr()}, Identity: identity})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// connect is Connect for a connection that ends with the test.
func (f *Fleet) connect(identity string) connector.Connector {
	f.t.Helper()
	conn, err := f.Connect(f.t.Context(), identity)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	return conn
}

// Client returns a client with a connection of its own.
func (f *Fleet) Client(identity string) *client.Client {
	f.t.Helper()
	return client.New(f.connect(identity), f.Security, client.Options{Identity: identity})
}

// Simulate starts simulated nodes. Their connection, security provider and collectives
// are the fleet's unless o has others.
func (f *Fleet) Simulate(o swarm.Options) *swarm.Swarm {
	f.t.Helper()
	if o.Connect == nil {
		o.Connect = f.Connect
	}
	if o.Security == nil {
		o.Security = f.Security
	}
	if len(o.Collectives) == 0 {
		o.Collectives = f.opts.Collectives
	}
	s, err := swarm.Start(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			f.t.Error(err)
		}
	})
	return s
}

// A Behaviour answers one request; each call of answer is one reply. It runs on a
// goroutine of its own.
type Behaviour func(req *message.Request, answer func(body any))

// Pong answers what is asked of discovery, and nothing else.
func Pong(req *message.Request, answer func(any)) {
	if req.Agent == "discovery" {
		answer("pong")
	}
}

// Silent answers nothing.
func Silent(*message.Request, func(any)) {}

// After answers with a status once so much time has passed.
func After(d time.Duration, status rpc.Status) Behaviour {
	return func(_ *message.Request, answer func(any)) {
		time.Sleep(d)
		answer((&rpc.Reply{Status: status, Message: "said"}).Body())
	}
}

// Actions answers what is asked of discovery, and actions with the reply under their
// name, or else with that under "". Where there is none it answers nothing.
func Actions(replies map[string]*rpc.Reply) Behaviour {
	return func(req *message.Request, answer func(any)) {
		if Pong(req, answer); req.Agent == "discovery" {
			return
		}
		call, err := rpc.Parse(req.Body)
		if err != nil {
			return
		}
		reply, there := replies[call.Action]
		if !there {
			reply = replies[""]
		}
		if reply != nil {
			answer(reply.Body())
		}
	}
}

// As is the body of a reply that is sent in the name of another node, or with a reason.
type As struct {
	Sender string // default the node's
	Body   any
	Reason message.Reason
}

// A Received is one request as a scripted node received it.
type Received struct {
	Node    string
	At      time.Duration // since the fleet began
	Target  connector.Target
	Request *message.Request
}

// Received returns what the scripted nodes have received so far.
func (f *Fleet) Received() []Received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.received)
}

// Node connects a scripted node, and returns when it can be reached. It listens for
// discovery, for the agents of the options and for its name, in every collective, and
// hands on each request but those whose filter names other nodes.
func (f *Fleet) Node(name string, does Behaviour) {
	f.t.Helper()
	conn, err := f.Connect(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	var running sync.WaitGroup
	f.t.Cleanup(func() { conn.Close(); running.Wait() })
	var targets []connector.Target
	for _, c := range f.opts.Collectives {
		targets = append(targets, connector.Target{Kind: connector.Directed, Collective: c, Identity: name})
		for _, agent := range append([]string{"discovery"}, f.opts.Agents...) {
			targets = append(targets, connector.Target{Kind: connector.Broadcast, Collective: c, Agent: agent})
		}
	}
	for _, to := range targets {
		if _, err := conn.Subscribe(f.t.Context(), to, func(d connector.Delivery) {
			req, err := f.Security.DecodeRequest(f.t.Context(), security.Payload{Data: d.Data, Headers: d.Headers}, message.Origin{Collective: d.Target.Collective})
			if err != nil {
				f.t.Errorf("%s received what is no request: %v", name, err)
				return
			}
			f.mu.Lock()
			f.received = append(f.received, Received{Node: name, At: time.Since(f.start), Target: d.Target, Request: req})
			f.mu.Unlock()
			named := len(req.Filter.Identities) == 0
			for _, p := range req.Filter.Identities {
				named = named || p.Text == name
			}
			if named {
				running.Go(func() { does(req, func(body any) { f.reply(conn, name, d.ReplyTo, req, body) }) })
			}
		}); err != nil {
			f.t.Fatal(err)
		}
	}
	// Other connections reach it only once the broker has all of that.
	if err := conn.Flush(waittest.Within(f.t, waittest.Patience)); err != nil {
		f.t.Fatal(err)
	}
}

// reply sends a reply of a node, if anybody awaits it.
func (f *Fleet) reply(conn connector.Connector, name, address string, req *message.Request, body any) {
	var reason message.Reason
	if other, ok := body.(As); ok {
		name, body, reason = cmp.Or(other.Sender, name), other.Body, other.Reason
	}
	p, err := f.Security.EncodeReply(context.Background(), req, &message.Reply{RequestID: req.ID, Sender: name, Agent: req.Agent, Time: time.Now(), Body: body, Reason: reason})
	if err != nil {
		f.t.Errorf("%s cannot reply: %v", name, err)
		return
	}
	if address != "" { // a connection that the test has closed is no failure
		_ = conn.Publish(context.Background(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{Data: p.Data, Headers: p.Headers})
	}
}
