package client_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/swarm"
	"mcollective/security/psk"
)

// collective starts five nodes and returns a client of theirs. A program would
// connect with connector/nats or another and has no need of the rest.
func collective(ctx context.Context) (*client.Client, func()) {
	hub := inmem.NewHub(inmem.Options{})
	sec, err := psk.New(psk.Options{Secret: "only for this example", Identity: "workstation"})
	if err != nil {
		panic(err)
	}
	nodes, err := swarm.Start(ctx, swarm.Options{Nodes: 5, Seed: 1, Security: sec, Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
		return hub.Connect(ctx, identity)
	}})
	if err != nil {
		panic(err)
	}
	conn, err := hub.Connect(ctx, "workstation")
	if err != nil {
		panic(err)
	}
	return client.New(conn, sec, client.Options{Identity: "workstation"}), func() { conn.Close(); nodes.Stop() }
}

// Find the nodes that a filter matches.
func ExampleClient_Find() {
	ctx := context.Background()
	c, stop := collective(ctx)
	defer stop()
	kernel, err := filter.ParseFact("kernel=Linux")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := c.Find(ctx, discovery.Query{
		Filter: filter.Filter{Facts: []filter.Fact{kernel}}, Timeout: 10 * time.Second,
	}, func(identity string) {
		// called when a node answers
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(found.Nodes), "nodes of", found.Asked, "found, all have spoken:", found.Exact)
	// Output: 4 nodes of 5 found, all have spoken: true
}

// Call an action on some nodes, two at a time, and account for each.
func ExampleClient_Run() {
	ctx := context.Background()
	c, stop := collective(ctx)
	defer stop()
	found, err := c.Find(ctx, discovery.Query{Timeout: 10 * time.Second}, func(string) {}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	slices.Sort(found.Nodes)
	account, err := c.Run(ctx, client.Run{
		Agent: "rpcutil", Action: "ping",
		Nodes: append(client.Limit{Count: 3}.Pick(found.Nodes), "no-such-node"),
		Batch: 2, Timeout: 10 * time.Second,
	}, func(a client.Answer) {
		if _, ok := a.RPC.Output("pong"); !ok {
			fmt.Println(a.Sender, "does not say pong")
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(account.Count[client.OK], "ok,", account.Count[client.Unreachable], "unreachable:", account.NoResponse)
	// Output: 3 ok, 1 unreachable: [no-such-node]
}
