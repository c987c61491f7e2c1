package agent_test

import (
	"context"
	"fmt"

	"mcollective/agent"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func ExampleNewMux() {
	definition := `
agent: greet
description: Greets
actions:
  hello:
    description: Say hello
    input:
      name: {type: string, description: Whom to greet, max_length: 60, required: true}
    output:
      message: {type: string, description: The greeting}
`
	greet, err := agent.NewMux("greet.yaml", []byte(definition), map[string]agent.ActionFunc{
		"hello": func(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
			name, _ := req.String("name")
			reply.Set("message", "hello "+name)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := agent.NewHandler(greet, agent.Options{})
	for _, inputs := range []*value.Map{value.NewMap("name", "borg"), value.NewMap()} {
		request := &rpc.Request{Agent: "greet", Action: "hello", Data: inputs}
		body, err := handler.Handle(context.Background(), &message.Request{Body: request.Body()})
		if err != nil {
			fmt.Println(err)
			return
		}
		reply, _ := rpc.ParseReply(body)
		text, _ := reply.Output("message")
		fmt.Println(reply.Status, reply.Message, text)
	}
	// Output:
	// 0 OK hello borg
	// 4 Action hello needs a name argument <nil>
}
