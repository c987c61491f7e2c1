package agenthost_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"mcollective/agent"
	"mcollective/internal/agenthost"
	"mcollective/rpc"
	"mcollective/value"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "agents")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "greet"), []byte("#!/bin/sh\necho message=\"hello $1\"\n"), 0o755)

	agents, problems := agenthost.Load(context.Background(), agenthost.Options{Dirs: []string{dir}})
	for _, p := range problems {
		fmt.Println(p)
	}
	reply := rpc.NewReply()
	err = agents["greet"].Call(context.Background(), &agent.Request{
		Request: &rpc.Request{Action: "run", Data: value.NewMap("args", "world")},
	}, reply)
	message, _ := reply.Output("message")
	fmt.Println(message, err)
	// Output: hello world <nil>
}
