package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"mcollective/bench/child"
	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/swarm"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security/psk"
	"mcollective/value"
)

// oneNode measures a node by itself.
func (s *settings) oneNode(ctx context.Context, address string, size sizes) error {
	fmt.Println("\none node")
	rawCPU, err := s.steady(ctx, address, "raw", strconv.Itoa(size.reply))
	if err != nil {
		return err
	}
	ourCPU, err := s.steady(ctx, address, "swarm")
	if err != nil {
		return err
	}
	fmt.Printf("  CPU per ping, many at a time: %s, of which a bare connection takes %s\n", micros(ourCPU), micros(rawCPU))
	for _, agent := range []string{"discovery", "rpcutil"} {
		if err := s.burstOf(ctx, address, agent); err != nil {
			return err
		}
	}
	return nil
}

// steady keeps a node busy with pings and returns the processor time for one.
func (s *settings) steady(ctx context.Context, address, kind string, args ...string) (time.Duration, error) {
	node, err := child.Start(ctx, append([]string{kind, address, "1"}, args...)...)
	if err != nil {
		return 0, err
	}
	defer node.Stop()
	c, err := newAsker(ctx, address)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	subject := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	if kind == "raw" {
		subject.Collective = "raw"
	}
	const total, atOnce = 20_000, 50
	if err := c.flood(ctx, subject, "ping", 1000, atOnce); err != nil {
		return 0, err
	}
	before, err := node.Usage()
	if err != nil {
		return 0, err
	}
	if err := c.flood(ctx, subject, "ping", total, atOnce); err != nil {
		return 0, err
	}
	after, err := node.Usage()
	return (after.CPU - before.CPU) / total, err
}

// burstOf sends many requests to one node as fast as they go out.
func (s *settings) burstOf(ctx context.Context, address, agent string) error {
	node, err := child.Start(ctx, "swarm", address, "1")
	if err != nil {
		return err
	}
	defer node.Stop()
	c, err := newAsker(ctx, address)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	var body any = "ping"
	if agent == "rpcutil" {
		body = value.NewMap(value.Symbol("agent"), agent, value.Symbol("action"), "ping", value.Symbol("caller"), "uid=0",
			value.Symbol("data"), value.NewMap())
	}
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: swarm.Describe(child.Seed, 0).Identity}
	c.agent = agent
	before, err := node.Usage()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := c.flood(ctx, to, body, s.burst, s.burst); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := node.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("  burst of %d to agent %s: %d answered, %d busy, %d lost in %v (%.0f/s); memory %s before, %s after, %s at most\n",
		s.burst, agent, c.answered, c.busy, s.burst-c.answered-c.busy, took.Round(time.Millisecond), float64(s.burst)/took.Seconds(),
		kib(before.Resident), kib(after.Resident), kib(after.Peak))
	return nil
}

// An asker sends requests without waiting for the answers of each.
type asker struct {
	conn  *nats.Conn
	sec   *psk.Provider
	agent string
	sub   connector.Subscription

	mu             sync.Mutex
	answered, busy int
	came           chan struct{}
}

func newAsker(ctx context.Context, address string) (*asker, error) {
	conn, err := nats.Connect(ctx, nats.Options{Servers: []string{address}, Identity: "client.example.net"})
	if err != nil {
		return nil, err
	}
	a := &asker{conn: conn, agent: "discovery", came: make(chan struct{}, 1<<20)}
	if a.sec, err = psk.New(psk.Options{Secret: child.Secret, Identity: "client.example.net"}); err != nil {
		return nil, err
	}
	a.sub, err = conn.Subscribe(ctx, connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"}, a.receive)
	return a, err
}

func (a *asker) receive(d connector.Delivery) {
	busy := false
	// Whose answer it is does not matter here: only whether the node was busy.
	if r, err := wire.Marshal.DecodeReply(d.Data); err == nil {
		busy = r.Header.Reason == message.Busy
	}
	a.mu.Lock()
	if busy {
		a.busy++
	} else {
		a.answered++
	}
	a.mu.Unlock()
	a.came <- struct{}{}
}

// flood sends n requests, at most so many of them ahead of their answers. What
// has not come after some silence counts as lost.
func (a *asker) flood(ctx context.Context, to connector.Target, body any, n, atOnce int) error {
	payloads := make([][]byte, n)
	for i := range payloads {
		r := request()
		r.Agent, r.Body = a.agent, body
		p, err := a.sec.EncodeRequest(ctx, r)
		if err != nil {
			return err
		}
		payloads[i] = p.Data
	}
	a.answered, a.busy = 0, 0
	silence := time.NewTimer(5 * time.Second)
	defer silence.Stop()
	wait := func() bool {
		silence.Reset(5 * time.Second)
		select {
		case <-a.came:
			return true
		case <-silence.C:
			return false
		}
	}
	received := 0
	for i, data := range payloads {
		if i-received >= atOnce && wait() {
			received++
		}
		if err := a.conn.Publish(ctx, to, connector.Message{Data: data, ReplyTo: a.sub.Address()}); err != nil {
			return err
		}
	}
	for received < n && wait() {
		received++
	}
	return nil
}
