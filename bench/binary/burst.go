package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"mcollective/connector"
	"mcollective/message"
	"mcollective/security/psk"
)

// burst sends the same request n times without waiting.
func burst(ctx context.Context, conn connector.Connector, sec *psk.Provider, n int) error {
	answers := make(chan struct{}, n)
	sub, err := conn.Subscribe(ctx, connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		func(connector.Delivery) { answers <- struct{}{} })
	if err != nil {
		return err
	}
	defer sub.Close()
	payload, err := sec.EncodeRequest(ctx, pingRequest())
	if err != nil {
		return err
	}
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	for range n {
		if err := conn.Publish(ctx, to, connector.Message{Data: bytes.Clone(payload.Data), ReplyTo: sub.Address()}); err != nil {
			return err
		}
	}
	deadline := time.After(30 * time.Second)
	for i := range n {
		select {
		case <-answers:
		case <-deadline:
			return fmt.Errorf("%d of %d requests were answered", i, n)
		}
	}
	return nil
}

// pingRequest is what mco ping sends.
func pingRequest() *message.Request {
	return &message.Request{ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Body: "ping",
		Time: time.Now().Truncate(time.Second), TTL: time.Minute}
}
