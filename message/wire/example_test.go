package wire_test

import (
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
)

// A reply as a provider writes and reads it. The body is bytes of its own, since
// those are what the provider proves.
func Example() {
	body, err := wire.JSON.EncodeBody("pong")
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := wire.JSON.EncodeReply(&wire.Reply{
		Header: message.Reply{RequestID: "b0c1", Sender: "web1.example.net", Agent: "discovery", Time: time.Unix(1893456000, 0)},
		Body:   string(body), Hash: "proof of the body",
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	reply, err := wire.JSON.DecodeReply(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider compares reply.Hash with the proof of reply.Body here, and reads on only then.
	said, err := wire.JSON.DecodeReplyBody(reply.Body)
	fmt.Println(reply.Header.Sender, "says", said, err)

	_, err = wire.JSON.DecodeRequest(data)
	fmt.Println(err)
	// Output:
	// web1.example.net says pong <nil>
	// request: it is a reply, which has :senderagent
}
