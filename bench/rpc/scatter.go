package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"mcollective/bench/child"
	"mcollective/client"
	ours "mcollective/connector/nats"
	"mcollective/filter"
	"mcollective/internal/swarm"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security/psk"
)

// everybody is a filter that each node has to look into and that all match.
var everybody = filter.Filter{Facts: []filter.Fact{{Name: "hardwaremodel", Operator: "==", Value: "x86_64"}}}

// sizes are the lengths of a request for rpcutil ping and its reply on the wire.
func sizes() (request, reply int, err error) {
	p, err := psk.New(psk.Options{Secret: child.Secret, Identity: "client.example.net"})
	if err != nil {
		return 0, 0, err
	}
	f := everybody
	f.Agents = []filter.Pattern{{Text: "rpcutil"}}
	body := rpc.Request{Agent: "rpcutil", Action: "ping", Caller: p.CallerID()}
	r := &message.Request{ID: message.NewID(), Collective: "mcollective", Agent: "rpcutil", Filter: f, Time: time.Now(), TTL: time.Minute, Body: body.Body()}
	q, err := p.EncodeRequest(context.Background(), r)
	if err != nil {
		return 0, 0, err
	}
	answer := rpc.NewReply("pong")
	answer.Set("pong", time.Now().Unix())
	a, err := p.EncodeReply(context.Background(), r, &message.Reply{Sender: "web0001.ams.example.net", Body: answer.Body()})
	return len(q.Data), len(a.Data), err
}

// A raw client publishes bytes and counts what comes back.
type raw struct {
	nc      *nats.Conn
	n       int
	request []byte
}

func newRaw(address string, n, request int) (*raw, error) {
	nc, err := nats.Connect(address)
	return &raw{nc: nc, n: n, request: make([]byte, request)}, err
}

func (r *raw) ask(direct bool) error {
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
	subjects := []string{child.RawSubject}
	if direct {
		subjects = nil
		for i := range r.n {
			subjects = append(subjects, child.RawSubject+"."+strconv.Itoa(i))
		}
	}
	for _, s := range subjects {
		if err := r.nc.PublishRequest(s, sub.Subject, r.request); err != nil {
			return err
		}
	}
	select {
	case <-all:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("not all of %d answered", r.n)
	}
}

// An our client calls rpcutil.
type our struct {
	conn   *ours.Conn
	client *client.Client
	run    client.Run
}

func newOurs(ctx context.Context, address string, n int) (*our, error) {
	conn, err := ours.Connect(ctx, ours.Options{Servers: []string{address}, Identity: "client.example.net"})
	if err != nil {
		return nil, err
	}
	p, err := psk.New(psk.Options{Secret: child.Secret, Identity: "client.example.net"})
	if err != nil {
		return nil, err
	}
	o := &our{conn: conn, client: client.New(conn, p, client.Options{Identity: "client.example.net", PublishTimeout: patience}),
		run: client.Run{Agent: "rpcutil", Action: "ping", Filter: everybody, Timeout: patience}}
	for i := range n {
		o.run.Nodes = append(o.run.Nodes, swarm.Describe(child.Seed, i).Identity)
	}
	return o, nil
}

func (o *our) ask(ctx context.Context, direct bool) error {
	r := o.run
	r.Direct = direct
	return o.call(ctx, r, func(client.Answer) {})
}

func (o *our) call(ctx context.Context, r client.Run, each func(client.Answer)) error {
	a, err := o.client.Run(ctx, r, each)
	if err == nil && a.Count[client.OK] != len(r.Nodes) {
		err = fmt.Errorf("%v of %d nodes", a.Count, len(r.Nodes))
	}
	return err
}

// memory prints how much memory of the client is alive at moments of one large
// call. Each look stops the world, so that this call is not timed.
func (o *our) memory(ctx context.Context) error {
	r := o.run
	r.Action = "inventory"
	n, answers := len(r.Nodes), 0
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	before := live()
	var at []float64
	if err := o.call(ctx, r, func(client.Answer) {
		if answers++; answers%(n/10) == 0 {
			at = append(at, live())
		}
	}); err != nil {
		return err
	}
	fmt.Printf("%7d inventories: MiB alive in the client before %.1f, after each tenth of the answers %.1f, at the end %.1f; resident at most %d MiB\n",
		n, before, at, live(), child.Peak()>>20)
	return nil
}
