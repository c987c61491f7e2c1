package server

import (
	"context"
	"fmt"

	"mcollective/message"
	"mcollective/rpc"
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
