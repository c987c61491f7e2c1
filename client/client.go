// Package client asks a collective: it sends a request once, collects the answers as they arrive, and accounts for who answered.
//
//	c := client.New(conn, sec, client.Options{Identity: "workstation"})
//	result, err := c.Call(ctx, client.Call{Agent: "discovery", Body: "ping", Timeout: 2 * time.Second},
//		func(r client.Reply) { fmt.Println(r.Sender, r.After) })
//
// There are three questions. [Client.Find] asks which nodes match a filter,
// [Client.Run] runs an action of an agent on nodes and accounts for each of them,
// and [Client.Call], which the others stand on or beside, sends any body.
//
// Each ends when everybody who is expected has answered, when its time is up, or
// when its context ends. All of these are good ends, and the result says what came.
// The package prints nothing, and keeps no answer that it has handed on.
package client

import (
	"log/slog"
	"time"

	"mcollective/connector"
	"mcollective/security"
)

// Options are what a Client needs to know besides its connection.
type Options struct {
	Identity   string        // name of the machine that asks, in every request
	Collective string        // where calls go that name none; "" means "mcollective"
	TTL        time.Duration // how long requests are good for that do not say; 0 means one minute

	// PublishTimeout bounds how long the broker may take to accept the request, or
	// all the requests of a call to Targets; 0 means two seconds.
	PublishTimeout time.Duration

	// BroadcastOnly is for collectives whose nodes take no requests addressed to
	// them by name: Find and Run broadcast then, with the names in the filter where
	// only some nodes are meant.
	BroadcastOnly bool

	// Patient has Find, and Calls that are Exact, take their whole time: no node is
	// asked to say no, and none is believed to. Where any holder of the secret can
	// speak for another, that is what nobody can end a search with.
	Patient bool

	Log *slog.Logger     // nil means none
	Now func() time.Time // nil means time.Now
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
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Client{conn: conn, sec: sec, opts: opts}
}
