package rpc_test

import (
	"fmt"

	"mcollective/rpc"
	"mcollective/value"
)

// Both ends of one call: what a client sends, and what a node makes of it.
func Example() {
	request := rpc.Request{Agent: "greet", Action: "hello", Data: value.NewMap("name", "borg")}
	body := request.Body() // travels as the body of a message.Request

	received, err := rpc.Parse(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	reply := rpc.NewReply("message")
	if name, ok := received.Input("name"); ok {
		reply.Set("message", fmt.Sprintf("hello %v", name))
	} else {
		reply.Fail(rpc.Errorf(rpc.MissingData, "whom?"))
	}

	answer, err := rpc.ParseReply(reply.Body())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := answer.Output("message")
	fmt.Println(answer.Status, answer.Message, text)
	// Output: 0 OK hello borg
}

// A failure has a status, which programs go by, and a text for people.
func ExampleReply_Fail() {
	reply := rpc.NewReply("used")
	reply.Fail(fmt.Errorf("look at /var: %w", rpc.Errorf(rpc.InvalidData, "it is not a directory")))
	fmt.Println(reply.Status == rpc.InvalidData, reply.Message)
	// Output: true look at /var: it is not a directory
}

// Outputs may be Go values of most kinds.
func ExampleReply_Set() {
	type disk struct {
		Device string `json:"device"`
		Free   uint64 `json:"free"`
	}
	reply := rpc.NewReply()
	reply.Set("disks", []disk{{"sda", 20}, {"sdb", 7}})
	reply.Set("notify", make(chan bool)) // cannot travel
	disks, _ := reply.Output("disks")
	for _, d := range disks.([]any) {
		free, _ := d.(*value.Map).Get(value.Symbol("free"))
		fmt.Println(free)
	}
	fmt.Println(reply.Status, reply.Message)
	// Output:
	// 20
	// 7
	// 5 output notify: a message cannot hold chan bool
}
