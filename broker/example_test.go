package broker_test

import (
	"context"
	"fmt"

	"mcollective/broker"
	"mcollective/connector/nats"
)

// A broker inside of another program.
func Example() {
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0", User: "mco", Password: "a password of this example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := b.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer b.Stop()
	fmt.Println("only this machine:", b.Local())
	fmt.Println("without a password:", b.Open())

	c, err := nats.Connect(context.Background(), nats.Options{
		Servers: []string{b.ClientURL()}, Identity: "web1.example.net", User: "mco", Password: "a password of this example",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("connected:", c.Connected())
	// Output:
	// only this machine: true
	// without a password: false
	// connected: true
}

// Run serves until its context ends, as the program of a service does.
func ExampleBroker_Run() {
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = b.Run(ctx, func() {
		fmt.Println("clients can connect")
		stop() // in a program, signal.NotifyContext does this
	})
	fmt.Println("stopped:", err)
	// Output:
	// clients can connect
	// stopped: <nil>
}
