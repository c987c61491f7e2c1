package connector_test

import (
	"context"
	"fmt"
	"time"

	"mcollective/connector"
	"mcollective/connector/inmem"
)

// A client asks all nodes that have an agent, and one of them answers. What works
// with one connector works with each.
func Example() {
	ctx := context.Background()
	hub := inmem.NewHub(inmem.Options{}) // in the place of a broker
	dial := func(identity string) connector.Connector {
		c, err := hub.Connect(ctx, identity) // or nats.Connect, activemq.Connect, rabbitmq.Connect
		if err != nil {
			panic(err)
		}
		return c
	}

	node := dial("web1.example.net")
	defer node.Close()
	requests := make(chan connector.Delivery, 1)
	_, err := node.Subscribe(ctx, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
		func(d connector.Delivery) {
			d.Data = append([]byte(nil), d.Data...) // the bytes are ours only until we return
			requests <- d
		})
	if err != nil {
		fmt.Println(err)
		return
	}

	client := dial("workstation")
	defer client.Close()
	replies := make(chan string, 1)
	inbox, err := client.Subscribe(ctx, connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		func(d connector.Delivery) { replies <- string(d.Data) })
	if err != nil {
		fmt.Println(err)
		return
	}
	err = client.Publish(ctx, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
		connector.Message{Data: []byte("who is there?"), ReplyTo: inbox.Address(), TTL: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}

	request := <-requests
	fmt.Printf("%s: %s\n", request.Target.Kind, request.Data)
	err = node.Publish(ctx, connector.Target{Kind: connector.Reply, Address: request.ReplyTo},
		connector.Message{Data: []byte("web1 is")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-replies)
	// Output:
	// broadcast: who is there?
	// web1 is
}
