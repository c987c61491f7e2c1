package server

import (
	"context"
	"fmt"

	"mcollective/message"
)

// discovery is the agent that every node has: whoever matches the filter says so.
const discovery = "discovery"

// answerDiscovery is the discovery agent.
func answerDiscovery(_ context.Context, req *message.Request) (any, error) {
	text, ok := bodyText(req.Body)
	switch {
	case text == "ping":
		return "pong", nil
	case ok:
		return "Unknown Request: " + clip(text), nil
	}
	return fmt.Sprintf("Unknown Request: %T", req.Body), nil
}
