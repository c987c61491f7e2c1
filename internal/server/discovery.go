package server

import (
	"context"
	"fmt"

	"mcollective/message"
	"mcollective/rpc"
)

// By this header a client says that it counts on an answer of each node: of one
// that does not match, too. Not every connector carries headers, and others'
// nodes do not know it.
const (
	answerHeader = "mco-answer"
	answerAll    = "all"

	no = "no" // the body of such an answer
)

// discovery is the agent that every node has: whoever matches the filter says so.
const discovery = "discovery"

// A discoverer is the discovery agent.
type discoverer struct{}

// Metadata is what the node tells of the discovery agent.
func (discoverer) Metadata() rpc.Metadata {
	return rpc.Metadata{Name: "Discovery Agent", Description: "MCollective Discovery Agent", Version: "1.0"}
}

// Handle answers "ping".
func (discoverer) Handle(_ context.Context, req *message.Request) (any, error) {
	text, ok := bodyText(req.Body)
	switch {
	case text == "ping":
		return "pong", nil
	case ok:
		return "Unknown Request: " + clip(text), nil
	}
	return fmt.Sprintf("Unknown Request: %T", req.Body), nil
}
