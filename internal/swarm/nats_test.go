package swarm_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/fleettest"
	"mcollective/internal/swarm"
	"mcollective/internal/waittest"
)

// TestBrokerRestarts kills the broker under a swarm again and again. Every node
// has to answer after each time, and nothing may be left of the connections that
// were lost.
func TestBrokerRestarts(t *testing.T) {
	nodes, restarts := 40, 20
	if testing.Short() {
		nodes, restarts = 5, 3
	}
	b := fleettest.StartBroker(t, "127.0.0.1:0")
	address := b.Addr()
	var conns []connector.Connector
	connect := func(ctx context.Context, identity string) (connector.Connector, error) {
		c, err := nats.Connect(ctx, nats.Options{Servers: []string{address}, Identity: identity,
			ReconnectMin: 5 * time.Millisecond, ReconnectMax: 20 * time.Millisecond, ConnectTimeout: 10 * time.Second})
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	provider := fleettest.New(t, fleettest.Options{}).Security
	s, err := swarm.Start(t.Context(), swarm.Options{Nodes: nodes, Seed: 5, Security: provider, Parallel: 1,
		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
			c, err := connect(ctx, identity)
			conns = append(conns, c)
			return c, err
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	asker, err := connect(t.Context(), "client.example.net")
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	conns = append(conns, asker)
	var names []string
	for _, n := range s.Nodes() {
		names = append(names, n.Identity)
	}
	c := client.New(asker, provider, client.Options{Identity: "client.example.net"})
	ping := func(round int) {
		t.Helper()
		r, err := c.Call(t.Context(), client.Call{Agent: "discovery", Body: "ping", Nodes: names, Timeout: 20 * time.Second}, func(client.Answer) {})
		if err != nil {
			t.Fatalf("after %d restarts: %v", round, err)
		}
		if len(r.NoResponse)+len(r.Duplicates)+len(r.Unexpected)+r.Undecodable > 0 {
			t.Fatalf("after %d restarts %d of %d nodes answered, %d twice; missing: %v", round, r.Count[client.OK], nodes, len(r.Duplicates), r.NoResponse)
		}
	}
	ping(0)
	before := runtime.NumGoroutine()
	for round := 1; round <= restarts; round++ {
		b.Stop()
		b = fleettest.StartBroker(t, address)
		waittest.Until(t, "every connection to come back", func() bool {
			return !slices.ContainsFunc(conns, func(c connector.Connector) bool { return c.Status().Reconnects < uint64(round) })
		})
		ctx, cancel := context.WithTimeout(t.Context(), waittest.Patience)
		for _, c := range conns { // reconnected is not yet subscribed
			if err := c.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		ping(round)
	}
	waittest.Until(t, fmt.Sprintf("about %d goroutines, as many as before the restarts", before), func() bool {
		return runtime.NumGoroutine() <= before+nodes/2
	})
}
