// Package client asks a collective: it sends a request once, hands on the answers as they arrive, and accounts for every node.
//
// A client stands on a connection and a security provider:
//
//	conn, err := nats.Connect(ctx, nats.Options{Servers: []string{"nats://broker.example.net:4222"}, Identity: "workstation"})
//	sec, err := psk.New(psk.Options{Secret: secret, Identity: "workstation"})
//	c := client.New(conn, sec, client.Options{Identity: "workstation"})
//	found, err := c.Find(ctx, discovery.Query{Filter: f, Timeout: 2 * time.Second}, func(string) {}, nil)
//	account, err := c.Run(ctx, client.Run{Agent: "rpcutil", Action: "ping", Nodes: found.Nodes, Timeout: 10 * time.Second},
//		func(a client.Answer) { fmt.Println(a.Sender, a.Outcome) })
//
// examples/client is a whole program. There are three questions, all put by one
// engine. [Client.Find] asks which nodes match a filter, [Client.Run] runs an action
// of an agent on nodes, and [Client.Call] sends any body.
//
// Each ends when everybody who is expected has answered, when its time is up, or
// when its context ends. All of these are good ends, without an error: the [Account]
// says what became of each node, and only an [Outcome] of OK is a success. It
// takes time from package time alone, so that tests run it under testing/synctest.
//
// The package never sends a request twice, never asks a node that was not named or
// matched, and never counts silence as success. It prints nothing, reads no
// configuration, judges no inputs (that is ddl's) and keeps no answer that it has
// handed on.
package client

import (
	"log/slog"
	"time"

	"mcollective/connector"
	"mcollective/security"
)

// Options configure a Client.
type Options struct {
	Identity   string        // name of the machine that asks, in every request
	Collective string        // where calls go that name none; "" means "mcollective"
	TTL        time.Duration // how long requests are good for that do not say; 0 means one minute

	// PublishTimeout bounds how long the broker may take to accept the request, or
	// all the requests that go out together; 0 means two seconds.
	PublishTimeout time.Duration

	// BroadcastOnly is for collectives whose nodes take no requests addressed to
	// them by name: Find and Run broadcast then, with the names in the filter where
	// only some nodes are meant.
	BroadcastOnly bool

	// Patient has Find, and Calls that are Exact, take their whole time: no node is
	// asked to say no, and none is believed to. Where any holder of the secret can
	// speak for another, that is what nobody can end a search with.
	Patient bool

	Log *slog.Logger // nil means none
}

// A Client sends requests and collects replies. Its methods may be called from
// several goroutines. It does not close its connector.
type Client struct {
	conn connector.Connector
	sec  security.Client
	opts Options
}

// New returns a client that talks over conn and trusts as sec does.
func New(conn connector.Connector, sec security.Client, opts Options) *Client {
	if opts.Collective == "" {
		opts.Collective = "mcollective"
	}
	if opts.TTL <= 0 {
		opts.TTL = time.Minute
	}
	if opts.PublishTimeout <= 0 {
		opts.PublishTimeout = 2 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{conn: conn, sec: sec, opts: opts}
}
