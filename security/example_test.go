package security_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/security"
	"mcollective/security/psk"
)

func provider(secret, identity string) *psk.Provider {
	p, err := psk.New(psk.Options{Secret: secret, Identity: identity, CallerType: "identity"})
	if err != nil {
		panic(err)
	}
	return p
}

// One request and its reply, from both sides. A program does this with client and
// mco server; what they do with a provider is all here.
func Example() {
	ctx := context.Background()
	var client security.Client = provider("known to this example", "workstation")
	var node security.Node = provider("known to this example", "web1.example.net")

	request := &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Sender: "workstation",
		Time: time.Now(), TTL: time.Minute, Body: message.Ping,
	}
	sent, err := client.EncodeRequest(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}

	received, err := node.DecodeRequest(ctx, sent, message.Origin{Collective: "mcollective", Agent: "discovery"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(received.Principal.ID, "asks", received.Body, "with a proof of the kind", received.Principal.Proof)
	answer, err := node.EncodeReply(ctx, received, &message.Reply{
		RequestID: received.ID, Sender: "web1.example.net", Agent: "discovery", Time: time.Now(), Body: message.Pong,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	reply, err := client.DecodeReply(ctx, request, answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Sender, "says", reply.Body)
	// Output:
	// identity=workstation asks ping with a proof of the kind shared secret
	// web1.example.net says pong
}

// Programs tell by the error what is wrong with a payload, never by its text.
func Example_errors() {
	ctx := context.Background()
	node := provider("known to this example", "web1.example.net")
	stranger := provider("another secret", "workstation")
	sent, err := stranger.EncodeRequest(ctx, &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Sender: "workstation",
		Time: time.Now(), TTL: time.Minute, Body: message.Ping,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = node.DecodeRequest(ctx, sent, message.Origin{})
	fmt.Println("unverified:", errors.Is(err, security.ErrUnverified))
	_, err = node.DecodeRequest(ctx, security.Payload{Data: sent.Data[:40]}, message.Origin{})
	fmt.Println("malformed:", errors.Is(err, security.ErrMalformed))
	// Output:
	// unverified: true
	// malformed: true
}
