package server

import (
	"context"
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/rpc"
)

// discovery is the agent that every node has: a node that matches the filter says so.
const discovery = "discovery"

// A discoverer is the discovery agent.
type discoverer struct{}

// Metadata returns what the node tells of the discovery agent.
func (discoverer) Metadata() rpc.Metadata {
	return rpc.Metadata{Name: "Discovery Agent", Description: "MCollective Discovery Agent", Version: "1.0", Timeout: 5 * time.Second}
}

// Handle answers "ping".
func (discoverer) Handle(_ context.Context, req *message.Request) (any, error) {
	text, ok := bodyText(req.Body)
	switch {
	case text == message.Ping:
		return message.Pong, nil
	case ok:
		return "Unknown Request: " + clip(text), nil
	}
	return fmt.Sprintf("Unknown Request: %T", req.Body), nil
}

// A Defined handler has a definition, which clients may have of another time or
// from another node. DefinitionHash tells them apart; see ddl.Definition.Hash.
type Defined interface {
	DefinitionHash() string
}

// state adds to the word that this node matches which definition it has of the
// agent that the caller is about to call.
func (c *call) state(body any) any {
	if c.Definition == "" || c.Agent != discovery || body != message.Pong {
		return body
	}
	if a := c.agentSet.agents[c.Definition]; a != nil {
		if d, ok := a.handler.(Defined); ok {
			return message.StateDefinition(d.DefinitionHash())
		}
	}
	return body
}
