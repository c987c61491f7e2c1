package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"mcollective/bench/child"
	"mcollective/client"
	ours "mcollective/connector/nats"
	"mcollective/filter"
	"mcollective/internal/swarm"
	"mcollective/message"
	"mcollective/security/psk"
)

// everybody is a filter that each node has to look into and that all match.
var everybody = filter.Filter{Facts: []filter.Fact{{Name: "hardwaremodel", Operator: "==", Value: "x86_64"}}}

// request is an mco ping.
func request() *message.Request {
	return &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Sender: "client.example.net",
		Filter: everybody, Time: time.Now(), TTL: time.Minute, Body: "ping",
	}
}

const patience = 30 * time.Second

type rawScatter struct {
	nc      *nats.Conn
	request []byte
	n       int
}

func newRaw(address string, size sizes, n int) (scatter, error) {
	nc, err := nats.Connect(address)
	if err != nil {
		return nil, err
	}
	return &rawScatter{nc: nc, request: make([]byte, size.request), n: n}, nil
}

func (r *rawScatter) ask(context.Context) error {
	all := make(chan struct{})
	got := 0
	sub, err := r.nc.Subscribe(nats.NewInbox(), func(*nats.Msg) {
		if got++; got == r.n {
			close(all)
		}
	})
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := r.nc.PublishRequest(child.RawSubject, sub.Subject, r.request); err != nil {
		return err
	}
	select {
	case <-all:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("not all of %d answered", r.n)
	}
}

func (r *rawScatter) close() { r.nc.Close() }

type ourScatter struct {
	conn   *ours.Conn
	client *client.Client
	names  []string
}

func newOurs(ctx context.Context, address string, n int) (scatter, error) {
	conn, err := ours.Connect(ctx, ours.Options{Servers: []string{address}, Identity: "client.example.net"})
	if err != nil {
		return nil, err
	}
	p, err := psk.New(psk.Options{Secret: child.Secret, Identity: "client.example.net"})
	if err != nil {
		return nil, err
	}
	o := &ourScatter{conn: conn, client: client.New(conn, p, client.Options{Identity: "client.example.net"})}
	for i := range n {
		o.names = append(o.names, swarm.Describe(child.Seed, i).Identity)
	}
	return o, nil
}

func (o *ourScatter) ask(ctx context.Context) error {
	result, err := o.client.Call(ctx, client.Call{
		Agent: "discovery", Body: "ping", Filter: everybody, Timeout: patience, Nodes: o.names,
	}, func(client.Answer) {})
	if err != nil {
		return err
	}
	if result.Count[client.OK] != len(o.names) {
		return fmt.Errorf("%d of %d answered", result.Count[client.OK], len(o.names))
	}
	return nil
}

func (o *ourScatter) close() { o.conn.Close() }
