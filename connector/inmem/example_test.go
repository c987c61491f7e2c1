package inmem_test

import (
	"context"
	"fmt"
	"time"

	"mcollective/connector"
	"mcollective/connector/inmem"
)

// A broker that is down: what is published waits for it.
func ExampleHub_Stop() {
	ctx := context.Background()
	hub := inmem.NewHub(inmem.Options{})
	c, err := hub.Connect(ctx, "web1")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "web1"}

	hub.Stop()
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	fmt.Println(c.Publish(short, to, connector.Message{Data: []byte("hello")}) != nil, c.Status().Connected)
	hub.Start()
	fmt.Println(c.Publish(ctx, to, connector.Message{Data: []byte("hello")}), c.Status().Connected)
	// Output:
	// true false
	// <nil> true
}
