package nats_test

import (
	"context"
	"fmt"

	"mcollective/broker"
	"mcollective/connector"
	"mcollective/connector/nats"
)

// Ask one node by its name.
func ExampleConnect() {
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := b.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer b.Stop()

	ctx := context.Background()
	c, err := nats.Connect(ctx, nats.Options{Servers: []string{b.ClientURL()}, Identity: "web1.example.net"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	me := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "web1.example.net"}
	received := make(chan string, 1)
	if _, err := c.Subscribe(ctx, me, func(d connector.Delivery) { received <- string(d.Data) }); err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Publish(ctx, me, connector.Message{Data: []byte("hello")}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-received)

	// What could be a wildcard, or another subject, is no name.
	me.Identity = "*"
	fmt.Println(c.Publish(ctx, me, connector.Message{Data: []byte("hello")}))
	// Output:
	// hello
	// nats: publish: identity "*" cannot be part of a subject: byte 0 is not allowed there
}
