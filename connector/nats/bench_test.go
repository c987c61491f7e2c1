package nats

import (
	"testing"
	"time"

	"mcollective/broker"
	"mcollective/connector"
)

// BenchmarkReceive is one message from a node through a broker to a client.
func BenchmarkReceive(b *testing.B) {
	br, err := broker.New(broker.Options{Listen: "127.0.0.1:0"})
	if err == nil {
		err = br.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer br.Stop()
	client, err := Connect(b.Context(), Options{Servers: []string{br.Addr()}, Identity: "client"})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	node, err := Connect(b.Context(), Options{Servers: []string{br.Addr()}, Identity: "node"})
	if err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	count, all := 0, make(chan struct{})
	sub, err := client.Subscribe(b.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"}, func(connector.Delivery) {
		if count++; count == b.N {
			close(all)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 500)
	b.SetBytes(int64(len(data)))
	b.ResetTimer()
	for range b.N {
		if err := node.Publish(b.Context(), connector.Target{Kind: connector.Reply, Address: sub.Address()}, connector.Message{Data: data}); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-all:
	case <-time.After(time.Minute):
		b.Fatalf("%d of %d messages came within a minute", count, b.N)
	}
}
